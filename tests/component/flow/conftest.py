"""What tests of the forms share: quick keys of pairing codes, entries that are not set up for real, short ways to fill forms."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, patch

import pytest
from homeassistant.config_entries import ConfigEntryState

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult
    from homeassistant.core import HomeAssistant

DOMAIN = "vms_bridge"

type Fill = Callable[..., Coroutine[Any, Any, ConfigFlowResult]]


@pytest.fixture(autouse=True)
def key_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have keys made of codes by one round instead of 600,000, on both sides; return the names of the threads that made them."""
    threads: list[str] = []
    make = hashlib.pbkdf2_hmac

    def make_quickly(name: str, password: bytes, salt: bytes, rounds: int, length: int | None = None) -> bytes:
        assert rounds == 600_000
        threads.append(threading.current_thread().name)
        return make(name, password, salt, 1, length)

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", make_quickly)
    return threads


@pytest.fixture(autouse=True)
def set_up() -> Iterator[AsyncMock]:
    """Have entries set up at once, without a connection: what follows of that is tested elsewhere."""
    with (
        patch(f"custom_components.{DOMAIN}.async_setup_entry", return_value=True) as set_up,
        patch(f"custom_components.{DOMAIN}.async_unload_entry", return_value=True),
    ):
        yield set_up


@pytest.fixture(autouse=True)
async def _unloaded(request: pytest.FixtureRequest, set_up: AsyncMock) -> AsyncIterator[None]:
    """Have entries unloaded at the end as they were set up."""
    assert set_up is not None
    yield
    if "hass" in request.fixturenames:
        hass: HomeAssistant = request.getfixturevalue("hass")
        await hass.async_block_till_done()
        for entry in hass.config_entries.async_entries(DOMAIN):
            if entry.state is ConfigEntryState.LOADED:
                assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def add(hass: HomeAssistant) -> Fill:
    """Begin to add a bridge by hand: `await add(url)`; the result is what follows the first form."""

    async def begin(url: str, method: str = "pair") -> ConfigFlowResult:
        form = await hass.config_entries.flow.async_init(DOMAIN, context={"source": "user"})
        assert form["step_id"] == "user"
        return await hass.config_entries.flow.async_configure(form["flow_id"], {"url": url, "method": method})

    return begin


@pytest.fixture
def fill(hass: HomeAssistant) -> Fill:
    """Fill the form that is shown: `await fill(result, code="…")`."""

    async def send(shown: ConfigFlowResult, **said: Any) -> ConfigFlowResult:
        return await hass.config_entries.flow.async_configure(shown["flow_id"], said)

    return send


@pytest.fixture
def choose(hass: HomeAssistant) -> Fill:
    """Choose from the menu that is shown: `await choose(result, "pair")`."""

    async def send(shown: ConfigFlowResult, step: str) -> ConfigFlowResult:
        assert step in shown["menu_options"]
        return await hass.config_entries.flow.async_configure(shown["flow_id"], {"next_step_id": step})

    return send
