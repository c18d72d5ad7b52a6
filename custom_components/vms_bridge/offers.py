"""What zeroconf and MQTT say of where bridges are. Anybody can say that of any bridge and any address: these are offers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeIs

from yarl import URL

from .client import Address
from .errors import BadAddress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

_LONGEST_HELLO = 10_000
_LONGEST_NAME = 64
_BRIDGE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOPIC = re.compile(r"vms_bridge/([^/]+)/info")
_NO_JSON = (ValueError, RecursionError)
_MARKUP = str.maketrans(dict.fromkeys("[]()<>{}*_`|\\#!~&", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where somebody says that a bridge is. `name` is empty where it is not said."""

    bridge_id: str
    address: Address
    name: str = ""


def of_zeroconf(host: IPv4Address | IPv6Address, port: int | None, properties: Mapping[str, Any]) -> Offer | None:
    """Return what an announcement by zeroconf says (docs/api.md, "How it is found"), None where it makes no sense."""
    bridge_id = properties.get("id")
    if not _is_bridge_id(bridge_id) or not port or host.is_link_local or host.is_unspecified or host.is_multicast:
        return None
    url = URL.build(scheme="https" if properties.get("tls") == "true" else "http", host=str(host), port=port)
    return Offer(bridge_id=bridge_id, address=normal(Address(str(url))))


def of_mqtt(topic: str, payload: str | bytes | bytearray) -> Offer | None:
    """Return what a hello by MQTT says (docs/mqtt.md, "The hello"); None where it makes no sense, or names no API.

    An empty payload clears the topic. What is said on the topic of another instance is nobody's.
    """
    instance = _TOPIC.fullmatch(topic)
    if instance is None or not payload or len(payload) > _LONGEST_HELLO:
        return None
    try:
        said = json.loads(payload)
    except _NO_JSON:
        return None
    if not isinstance(said, dict) or said.get("instance") != instance[1]:
        return None
    bridge_id, api, name = said.get("bridge_id"), said.get("api"), said.get("name")
    if not _is_bridge_id(bridge_id) or not isinstance(api, str):
        return None
    try:
        address = normal(Address(api))
    except BadAddress:
        return None
    return Offer(bridge_id=bridge_id, address=address, name=plain(name) if isinstance(name, str) else "")


def normal(address: Address) -> Address:
    """Return an address as all are written: two ways to write one are the same then."""
    return Address(str(address.base).rstrip("/"), address.fingerprint)


def plain(text: str, longest: int = _LONGEST_NAME) -> str:
    """Return a foreign text as one line without markup, fit for a title and for what a form says."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * longest])
    return " ".join(printable.translate(_MARKUP).split())[:longest].rstrip()


def _is_bridge_id(said: object) -> TypeIs[str]:
    return isinstance(said, str) and _BRIDGE_ID.fullmatch(said) is not None
