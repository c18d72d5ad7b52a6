"""Secrets that must appear nowhere: what is configured, and what is got by it, struck out of texts however it is encoded.

A `Secrets` is a value that is handed on: the program has one for its log and its answers, each system has one for its
tokens, and whoever quotes foreign text strikes out of it what is secret.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STRUCK = "***"
SHORT = 6
"""What is shorter may well be a word: it is struck out only where foreign text is quoted."""
_PIECE, _OVERLAP = 32 * 1024, 16 * 1024
"""How much of a long text is searched at once, in some milliseconds; a secret in any encoding is shorter than the overlap."""
_MOST_PASSING = 16
"""How many tokens are remembered; each lives an hour or more."""
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{64,}")
"""What no encoding changes, and is too long to be searched for in base64."""
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


class Secrets:
    """A growing set of secrets, of its own and of others that it includes."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lasting: dict[str, None] = {}
        self._passing: dict[str, None] = {}
        self._others: dict[str, Secrets] = {}
        self._known: frozenset[str] = frozenset()
        self._tokens: tuple[str, ...] = ()
        self._any: re.Pattern[str] | None = None
        self._long: re.Pattern[str] | None = None
        self.keep(texts)

    @classmethod
    def of(cls, *models: object) -> Secrets:
        """Return all that is a secret in these pydantic models, however deep, and the logins that are made of them."""
        return cls(text for model in models for text in secrets_in(model))

    def keep(self, texts: Iterable[str]) -> None:
        """Strike these out from now on."""
        self._lasting = self._lasting | dict.fromkeys(text for text in texts if text)

    def keep_passing(self, *texts: str | None) -> None:
        """Strike these out from now on, until newer ones have taken their place: tokens."""
        new = [text for text in texts if text]
        kept = [text for text in self._passing if text not in new] + new
        self._passing = dict.fromkeys(kept[-_MOST_PASSING:])  # replaced, not changed: a log's line may be written by a thread

    def keep_long(self, text: str) -> None:
        """Strike out a packed token, of hundreds of characters, by pieces that are found as they stand, until newer ones come.

        To look for each of its encodings takes a third of a second. What has no such piece lasts, and is found in any encoding.
        """
        if pieces := _TOKEN.findall(text):
            self.keep_passing(*pieces)
        else:
            self.keep([text])

    def include(self, name: str, others: Secrets | None) -> None:
        """Strike out others' secrets, too, whatever they are at the time; of a name only the last ones count."""
        kept = {key: each for key, each in self._others.items() if key != name}
        self._others = kept if others is None or others is self else kept | {name: others}

    def strike(self, text: str) -> str:
        """Return the text without any secret in it but the short ones."""
        self._refresh()
        return self._struck(text, self._long)

    def strike_foreign(self, text: str) -> str:
        """Return what somebody else has said without any secret in it, short ones too."""
        self._refresh()
        return self._struck(text, self._any)

    def strike_long(self, text: str) -> str:
        """Return the same of a text of any length, for a thread: piece by piece, so that others get on in between."""
        self._refresh()
        text = self._struck(text, None)
        if self._any is None:
            return text
        kept: list[str] = []
        at = 0
        while at < len(text):
            end = min(at + _PIECE, len(text))
            found = self._any.search(text, at, end + _OVERLAP)
            is_here = found is not None and found.start() < end
            kept += [text[at : found.start()], STRUCK] if found is not None and is_here else [text[at:end]]
            at = found.end() if found is not None and is_here else end
        return "".join(kept)

    def _struck(self, text: str, others: re.Pattern[str] | None) -> str:
        for token in self._tokens:
            text = text.replace(token, STRUCK)
        return text if others is None else others.sub(STRUCK, text)

    def __repr__(self) -> str:
        return f"<{len(self.texts())} secrets>"

    def texts(self) -> frozenset[str]:
        """Return all of them."""
        return frozenset((*self._lasting, *self._passing)).union(*(other.texts() for other in self._others.values()))

    def _refresh(self) -> None:
        known = self.texts()
        if known == self._known:
            return
        by_length = sorted(known, key=len, reverse=True)
        self._tokens = tuple(text for text in by_length if _TOKEN.fullmatch(text))
        others = [text for text in by_length if text not in self._tokens]
        self._any = _joined(_pattern(text) for text in others)
        self._long = _joined(_pattern(text) for text in others if len(text) >= SHORT)
        self._known = known


def secrets_in(value: object) -> Iterator[str]:
    """Yield what is secret in a value, and in what it is made of: pydantic's models and secrets, known by what they can do."""
    if callable(reveal := getattr(value, "get_secret_value", None)):
        revealed = reveal()
        yield revealed.decode(errors="replace") if isinstance(revealed, bytes) else str(revealed)
    elif hasattr(type(value), "model_fields"):
        fields = dict(value)  # type: ignore[call-overload]  # a model yields its fields
        yield from secrets_in(fields)
        yield from _logins(fields)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from secrets_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from secrets_in(inner)


def _logins(fields: Mapping[str, object]) -> Iterator[str]:
    """Yield each user with each password in base64, as HTTP sends them: which belong together only people know."""
    plain = [text for value in fields.values() if hasattr(value, "get_secret_value") for text in secrets_in(value)]
    for name, user in fields.items():
        if isinstance(user, str) and "user" in name.lower():
            for password in plain:
                yield from _in_base64(f"{user}:{password}")


def _in_base64(text: str) -> list[str]:
    """Return the text in base64, in both alphabets."""
    encoded = b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")
    return [encoded, encoded.replace("+", "-").replace("/", "_")]


def _inside_base64(text: str) -> Iterator[str]:
    """Yield what the text looks like somewhere in a longer one in base64: three ways, by where it begins."""
    raw = text.encode("utf-8", "replace")
    for before in range(3):
        encoded = b64encode(bytes(before) + raw).decode().rstrip("=")
        core = encoded[(0, 2, 3)[before] : None if (before + len(raw)) % 3 == 0 else -1]
        yield core
        yield core.replace("+", "-").replace("/", "_")


def _joined(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(patterns)
    return re.compile(joined, re.DOTALL) if joined else None


def _pattern(text: str) -> str:
    """Return an expression that finds the text, each of its characters as it is or in any usual encoding."""
    forms = ["".join(_character(char) for char in text)]
    if len(text) >= SHORT:
        cores = dict.fromkeys(_inside_base64(text))
        forms += ["".join(_character(char, is_base64=True) for char in core) + r"[A-Za-z0-9+/_=-]{0,2}" for core in cores]
    return "|".join(forms)


@lru_cache(maxsize=4096)
def _character(char: str, *, is_base64: bool = False) -> str:
    """Return an expression for one character: in URLs, JSON, HTML, Python's repr, and mixtures of these.

    How often it is encoded over again is bounded: else a text of nothing but backslashes took the square of its length.
    """
    if is_base64 and char.isascii() and char.isalnum():
        return char
    raw = char.encode("utf-8", "replace")
    number = ord(char)
    ways = [
        re.escape(char),
        "".join(f"%(?:25){{0,8}}{_hex(byte, 2)}" for byte in raw),
        f"&(?:amp;){{0,8}}#0*{number};",
        f"&(?:amp;){{0,8}}#[xX]0*{_hex(number, 0)};",
        "".join(rf"\\{{1,31}}x{_hex(byte, 2)}" for byte in raw),
        "".join(rf"\\{{1,31}}u{_hex(unit, 4)}" for unit in _utf16(char)),
    ]
    if number > 127:
        ways += [rf"\\{{1,31}}x{_hex(number, 2)}"] if number < 256 else [rf"\\{{1,31}}U{_hex(number, 8)}"]
        ways.append(re.escape(raw.decode("latin-1")))
    if not char.isalnum():
        ways.append(rf"\\{{1,31}}{re.escape(char)}")
    if char == " ":
        ways.append(r"\+")
    if letter := _LETTERS.get(char):
        ways.append(rf"\\{{1,31}}{letter}")
    if name := _NAMED.get(char):
        ways.append(f"&(?:amp;){{0,8}}{name};")
    return f"(?:{'|'.join(reversed(ways))})"


def _utf16(char: str) -> list[int]:
    raw = char.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2)]


def _hex(number: int, digits: int) -> str:
    """Return an expression for a number in hexadecimal, in small letters or capitals."""
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:0{digits}x}")
