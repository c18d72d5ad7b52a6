"""VXG's three credentials: the key of an account (LKey), and packed tokens of a group of channels (SI) and of one channel (Acc).

A packed token is base64 of a JSON object; one without a `camid` is a group's. No error and no repr ever quotes any part of one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from pydantic import SecretStr

from vms_bridge.strict_json import decode
from vms_bridge.vxg.fields import mapping, whole
from vms_bridge.vxg.refusals import TokenUnusable

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CHARACTERS = 8192
_PRINTABLE = re.compile(r"[!-~]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_URL_SAFE = str.maketrans("-_", "+/")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*|\[[0-9A-Fa-f:.]{2,45}\]")
_PATH = re.compile(r"/?([A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}(/|$)){0,8}")
_COPY = "copy it once more, whole, from where it is shown"
_PACKED = "give the packed token of a group or a channel, as VXG shows it"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token says that its API is."""

    host: str
    tls_port: int | None = None
    plain_port: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class LKey:
    """The key of an account: all of its channels, and all of their tokens."""

    secret: SecretStr
    kind: ClassVar[str] = "LKey"

    @property
    def header(self) -> str:
        """What a request carries as `Authorization`."""
        return f"LKey {self.secret.get_secret_value()}"


@dataclass(frozen=True, slots=True)
class GroupToken:
    """All channels of a group."""

    packed: SecretStr
    inner: SecretStr
    place: Place | None = None
    kind: ClassVar[str] = "group token"

    @property
    def header(self) -> str:
        """What a request carries as `Authorization`."""
        return f"SI {self.packed.get_secret_value()}"


@dataclass(frozen=True, slots=True)
class ChannelToken:
    """One channel; `access` is `all` or `watch`, empty where it does not say."""

    packed: SecretStr
    inner: SecretStr
    channel_id: int
    access: str = ""
    place: Place | None = None
    kind: ClassVar[str] = "channel token"

    @property
    def header(self) -> str:
        """What a request carries as `Authorization`."""
        return f"Acc {self.packed.get_secret_value()}"


Credential: TypeAlias = LKey | GroupToken | ChannelToken


def parse_lkey(text: str) -> LKey:
    """Return the key in this text. Raises TokenUnusable, which quotes nothing of it."""
    text = text.strip()
    if not text:
        raise TokenUnusable("the LKey is empty", hint="copy it from the account's settings")
    if len(text) > MOST_CHARACTERS or not _PRINTABLE.fullmatch(text):
        raise TokenUnusable("the LKey has a space, a line break or a strange character in it, or is far too long", hint=_COPY)
    if mapping(_unpacked(text)).get("token") is not None:
        raise TokenUnusable("this is a packed token, and no LKey", hint="give it as the token, and the account's key as the LKey")
    return LKey(SecretStr(text))


def parse_token(text: str) -> GroupToken | ChannelToken:
    """Return the token in this text: packed, or `<camid>;<token>` of old. Raises TokenUnusable, which quotes nothing of it."""
    text = text.strip()
    if not text:
        raise TokenUnusable("the token is empty", hint=_PACKED)
    if len(text) > MOST_CHARACTERS:
        raise TokenUnusable(f"the token has more than {MOST_CHARACTERS} characters", hint=_PACKED)
    if not _PRINTABLE.fullmatch(text):
        raise TokenUnusable("the token has a space, a line break or a strange character in it", hint=_COPY)
    if ";" in text:
        return _legacy(text)
    _refuse_foreign(text)
    said = _unpacked(text)
    if said is None:
        raise TokenUnusable("this is no token of VXG's, or only a part of one", hint=_COPY)
    inner = said.get("token")
    if not isinstance(inner, str) or not _PRINTABLE.fullmatch(inner):
        raise TokenUnusable("there is no token in this token", hint=_PACKED)
    return _token(text, inner, said)


def parse_token_or_none(raw: object) -> GroupToken | ChannelToken | None:
    """Return the token in a field of an answer; None where there is none that can be used."""
    try:
        return parse_token(raw) if isinstance(raw, str) else None
    except TokenUnusable:
        return None


def _token(packed: str, inner: str, said: Mapping[str, object]) -> GroupToken | ChannelToken:
    place = _place(said)
    if "camid" not in said or said["camid"] is None:
        return GroupToken(SecretStr(packed), SecretStr(inner), place)
    channel_id = whole(said["camid"])
    if channel_id is None or channel_id <= 0:
        raise TokenUnusable("the token is of a channel whose number is none", hint=_PACKED)
    access = said.get("access")
    known = access if access in {"all", "watch"} else ""
    return ChannelToken(SecretStr(packed), SecretStr(inner), channel_id, str(known), place)


def _legacy(text: str) -> ChannelToken:
    """Read what old programs write. It goes to the API packed as tokens are now: that this is taken is our inference."""
    number, _, inner = text.partition(";")
    channel_id = whole(number)
    if channel_id is None or channel_id <= 0 or not inner or ";" in inner:
        raise TokenUnusable("the token has a ; in it, and is no <camid>;<token>", hint="write the channel's number before the ;")
    packed = base64.b64encode(json.dumps({"token": inner, "camid": channel_id, "access": "all"}).encode()).decode()
    return ChannelToken(SecretStr(packed), SecretStr(inner), channel_id, "all", None)


def _refuse_foreign(text: str) -> None:
    if text.startswith("share."):
        hint = f"{_PACKED}; or write the channel's number and a ; before it"
        raise TokenUnusable("this is what is within a token, and says neither group nor channel", hint=hint)
    if text.startswith(("v3.", "srv.")):
        raise TokenUnusable("this is an LKey, and no token", hint="give it as the LKey")
    if _JWT.fullmatch(text):
        raise TokenUnusable("this is a token of another kind (a JWT)", hint=_PACKED)


def _unpacked(text: str) -> dict[str, object] | None:
    """Return the JSON object in this base64; None where there is none."""
    text = text.translate(_URL_SAFE)
    if not _BASE64.fullmatch(text):
        return None
    text = text.rstrip("=")
    try:
        said = decode(base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode())
    except (binascii.Error, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _place(said: Mapping[str, object]) -> Place | None:
    """Return where the API is; what is said of proxies, and of where cameras connect, is nothing to us."""
    host = said.get("api")
    if host is None or host == "":
        return None
    path = said.get("path") or ""
    if not isinstance(host, str) or not _HOST.fullmatch(host):
        raise TokenUnusable("the token names an API whose host is none", hint=_PACKED)
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise TokenUnusable("the token names an API whose path can't be one", hint=_PACKED)
    path = path.strip("/")
    return Place(host.lower().strip("[]"), _port(said.get("api_sp")), _port(said.get("api_p")), f"/{path}" if path else "")


def _port(raw: object) -> int | None:
    if raw is None:
        return None
    port = whole(raw)
    if port is None or not 0 < port < 65536:
        raise TokenUnusable("the token names an API whose port is none", hint=_PACKED)
    return port
