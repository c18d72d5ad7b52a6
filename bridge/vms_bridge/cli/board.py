"""What a live picture of a bridge shows, and how it is drawn: the same for `vms-bridge watch` and for the demo.

All texts in it may be foreign: what would move a terminal's cursor is taken out as it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vms_bridge.cli.output import ALARMS, console, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

_MOST_ROWS = 20
_LEAST_ROWS = 3
_SURROUNDINGS = 4
"""Lines that a table has beside its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemLine:
    """A system, in a few words; `trouble`: what is not as it should be."""

    name: str
    state: str
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorLine:
    """A camera; `alarm` is None where nobody knows."""

    name: str
    alarm: str | None
    is_forced: bool = False
    in_view: str = ""
    zones: str = ""
    is_recording: bool = False
    last_event: str = ""

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to see."""
        return self.alarm in {"idle", None} and not self.in_view


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All that is shown: `head` and `foot` are lines around it, `running` events that go on, `lines` what has happened last."""

    title: str
    head: str = ""
    systems: Sequence[SystemLine] = ()
    monitors: Sequence[MonitorLine] = ()
    running: Sequence[str] = ()
    lines: Sequence[str] = ()
    notices: Sequence[str] = ()
    foot: str = ""


class Screen:
    """A terminal on which a board stays where it is."""

    def __init__(self, stream: TextIO) -> None:
        """Make it before an event loop runs: rich reads files at its first table, which is done here."""
        sample = Board(title="", monitors=[MonitorLine(name="\N{BULLET}", alarm="alarm")])
        Console(file=StringIO(), force_terminal=True).print(render(sample, 100))
        self._console = console(stream)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)

    def start(self) -> None:
        """Take over the terminal."""
        self._live.start()

    def draw(self, board: Board) -> None:
        """Draw it anew."""
        self._live.update(render(board, self._console.size.height), refresh=True)

    def stop(self) -> None:
        """Leave the last board where it is."""
        self._live.stop()


def happened(at: str, who: str, what: str, detail: str) -> str:
    """Return a line about something that has happened."""
    return f"{at}  {who:<12} {what:<16} {detail}"


def render(board: Board, height: int | None = None) -> Group:
    """Return what is to be drawn, cut to a terminal of so many lines: cameras where nothing is to be seen go first."""
    parts: list[RenderableType] = [_lines(board.head)] if board.head else []
    for system in board.systems:
        line = Text(printable(f"{system.name}: {system.state}"), style="bold" if system.trouble else "")
        parts.append(line.append(printable(f"  {system.trouble}"), style="bold red") if system.trouble else line)
    below: list[RenderableType] = []
    if board.running:
        below.append(Text(f"Events that go on: {len(board.running)}", style="bold"))
        below += [Text(printable(f"  {line}")) for line in board.running]
    below += [Text(printable(notice), style="yellow") for notice in board.notices]
    below += [_lines(board.foot)] if board.foot else []
    below += [Text(printable(line), style="dim") for line in board.lines]
    used = len(below) + len(board.systems) + (board.head.count("\n") + 1 if board.head else 0) + _SURROUNDINGS
    room = _MOST_ROWS if height is None else min(_MOST_ROWS, max(_LEAST_ROWS, height - used - 1))
    return Group(*parts, _table(board, room), *below)


def _table(board: Board, room: int) -> Table:
    table = Table(title=Text(printable(board.title)), title_justify="left", expand=False)
    for column in ("Camera", "Alarm", "In view", "Zones", "Recording", "Last event"):
        table.add_column(column, no_wrap=column != "Last event")
    shown = list(board.monitors)
    if len(shown) > room:
        busy = {at for at, line in enumerate(shown) if not line.is_quiet}
        first = sorted(range(len(shown)), key=lambda at: at not in busy)[:room]
        shown = [shown[at] for at in sorted(first)]
    for line in shown:
        alarm = line.alarm or "unknown"
        cells = (line.in_view, line.zones, "yes" if line.is_recording else "", line.last_event)
        style = ALARMS.get(alarm, "dim")
        table.add_row(
            Text(printable(line.name)),
            Text(printable(f"{alarm}, forced" if line.is_forced else alarm), style=style),
            *(Text(printable(cell)) for cell in cells),
        )
    if len(board.monitors) > len(shown):
        table.add_row(f"and {len(board.monitors) - len(shown)} more")
    return table


def _lines(text: str) -> Text:
    return Text("\n".join(printable(line) for line in text.split("\n")))
