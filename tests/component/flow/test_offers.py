"""What an offer says, apart from who made it."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest
from custom_components.vms_bridge.client import Address
from custom_components.vms_bridge.offers import Offer, normal, of_mqtt, of_zeroconf, plain


@pytest.mark.parametrize(
    ("address", "port", "tls", "url"),
    [
        ("192.168.1.5", 8098, "false", "http://192.168.1.5:8098"),
        ("192.168.1.5", 8098, "true", "https://192.168.1.5:8098"),
        ("192.168.1.5", 443, "true", "https://192.168.1.5"),
        ("fd00::5", 8098, "false", "http://[fd00::5]:8098"),
    ],
)
def test_an_announcement_is_an_address(address: str, port: int, tls: str, url: str) -> None:
    offer = of_zeroconf(ip_address(address), port, {"id": "5f0c7a52e9d14b0c", "tls": tls})
    assert offer is not None
    assert (offer.bridge_id, offer.address, offer.name) == ("5f0c7a52e9d14b0c", Address(url), "")


@pytest.mark.parametrize(
    ("address", "port", "properties"),
    [
        ("192.168.1.5", 8098, {}),
        ("192.168.1.5", 8098, {"id": "a b"}),
        ("192.168.1.5", 8098, {"id": "x" * 65}),
        ("192.168.1.5", 8098, {"id": None}),
        ("192.168.1.5", None, {"id": "a"}),
        ("192.168.1.5", 0, {"id": "a"}),
        ("169.254.1.1", 8098, {"id": "a"}),
        ("fe80::1", 8098, {"id": "a"}),
        ("0.0.0.0", 8098, {"id": "a"}),  # noqa: S104 - nothing is opened
        ("224.0.0.251", 8098, {"id": "a"}),
    ],
)
def test_nonsense_is_none(address: str, port: int | None, properties: dict[str, str | None]) -> None:
    assert of_zeroconf(ip_address(address), port, properties) is None


HELLO = {"v": 1, "instance": "home", "name": "VMS Bridge", "bridge_id": "5f0c7a52e9d14b0c", "api": "https://nas:8098"}


def hello(topic: str = "vms_bridge/home/info", payload: str | bytes | None = None, **said: object) -> Offer | None:
    return of_mqtt(topic, json.dumps(HELLO | said) if payload is None else payload)


def test_a_hello_is_an_address() -> None:
    said = Offer(bridge_id="5f0c7a52e9d14b0c", address=Address("https://nas:8098"), name="VMS Bridge")
    assert hello() == hello(payload=json.dumps(HELLO).encode()) == said
    assert hello(what_is_new=True) == said


@pytest.mark.parametrize("name", [None, 5, ["x"]])
def test_a_hello_needs_no_name(name: object) -> None:
    offer = hello(name=name)
    assert offer is not None
    assert offer.name == ""


NO_HELLO = [
    {"payload": ""},
    {"payload": "{"},
    {"payload": "[]"},
    {"payload": "[" * 9_000},
    {"payload": "x" * 20_000},
    {"payload": "null"},
    {"topic": "vms_bridge/other/info"},
    {"topic": "vms_bridge/home/extra/info"},
    {"instance": None},
    {"bridge_id": None},
    {"bridge_id": "a/b"},
    {"bridge_id": 7},
    {"api": None},
    {"api": "nas:8098"},
    {"api": "ftp://nas"},
    {"api": "http://a:99999"},
    {"api": ["http://nas"]},
]


@pytest.mark.parametrize("said", NO_HELLO, ids=[str(number) for number in range(len(NO_HELLO))])
def test_what_is_no_hello_is_none(said: dict[str, Any]) -> None:
    assert hello(**said) is None


def test_two_ways_to_write_an_address_are_one() -> None:
    assert normal(Address("HTTP://NAS.lan:80/")) == normal(Address("http://nas.lan")) == Address("http://nas.lan")
    assert normal(Address("https://nas", "ab" * 32)).fingerprint == "ab" * 32


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("VMS Bridge", "VMS Bridge"),
        ("  a \n b\t", "a b"),
        ("[click](http://x) <b>*now*</b>", "click http: x b now b"),
        ("\u202eevil\x00", "evil"),
        ("x" * 100, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
        ("", ""),
    ],
)
def test_a_foreign_text_is_one_line_without_markup(text: str, shown: str) -> None:
    assert plain(text).replace("/", " ").split() == shown.split()
