"""Addresses as people type them, and paths below them."""

from __future__ import annotations

import aiohttp
import pytest
from custom_components.vms_bridge.address import Address, is_link_to, path_of, sound_path, target_of
from custom_components.vms_bridge.client import BridgeClient
from custom_components.vms_bridge.errors import BadAddress, NotFound
from tests.component.client.lab import BRIDGE_ID, INFO, Scripted
from tests.component.fakes.bridge import TOKEN, FakeBridge


@pytest.mark.parametrize(
    ("typed", "url", "host"),
    [
        ("192.168.1.5", "http://192.168.1.5:8098", "192.168.1.5:8098"),
        ("192.168.1.5:80", "http://192.168.1.5", "192.168.1.5"),
        (" http://192.168.1.5:8098/ ", "http://192.168.1.5:8098", "192.168.1.5:8098"),
        ("http://192.168.1.5:8098/api/v1/", "http://192.168.1.5:8098", "192.168.1.5:8098"),
        ("https://cameras.example/vms", "https://cameras.example/vms", "cameras.example"),
        ("[::1]", "http://[::1]:8098", "[::1]:8098"),
        ("bridge", "http://bridge:8098", "bridge:8098"),
    ],
)
def test_an_address_is_read_as_people_type_it(typed: str, url: str, host: str) -> None:
    address = Address.parse(typed)
    assert (address.url, address.host) == (url, host)
    assert address.api("events", {"limit": "5"}).raw_path_qs.endswith("/api/v1/events?limit=5")
    assert address.place == url.removesuffix("/vms")


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "http://",
        "ftp://host",
        "file:///etc/passwd",
        "http://user:word@host",
        "user@host",
        "http://host/?a=b",
        "http://host/#a",
        "http://host:99999",
        "host:port",
        "http://[::1",
        "http://ho st",
        "https://\x00",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(BadAddress):
        Address.parse(typed)


def test_a_fingerprint_is_that_of_a_certificate() -> None:
    assert Address("https://host", "ab" * 32).fingerprint
    for url, fingerprint in (
        ("http://host", "ab" * 32),
        ("https://host", "AB" * 32),
        ("https://host", ""),
        ("https://host", "ab"),
    ):
        with pytest.raises(BadAddress):
            Address(url, fingerprint)
    with pytest.raises(BadAddress):
        Address.parse("host", "ab" * 32)


def test_parts_of_a_path_are_quoted() -> None:
    assert path_of("media", "events", "zm-1/2?ä#", "clip") == "media/events/zm-1%2F2%3F%C3%A4%23/clip"
    for part in ("", ".", "..", "\ud800"):
        with pytest.raises(NotFound):
            path_of("media", part)


@pytest.mark.parametrize("path", ["", "/", "a//b", "a/../b", "a?b", "a#b", "a b", "a\n", "ä", "a" * 5_000])
def test_a_path_stays_below_the_api(path: str) -> None:
    with pytest.raises(ValueError, match="quoted"):
        sound_path(path)


def test_a_link_is_to_what_was_asked_for() -> None:
    target = target_of("media/events/zm-1%2F2/picture", {"frame": "alarm"})
    assert target == "/api/v1/media/events/zm-1%2F2/picture?frame=alarm"
    assert is_link_to(f"{target}&auth=x", target)
    assert not is_link_to("/api/v1/media/events/zm-1/2/picture?auth=x", target)


async def test_a_client_below_a_path_of_a_proxy_asks_there(bridge: FakeBridge) -> None:
    async with aiohttp.ClientSession() as session:
        asking = BridgeClient(session, Address(f"{bridge.url}/vms"), TOKEN)
        with pytest.raises(NotFound):
            await asking.info()
    assert bridge.requests[0].path == "/vms/api/v1/info"
    assert asking.place == bridge.url


def test_scripted_servers_are_those_of_the_bridge() -> None:
    assert Scripted(url="http://127.0.0.1:1").host == "127.0.0.1:1"
    assert INFO["bridge_id"] == BRIDGE_ID == FakeBridge(world=False).bridge_id
