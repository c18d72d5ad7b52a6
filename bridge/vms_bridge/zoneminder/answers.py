"""Bytes of ZoneMinder's answers as JSON: pure, and forgiving where the JSON is whole and something is beside it.

PHP prints its complaints into the answer where `display_errors` is on, editors leave byte order marks, proxies add text, old
databases hold names in other encodings. What is read all the same comes with a remark that says how to mend it.

Run as a program, it does the same for another process (`large_answers`), and needs nothing but the standard library for it.
"""

from __future__ import annotations

import codecs
import json
import re
import resource
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_BOM = "\ufeff"
_LEVELS = r"(?:Fatal |Parse )?(?:Error|Warning|Notice|Deprecated)"
_KINDS = rf"(?:PHP )?(?:(?:Core |Compile |User |Recoverable |Catchable )?{_LEVELS}|Strict Standards)"
_PHP = re.compile(
    r"(?:<br\s*/?>\s*)?<font[^>]{0,100}><table class='xdebug-error.{0,20000}?</table></font>\s*"
    rf"|(?:<br\s*/?>\s*)?<b>{_KINDS}</b>:.{{0,4000}}?\bon line <b>\d+</b>(?:<br\s*/?>)?\s*"
    rf"|^{_KINDS}: .{{0,4000}}? on line \d+\s*",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
_MARKUP = re.compile(r"<[^>]{0,200}>")
_OPENING = re.compile(r"[\[{]\s*[\"\[{\]}]")
"""Where JSON may begin, to distinguish it from a bracket in a sentence."""
_MOST_BEGINNINGS = 20
_QUOTED = 2_000
MOST_ROWS = 10_000
MOST_PIECE_BYTES = 1 << 20
_PIECE_BYTES = 64 * 1024
_MOST_MEMORY_BYTES = 512 << 20
_MOST_PROCESSOR_S = 10


@dataclass(frozen=True, slots=True)
class Remark:
    """What is not as it should be with an answer that can be used, and the remedy; `kind` distinguishes such things."""

    kind: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """An answer's JSON."""

    value: object
    remarks: tuple[Remark, ...] = ()


class NotJson(Exception):
    """The bytes are no JSON, nor do they hold any; the text is what PHP complains of, if that is in them."""


class UnfitJson(Exception):
    """It is JSON that nobody can use: says why."""


def decode(body: bytes) -> Decoded:
    """Return the JSON in these bytes; an empty answer is None. Raises NotJson or UnfitJson."""
    remarks: list[Remark] = []
    text = _text(body, remarks)
    if not text:
        return Decoded(None, tuple(remarks))
    try:
        return Decoded(_bounded(_parsed(text)), tuple(remarks))
    except json.JSONDecodeError:
        pass
    said = _PHP.search(text)
    message = ""
    if said is not None:
        message = " ".join(_MARKUP.sub("", said[0]).split())[:_QUOTED]
        hint = "set display_errors = Off in the php.ini of ZoneMinder's web server; its error log says the same"
        remarks.append(Remark("php", f"PHP writes its messages into it ({message})", hint))
        try:
            return Decoded(_bounded(_parsed(_PHP.sub("", text))), tuple(remarks))
        except json.JSONDecodeError:
            pass
    found = _salvaged(text)
    if found is None:
        raise NotJson(message)
    value, beside = found
    if said is None:
        hint = "a proxy or an extension of PHP adds it: have it leave ZoneMinder's API alone"
        remarks.append(Remark("beside", f"there is text beside its JSON ({beside!r})", hint))
    return Decoded(_bounded(value), tuple(remarks))


def _bounded(value: object) -> object:
    """Return the value if its lists have a size that somebody may have meant. Raises UnfitJson."""
    values = value.values() if isinstance(value, dict) else ()
    if any(isinstance(one, list | dict) and len(one) > MOST_ROWS for one in (value, *values)):
        raise UnfitJson(f"it has a list of more than {MOST_ROWS} rows")
    return value


def _text(body: bytes, remarks: list[Remark]) -> str:
    encoding = "utf-16" if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError:
        text = body.decode(encoding, "replace")
        hint = "write the names and notes with strange characters anew in ZoneMinder"
        remarks.append(Remark("encoding", "it holds text that is not UTF-8, which is shown with \N{REPLACEMENT CHARACTER}", hint))
    if _BOM in text[:1000] or encoding != "utf-8":
        hint = "save the configuration and the PHP files of ZoneMinder without byte order marks"
        remarks.append(Remark("bom", "it begins with a byte order mark", hint))
    return text.strip(f" \t\r\n\0{_BOM}")


def _parsed(text: str) -> object:
    """Parse what must be JSON and nothing else. Raises JSONDecodeError, or UnfitJson."""
    return _guarded(text, 0, is_alone=True)[0]


def _salvaged(text: str) -> tuple[object, str] | None:
    """Return the largest object in the text, and something of what is beside it; None for none. Raises UnfitJson."""
    best: tuple[int, int, object] | None = None
    position = 0
    for _ in range(_MOST_BEGINNINGS):
        begins = _OPENING.search(text, position)
        if begins is None:
            break
        try:
            value, position = _guarded(text, begins.start(), is_alone=False)
        except json.JSONDecodeError:
            # A document that is cut short has whole ones in it, which are not the answer.
            break
        if isinstance(value, dict) and (best is None or position - begins.start() > best[1] - best[0]):
            best = begins.start(), position, value
    if best is None:
        return None
    beside = f"{text[: best[0]]} {text[best[1] :]}"
    return best[2], " ".join(beside.split())[: _QUOTED // 2]


def _guarded(text: str, begin: int, *, is_alone: bool) -> tuple[object, int]:
    try:
        if is_alone:
            return _DECODER.decode(text), len(text)
        return _DECODER.raw_decode(text, begin)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise UnfitJson("it is nested too deeply") from None
    except MemoryError:
        raise UnfitJson("it takes too much memory") from None
    except ValueError as error:
        raise UnfitJson("it has a number with thousands of digits") from error


def _refuse(word: str) -> NoReturn:
    raise UnfitJson(f"it has {word} in the place of a number")


_DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse)


def pieces(decoded: Decoded) -> Iterator[bytes]:
    """Return the answer in lines of JSON, none of them large: first the remarks, then each key, a list in several parts.

    Raises UnfitJson for what can't be written in such lines.
    """
    value = decoded.value
    yield _line({"remarks": [asdict(remark) for remark in decoded.remarks], "is_mapping": isinstance(value, dict)})
    if not isinstance(value, dict):
        yield _line({"value": value})
        return
    for key, values in value.items():
        if not isinstance(values, list):
            yield _line({"key": key, "value": values})
            continue
        yield _line({"key": key, "value": []})
        part: list[object] = []
        size = 0
        for row in values:
            part.append(row)
            size += len(_line(row))
            if size >= _PIECE_BYTES:
                yield _line({"key": key, "rows": part})
                part, size = [], 0
        yield _line({"key": key, "rows": part})


def _line(value: object) -> bytes:
    line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
    if len(line) >= MOST_PIECE_BYTES:
        raise UnfitJson(f"it has a row of more than {MOST_PIECE_BYTES >> 10} KB")
    return line


def _serve(asked: BinaryIO, answer: BinaryIO) -> None:
    """Decode one answer for another process, within bounds that no answer may pass."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_PROCESSOR_S, _MOST_PROCESSOR_S))
    try:
        answer.writelines(pieces(decode(asked.read())))
        answer.write(b"{}\n")
    except NotJson as error:
        answer.write(_line({"not_json": str(error)}))
    except UnfitJson as error:
        answer.write(_line({"unfit": str(error)}))
    except MemoryError:
        answer.write(_line({"unfit": "it takes too much memory"}))
    answer.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
