"""What the demo shows: a live table on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, TextIO

from vms_bridge.cli.board import Board, MonitorLine, Screen, happened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.demo.witness import Happening, Tally
    from vms_bridge.views import MonitorView, SystemView

_LINES = 8
_PLAIN_EVERY_S = 10.0


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
        self._write(_line(happening))

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
    """The board that `vms-bridge watch` shows too, and the last happenings below it."""

    def __init__(self, stream: TextIO) -> None:
        """Make it before the event loop runs, as it says of `Screen`."""
        self._screen = Screen(stream)
        self._heading = ""
        self._lines: deque[str] = deque(maxlen=_LINES)

    def start(self, heading: str) -> None:
        """Say where to look, and take over the terminal."""
        self._heading = heading
        self._screen.start()

    def add(self, heading: str) -> None:
        """Say where else to look, above the table."""
        self._heading = f"{self._heading}\n{heading}"

    def happened(self, happening: Happening) -> None:
        """Keep it among the last lines."""
        self._lines.append(_line(happening))

    def show(self, systems: Mapping[str, SystemView], tally: Tally, elapsed_s: float) -> None:
        """Draw the board anew."""
        views = [view for system in systems.values() for view in system.monitors.values()]
        self._screen.draw(
            Board(
                title=f"VMS Bridge demo, {elapsed_s:.0f} s",
                head=self._heading,
                monitors=[_monitor_line(view, tally.in_view.get(view.key, ())) for view in views],
                lines=tuple(self._lines),
                foot=counts(tally),
            )
        )

    def stop(self) -> None:
        """Leave the last board where it is."""
        self._screen.stop()


def _line(happening: Happening) -> str:
    return happened(time.strftime("%H:%M:%S"), happening.monitor, happening.what, happening.detail)


def _monitor_line(view: MonitorView, in_view: tuple[str, ...]) -> MonitorLine:
    state, last = view.state, view.last_event
    described = ", ".join(last.labels) or last.cause if last is not None else ""
    return MonitorLine(
        name=view.monitor.name,
        alarm=None if state.alarm is None else str(state.alarm),
        is_forced=bool(state.forced),
        in_view=", ".join(in_view),
        zones=", ".join(zone.name for zone in view.monitor.zones if state.zones.get(zone.id)),
        is_recording=bool(state.is_recording),
        last_event=f"{last.id} {last.type}: {described}" if last is not None else "",
    )
