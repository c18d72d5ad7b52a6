"""Which bytes a request wants, by RFC 9110 §14: pure, and the same for whatever has bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.archive import ByteRange
from vms_bridge.errors import RangeUnsatisfiable

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SPANS = 100
"""Of a header with more of them none is looked at."""
_SPAN = re.compile(r"(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")


@dataclass(frozen=True, slots=True)
class Span:
    """A part as it is asked for: from `first` on to `last` (None: to the end); without `first` the `last` bytes of it."""

    first: int | None
    last: int | None

    @property
    def asked(self) -> ByteRange | None:
        """What it is if it is there at all; None: that depends on the length."""
        return None if self.first is None else ByteRange(first=self.first, last=self.last)

    def of(self, length: int) -> ByteRange | None:
        """Return what it is of something that has so many bytes; None: nothing."""
        if self.first is None:
            first, last = max(0, length - (self.last or 0)), length - 1
        else:
            first, last = self.first, length - 1 if self.last is None else min(self.last, length - 1)
        return ByteRange(first=first, last=last) if first <= last else None


def parse(header: str | None) -> tuple[Span, ...]:
    """Return the parts that the header asks for; none where there is no header, or one that is to be ignored."""
    if header is None:
        return ()
    unit, _, said = header.partition("=")
    parts = [part for part in (each.strip(" \t") for each in said.split(",")) if part]
    if unit.strip().lower() != "bytes" or len(parts) > MOST_SPANS:
        return ()
    spans = [_span(part) for part in parts]
    return tuple(span for span in spans if span is not None) if all(spans) else ()


def resolve(spans: Sequence[Span], length: int) -> ByteRange | None:
    """Return the part to answer with, None for the whole: also where several parts are asked for.

    Raises RangeUnsatisfiable where none of them is there.
    """
    there = [found for found in (span.of(length) for span in spans) if found is not None]
    if spans and not there:
        raise RangeUnsatisfiable(length)
    return there[0] if len(spans) == 1 else None


def _span(text: str) -> Span | None:
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    if found[3] is not None:
        return Span(None, int(found[3]))
    first, last = int(found[1]), None if found[2] is None else int(found[2])
    return None if last is not None and last < first else Span(first, last)
