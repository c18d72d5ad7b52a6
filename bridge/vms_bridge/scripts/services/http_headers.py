"""Headers that a script may send: none that says where a request goes, how long it is, or who it comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vms_bridge.errors import BodyInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_HEADERS = 64
MOST_CHARACTERS = 16 * 1024
"""Of all of them together."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?|")
_OURS = frozenset(
    (
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect"),
        *("accept-encoding", "range", "if-range", "via", "forwarded", "x-real-ip", "x-original-url", "x-rewrite-url"),
        *("http2-settings", "x-http-method-override", "x-http-method", "x-method-override"),
    )
)
"""A part of an answer, or a packed one, could hold a part of a secret, which nobody would find to strike it out."""
_OURS_BY_BEGINNING = ("proxy-", "x-forwarded-", "sec-")
_ANYWHERES = frozenset({"accept", "accept-language", "user-agent", "content-type", "content-language"})


def check(headers: Mapping[str, str]) -> None:
    """Raise BodyInvalid for a header that no script may send, or that is none; no message quotes a value."""
    if len(headers) > MOST_HEADERS:
        raise BodyInvalid(f"a request has at most {MOST_HEADERS} headers, and not {len(headers)}")
    if len({name.lower() for name in headers}) < len(headers):
        raise BodyInvalid("a header is given twice", hint="write its values behind one another, with a comma between them")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise BodyInvalid(f"{name[:64]!r} is no name of a header", hint="letters, digits and - in ASCII")
        if name.lower() in _OURS or name.lower().startswith(_OURS_BY_BEGINNING):
            raise BodyInvalid(f"the header {name} is not for scripts", hint="leave it out: the bridge sends what is needed")
        check_value(name, value)
    if sum(len(name) + len(value) for name, value in headers.items()) > MOST_CHARACTERS:
        raise BodyInvalid(f"the headers have more than {MOST_CHARACTERS} characters together")


def check_value(name: str, value: str) -> None:
    """Raise BodyInvalid for a value that no header can have."""
    if not _VALUE.fullmatch(value):
        hint = "printable ASCII without a space at its ends: encode other text, as in percent-encoding or base64"
        raise BodyInvalid(f"the header {name} has a value that no header can have", hint=hint)


def for_anywhere(names: Iterable[str]) -> frozenset[str]:
    """Return those that a redirect may take to another host: none that could say who somebody is."""
    return frozenset(name for name in names if name.lower() in _ANYWHERES)
