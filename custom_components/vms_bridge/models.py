"""What a bridge says, read from its JSON into values that do not change.

A bridge may be old, new or none at all: `parse` passes over what it does not know, fills in what an older bridge does not say
where that makes sense, bounds what it takes in, and raises NotABridge for what makes none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from .errors import NotABridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

type JsonObject = dict[str, Any]
"""A JSON object, as it was read."""

_LONGEST = 1_000
_MOST = 10_000
"""How many things a list may have; a bridge has as many monitors, zones and entities as people have cameras."""
_MOST_PIXELS = 1_000_000
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEX = re.compile(r"(?:[0-9a-f]{2}){1,256}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_SCOPES = ("read", "control", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a command is for: a monitor, a system or, where neither is named, the bridge itself."""

    system: str | None = None
    monitor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """Who the bridge is: what `GET info` says, which takes no token."""

    bridge_id: str
    name: str
    """The instance's name, for people."""
    lowest_protocol: int
    highest_protocol: int
    version: str = ""
    """Empty: the bridge tells it only to who has a token (`Health`, `Welcome`)."""
    instance: str = ""

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "info")
        protocol = an_object(said.get("protocol"), "info.protocol")
        return cls(
            bridge_id=_key(said, "bridge_id"),
            name=_text(said, "name", ""),
            lowest_protocol=_whole(protocol, "lowest"),
            highest_protocol=_whole(protocol, "highest"),
            version=_text(said, "version", ""),
            instance=_text(said, "instance", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the bridge itself fares, and its version: what `GET health` says to a token that is not limited."""

    version: str
    instance: str
    problem: str | None
    undelivered: int
    given_up: int

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "health")
        return cls(
            version=_text(said, "version"),
            instance=_text(said, "instance", ""),
            problem=_text_or_none(said, "problem"),
            undelivered=_whole(said, "undelivered", 0),
            given_up=_whole(said, "given_up", 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of a monitor's picture; `key` is its key in the state's `zones`."""

    key: str
    name: str
    kind: str

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "zone")
        key = _key(said, "key")
        return cls(key=key, name=_text(said, "name", key), kind=_text(said, "kind", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Something that is looked for at a monitor: objects of a label, in a zone or anywhere."""

    key: str
    name: str

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "watched")
        key = _key(said, "key")
        return cls(key=key, name=_text(said, "name", key)[:64] or key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A camera, without what is live. `entities` are the keys of the catalogue's rows that it has."""

    system: str
    key: str
    name: str
    area: str | None = None
    model: str = ""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    zones: tuple[Zone, ...] = ()
    watched: tuple[Watched, ...] = ()
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """The modes that can be set, each with its values."""
    capabilities: frozenset[str] = frozenset()
    entities: tuple[str, ...] = ()

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it, with or without what is live. Raises NotABridge."""
        said = an_object(json, "monitor")
        key = _key(said, "key")
        return cls(
            system=_key(said, "system"),
            key=key,
            name=_text(said, "name", key) or key,
            area=_text_or_none(said, "area"),
            model=_text(said, "model", ""),
            width=_pixels(said, "width"),
            height=_pixels(said, "height"),
            zones=_several(said, "zones", Zone.parse, key=lambda zone: zone.key),
            watched=_several(said, "watched", Watched.parse, key=lambda watched: watched.key),
            modes=_modes(said),
            capabilities=frozenset(_texts(said, "capabilities")),
            entities=_texts(said, "entities"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A VMS, without what is live. `monitors` are the keys of its monitors where it was asked for by GET, else empty."""

    key: str
    name: str
    kind: str
    monitors: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    entities: tuple[str, ...] = ()

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it, with or without what is live. Raises NotABridge."""
        said = an_object(json, "system")
        key = _key(said, "key")
        return cls(
            key=key,
            name=_text(said, "name", key) or key,
            kind=_text(said, "kind", ""),
            monitors=_texts(said, "monitors"),
            capabilities=frozenset(_texts(said, "capabilities")),
            entities=_texts(said, "entities"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody has the bridge's devices by another way than MQTT discovery; the times are ISO 8601, in UTC."""

    holder: str
    since: str
    seen: str
    is_stale: bool = False
    """It was not claimed for a week: whoever did may be no more."""
    is_own: bool = False
    """It was claimed by the token with which we ask."""

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "claim")
        return cls(
            holder=_text(said, "holder"),
            since=_text(said, "since", ""),
            seen=_text(said, "seen", ""),
            is_stale=said.get("is_stale") is True,
            is_own=said.get("is_own") is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """What became of a command. `value` is the value that is in force now, where there is one."""

    result: str
    """`applied`, `accepted`, `unchanged`, `refused`, `failed` or `timeout`; `running` is not final. More may come."""
    command: str
    value: str | None = None
    code: str | None = None
    """The bridge's word for what went wrong."""
    detail: str | None = None
    """What went wrong, or what to do, in English."""
    request_id: str | None = None

    @property
    def is_done(self) -> bool:
        """Say whether it was done: the VMS shows it, has taken it, or there was nothing to do."""
        return self.result in {"applied", "accepted", "unchanged"}

    @property
    def is_final(self) -> bool:
        """Say whether no other answer follows."""
        return self.result != "running"

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "ack")
        error = said.get("error")
        failure = {} if error is None else an_object(error, "ack.error")
        return cls(
            result=_text(said, "result"),
            command=_text(said, "command", ""),
            value=_text_or_none(said, "applied"),
            code=_text_or_none(failure, "code"),
            detail=_text_or_none(failure, "hint"),
            request_id=_text_or_none(said, "request_id"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The token that pairing gave; `certificate` is the SHA-256 of the one that the exchange was bound to, None without TLS."""

    token: str = field(repr=False)
    token_id: str
    scope: str
    bridge_id: str
    certificate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The answer to `POST proof`: the bridge's nonce, and the HMAC by which it proves itself."""

    bridge_id: str
    certificate: str | None
    """What the bridge says that its own certificate is; None behind a proxy, and without TLS."""
    nonce: str
    mac: str

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "proof")
        return cls(
            bridge_id=_key(said, "bridge_id"),
            certificate=_fingerprint(said, "certificate"),
            nonce=_hex(said, "nonce"),
            mac=_hex(said, "mac"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The answer to `POST pair`: a token for who knows the code, sealed."""

    token_id: str
    scope: str
    sealed: str
    mac: str

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "paired")
        return cls(token_id=_key(said, "token_id"), scope=_key(said, "scope"), sealed=_hex(said, "sealed"), mac=_hex(said, "mac"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The bridge's first message on a WebSocket."""

    bridge_id: str
    version: str
    lowest_protocol: int
    highest_protocol: int
    asks_for_token: bool
    nonce: str

    @classmethod
    def parse(cls, json: object) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "hello")
        return cls(
            bridge_id=_key(said, "bridge_id"),
            version=_text(said, "version", ""),
            lowest_protocol=_whole(said, "lowest_protocol"),
            highest_protocol=_whole(said, "highest_protocol"),
            asks_for_token=said.get("token") is not False,
            nonce=_hex(said, "nonce"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """Whom the bridge has let in: the scope and name of the token, the epoch of the bridge's store, and the bridge's version."""

    bridge_id: str
    version: str
    scope: str
    name: str | None
    epoch: str
    time: float | None = None
    """The bridge's clock when it let us in, in seconds since 1970, to the second; None where it is not known."""

    @classmethod
    def parse(cls, json: object, hello: Hello) -> Self:
        """Read it. Raises NotABridge."""
        said = an_object(json, "welcome")
        return cls(
            bridge_id=hello.bridge_id,
            version=hello.version,
            scope=scope_of(said.get("scope")),
            name=_text_or_none(said, "name"),
            epoch=_text(said, "epoch", ""),
        )


def scope_of(said: object) -> str:
    """Return a token's scope, which is one of those that we know: less is taken for granted than is said. Raises NotABridge."""
    if not isinstance(said, str):
        raise NotABridge("the bridge does not say how far the token goes")
    return said if said in _SCOPES else "read"


def an_object(json: object, what: str) -> JsonObject:
    """Return the JSON object that this is to be. Raises NotABridge where it is none."""
    if not isinstance(json, dict):
        raise NotABridge(f"{what} is no JSON object")
    return json


def normal_fingerprint(text: str) -> str | None:
    """Return a SHA-256 as people copy it (capitals, colons, spaces) as 64 hex digits; None where it is none."""
    digits = text.replace(":", "").replace(" ", "").strip().lower()
    return digits if _FINGERPRINT.fullmatch(digits) else None


def _text(said: JsonObject, name: str, default: str | None = None) -> str:
    value = said.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise NotABridge(f"{name} is no text")
    return value[:_LONGEST]


def _text_or_none(said: JsonObject, name: str) -> str | None:
    return None if said.get(name) is None else _text(said, name)


def _key(said: JsonObject, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise NotABridge(f"{name} is no key")
    return value


def _hex(said: JsonObject, name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise NotABridge(f"{name} is no hex")
    return value


def _fingerprint(said: JsonObject, name: str) -> str | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _FINGERPRINT.fullmatch(value):
        raise NotABridge(f"{name} is no fingerprint")
    return value


def _whole(said: JsonObject, name: str, default: int | None = None) -> int:
    value = said.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise NotABridge(f"{name} is no whole number")
    return value


def _pixels(said: JsonObject, name: str) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotABridge(f"{name} is no number")
    return int(value) if 0 < value <= _MOST_PIXELS else None


def _list(said: JsonObject, name: str) -> list[Any]:
    value = said.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST:
        raise NotABridge(f"{name} is no list, or too long a one")
    return value


def _texts(said: JsonObject, name: str) -> tuple[str, ...]:
    """Return the texts of a list, each once; what is no text is something newer, and passed over."""
    return tuple(dict.fromkeys(each[:_LONGEST] for each in _list(said, name) if isinstance(each, str)))


def _several[Part](said: JsonObject, name: str, parse: Callable[[object], Part], key: Callable[[Part], str]) -> tuple[Part, ...]:
    parts: Iterable[Part] = (parse(each) for each in _list(said, name))
    return tuple({key(part): part for part in parts}.values())


def _modes(said: JsonObject) -> Mapping[str, tuple[str, ...]]:
    modes = said.get("modes")
    if modes is None:
        modes = {}
    if not isinstance(modes, dict) or len(modes) > _MOST:
        raise NotABridge("modes is no JSON object, or too large a one")
    return MappingProxyType({str(name): _texts(modes, name) for name, values in modes.items() if isinstance(values, list)})
