"""What verbs print: lines and tables for people, JSON for programs. Foreign text never brings terminal codes along."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo
    from types import TracebackType

    from rich.console import Console
    from rich.text import Text

_NO_TERMINAL = 10_000
"""How wide a table may be where no terminal shows it: nothing is cut off, for a program or a file may read it."""
ALARMS = {"alarm": "bold red", "alert": "yellow", "prealarm": "cyan", "idle": "green"}
"""In which style each state of an alarm is shown; one that is not known is dim."""
JSON, NDJSON = "json", "ndjson"


class Styled(NamedTuple):
    """A cell in a style of rich's, which a terminal shows, unless its user wants no colours (NO_COLOR)."""

    text: str
    style: str
    has_lines: bool = False
    """Whether line breaks in it are kept: they are no more than a part of what was said."""


def say(text: str, *, err: bool = False) -> None:
    """Print a line, on stderr where it is not what was asked for."""
    print(text, file=sys.stderr if err else None, flush=err)


def complain(text: str, hint: str) -> None:
    """Say on stderr what went wrong, and what to do."""
    say(f"vms-bridge: {printable(text)}", err=True)
    if hint:
        say(f"  -> {printable(hint)}", err=True)


def printable(text: str) -> str:
    """Return foreign text without terminal codes."""
    return "".join(char if char.isprintable() else " " for char in text)


def show_json(value: Any, *, is_line: bool = False) -> None:  # noqa: ANN401 - whatever JSON there is
    """Print JSON: indented, or as one line, which is there at once for who reads it."""
    say(json.dumps(value, ensure_ascii=False, indent=None if is_line else 2))
    if is_line:
        sys.stdout.flush()


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print what there is to say of one thing, a line each; what nobody knows is left out."""
    with Listing(None, ("", ""), lambda field: (Styled(field[0], "bold"), field[1])) as listing:
        listing.add([(name, value) for name, value in fields if value not in {None, ""}])


def console(stream: TextIO) -> Console:
    """Return rich's console on a stream: as wide as its terminal, or as wide as it takes where that is none."""
    from rich.console import Console  # noqa: PLC0415  # it takes a tenth of a second, and JSON has no use for it

    return Console(file=stream, width=None if stream.isatty() else _NO_TERMINAL, highlight=False)


class Listing:
    """Things one below the other, as they come and in the form that was asked for: a table, a JSON array, or lines of JSON.

    A listing that does not come to its end is no whole JSON array, so that nobody takes it for all that there is.
    """

    def __init__(self, form: str | None, columns: Sequence[str], row: Callable[[Any], Sequence[object]]) -> None:
        """`row` makes the cells of a table's row from a thing; a cell that is None stays empty."""
        self._form, self._columns, self._row = form, columns, row
        self._widths = [0] * len(columns)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            return
        if self._form is None and not self._count and any(self._columns):
            self._add_rows([])
        elif self._form == JSON:
            say("\n]" if self._count else "[]")

    def add(self, things: Iterable[Any]) -> None:
        """Print some more of them."""
        if self._form is None:
            rows = [self._row(thing) for thing in things]
            if rows:
                self._add_rows(rows)
            self._count += len(rows)
            return
        for thing in things:
            if self._form == NDJSON:
                show_json(thing, is_line=True)
            else:
                text = json.dumps(thing, ensure_ascii=False, indent=2).replace("\n", "\n  ")
                sys.stdout.write(f"{',' if self._count else '['}\n  {text}")
            self._count += 1

    def _add_rows(self, rows: Sequence[Sequence[object]]) -> None:
        """Print a table; on what is no terminal it goes on where the one before has ended, with columns as wide at least."""
        from rich.table import Table  # noqa: PLC0415  # as above
        from rich.text import Text  # noqa: PLC0415

        is_terminal = sys.stdout.isatty()
        has_heading = any(self._columns) and (is_terminal or not self._count)
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=has_heading)
        cells = [[_text(cell) for cell in row] for row in rows]
        for at, column in enumerate(self._columns):
            if not is_terminal:
                self._widths[at] = max([self._widths[at], Text(column).cell_len, *(_width(Text(row[at].text)) for row in cells)])
            table.add_column(column, overflow="fold", min_width=self._widths[at] or None)
        for row in cells:
            table.add_row(*(Text(cell.text, cell.style) for cell in row))
        console(sys.stdout).print(table)
        sys.stdout.flush()


def local_time(text: str | None, zone: tzinfo | None = None) -> str | None:
    """Return a time of the API as people read it in that zone, by default where this machine is."""
    return None if text is None else datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str | None:
    """Return how long something took, in the largest units that tell."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.3g} s"


def size(count: float) -> str:
    """Return how many bytes there are, for people."""
    for unit in ("B", "kB", "MB"):
        if count < 1_000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1_000
    return f"{count:.1f} GB"


def _width(text: Text) -> int:
    return max((line.cell_len for line in text.split()), default=0)


def _text(cell: object) -> Styled:
    if isinstance(cell, Styled):
        lines = cell.text.split("\n") if cell.has_lines else [cell.text]
        return cell._replace(text="\n".join(map(printable, lines)))
    return Styled("" if cell is None else printable(str(cell)), "")
