"""What the demo shows: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections import deque
from io import StringIO
from typing import TYPE_CHECKING, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.demo.witness import Happening, Tally
    from vms_bridge.views import MonitorView, SystemView

_LINES = 8
_ROWS = 20
_PLAIN_EVERY_S = 10.0
_COLOURS = {"alarm": "bold red", "alert": "yellow", "prealarm": "cyan", "idle": "green"}


class Display(Protocol):
    """Where the demo's progress goes."""

    def start(self, heading: str) -> None:
        """Say where to look."""

    def add(self, heading: str) -> None:
        """Say where else to look."""

    def happened(self, happening: Happening) -> None:
        """Report an event's step or of a command's answer."""

    def show(self, systems: Mapping[str, SystemView], tally: Tally, elapsed_s: float) -> None:
        """Show what is current."""

    def stop(self) -> None:
        """Leave the terminal as it was."""


def make_display(stream: TextIO) -> Display:
    """Return the table where the stream is a terminal that can show it, else plain lines."""
    if stream.isatty():
        return TableDisplay(stream)
    return PlainDisplay(stream)


def counts(tally: Tally) -> str:
    """Return one line with what has come over the broker."""
    events = ", ".join(f"{number} {kind}" for kind, number in sorted(tally.events.items())) or "none yet"
    return (
        f"MQTT messages: {tally.messages}; states: {tally.states}; pictures: {tally.snapshots}; events: {events}; "
        f"entities: {tally.entity_count}; commands: {tally.commands}, answered: {tally.acks.total()}"
    )


class PlainDisplay:
    """Lines for logs, pipes and terminals that can do no more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown_s = 0.0

    def start(self, heading: str) -> None:
        """Say where to look."""
        self._write(heading)

    def add(self, heading: str) -> None:
        """Say where else to look."""
        self._write(heading)

    def happened(self, happening: Happening) -> None:
        """Write one line."""
        self._write(f"{time.strftime('%H:%M:%S')}  {happening.monitor:<12} {happening.what:<16} {happening.detail}")

    def show(self, systems: Mapping[str, SystemView], tally: Tally, elapsed_s: float) -> None:
        """Write the counts now and then; the states are too many for lines."""
        del systems
        if elapsed_s - self._shown_s >= _PLAIN_EVERY_S:
            self._shown_s = elapsed_s
            self._write(f"{time.strftime('%H:%M:%S')}  {counts(tally)}")

    def stop(self) -> None:
        """There is nothing to undo."""

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()


class TableDisplay:
    """A table that stays where it is, and the last happenings below it."""

    def __init__(self, stream: TextIO) -> None:
        """Make it before the event loop runs: rich reads files at its first table, which is done here."""
        Console(file=StringIO(), force_terminal=True).print(_table("", [("", Text("\N{BULLET}"))], 1))
        self._live = Live(console=Console(file=stream), auto_refresh=False, transient=False)
        self._heading = ""
        self._lines: deque[str] = deque(maxlen=_LINES)

    def start(self, heading: str) -> None:
        """Say where to look, and take over the terminal."""
        self._heading = heading
        self._live.start()

    def add(self, heading: str) -> None:
        """Say where else to look, above the table."""
        self._heading = f"{self._heading}\n{heading}"

    def happened(self, happening: Happening) -> None:
        """Keep it among the last lines."""
        self._lines.append(f"{time.strftime('%H:%M:%S')}  {happening.monitor:<12} {happening.what:<16} {happening.detail}")

    def show(self, systems: Mapping[str, SystemView], tally: Tally, elapsed_s: float) -> None:
        """Draw the table anew."""
        views = [view for system in systems.values() for view in system.monitors.values()]
        rows = [_row(view, tally.in_view.get(view.key, ())) for view in views[:_ROWS]]
        table = _table(f"VMS Bridge demo, {elapsed_s:.0f} s", rows, len(views))
        lines = Text("\n".join(self._lines), style="dim")
        self._live.update(Group(Text(self._heading), table, Text(counts(tally)), lines), refresh=True)

    def stop(self) -> None:
        """Leave the last table where it is."""
        self._live.stop()


def _table(title: str, rows: Sequence[tuple[Text | str, ...]], total: int) -> Table:
    table = Table(title=title, title_justify="left", expand=False)
    for column in ("Camera", "Alarm", "In view", "Zones", "Recording", "Last event"):
        table.add_column(column, no_wrap=column != "Last event")
    for row in rows:
        table.add_row(*row)
    if total > len(rows):
        table.add_row(f"and {total - len(rows)} more")
    return table


def _row(view: MonitorView, in_view: tuple[str, ...]) -> tuple[Text | str, ...]:
    state = view.state
    alarm = str(state.alarm) if state.alarm is not None else "unknown"
    occupied = [zone.name for zone in view.monitor.zones if state.zones.get(zone.id)]
    last = view.last_event
    described = ", ".join(last.labels) or last.cause if last is not None else ""
    return (
        view.monitor.name,
        Text(f"{alarm}, forced" if state.forced else alarm, style=_COLOURS.get(alarm, "dim")),
        ", ".join(in_view),
        ", ".join(occupied),
        "yes" if state.is_recording else "",
        f"{last.id} {last.type}: {described}" if last is not None else "",
    )
