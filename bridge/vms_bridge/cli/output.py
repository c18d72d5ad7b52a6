"""What verbs print: lines and tables for people, JSON for programs. Foreign text never brings terminal codes along."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NO_TERMINAL = 10_000
"""How wide a table may be where no terminal shows it: nothing is cut off, for a program or a file may read it."""


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
    """Print JSON: indented, or as one line."""
    say(json.dumps(value, ensure_ascii=False, indent=None if is_line else 2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows in columns; None is shown as nothing."""
    from rich.console import Console  # noqa: PLC0415  # it takes a tenth of a second, and JSON has no use for it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    is_terminal = sys.stdout.isatty()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    Console(file=sys.stdout, width=None if is_terminal else _NO_TERMINAL).print(table)


def local_time(text: str | None) -> str | None:
    """Return a time of the API as people here read it."""
    return None if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str | None:
    """Return how long something took, in the largest units that tell."""
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.3g} s"
