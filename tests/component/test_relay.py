"""The relay: at which address programs of this machine find it, and who is one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from custom_components.vms_bridge.relay import is_own, own_address

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


def listening(bound: list[str] | None, *, is_tls: bool = False, has_server: bool = True) -> HomeAssistant:
    """Return a Home Assistant that listens there, as far as an address is concerned."""
    api = SimpleNamespace(port=8123, use_ssl=is_tls) if has_server else None
    return cast("HomeAssistant", SimpleNamespace(config=SimpleNamespace(api=api), http=SimpleNamespace(server_host=bound)))


@pytest.mark.parametrize(
    ("bound", "scheme", "host"),
    [
        (None, "http", "127.0.0.1"),
        (["0.0.0.0", "::"], "http", "127.0.0.1"),  # noqa: S104  # read, not bound
        (["::"], "http", "[::1]"),
        (["192.168.1.5"], "https", "192.168.1.5"),
        (["fd00::5"], "http", "[fd00::5]"),
    ],
)
def test_the_address_is_one_that_home_assistant_listens_at(bound: list[str] | None, scheme: str, host: str) -> None:
    assert own_address(listening(bound, is_tls=scheme == "https")) == f"{scheme}://{host}:8123"


def test_without_a_server_there_is_no_address() -> None:
    assert own_address(listening(None, has_server=False)) is None


def test_who_comes_from_elsewhere_is_not_of_this_machine() -> None:
    hass = listening(["192.168.1.5"])
    assert [is_own(hass, remote) for remote in ("127.0.0.1", "::1", "192.168.1.5")] == [True, True, True]
    assert [is_own(hass, remote) for remote in ("192.168.1.6", "8.8.8.8", None, "unix")] == [False, False, False, False]
