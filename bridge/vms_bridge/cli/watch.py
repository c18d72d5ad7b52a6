"""`vms-bridge watch`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.board import Screen, render
from vms_bridge.cli.following import following
from vms_bridge.cli.output import console, printable, say, show_json
from vms_bridge.cli.watched import Watched
from vms_bridge.cli.ways import ApiFailed
from vms_bridge.cli.websocket import Closed

if TYPE_CHECKING:
    from vms_bridge.cli.board import Board
    from vms_bridge.cli.client import Api
    from vms_bridge.cli.ways import Way

_REFRESH_S = 0.25
_REDRAW_S = 1.0
_AGAIN_S = 2.0
_FINAL = {401, 403, 4401, 4406, 4421}
"""Statuses, and codes of a close, after which coming back is of no use."""


class _Display(Protocol):
    """Where it goes."""

    def told(self, item: dict[str, Any], line: str | None) -> None:
        """Something has changed, which may be worth a line."""

    def draw(self, board: Board) -> None:
        """Show all that is current."""

    def once(self, board: Board) -> None:
        """Show it, and nothing more."""

    def note(self, text: str) -> None:
        """Say how the connection is."""


@click.command("watch")
@click.option("--once", "is_once", is_flag=True, help="Show what is current, and end.")
@click.option("--ndjson", "is_json", is_flag=True, help="Print a line of JSON for all that is current, and for each change.")
@asks_the_bridge
def command(api: Api, *, is_once: bool, is_json: bool) -> None:
    """Watch everything live: systems, cameras, events, notices. A table on a terminal, lines elsewhere; Ctrl-C ends it."""
    if is_json:
        _watch(api.way, _Json(), is_once=is_once)
    elif is_once or not sys.stdout.isatty():
        _watch(api.way, _Lines(), is_once=is_once)
    else:
        screen = Screen(sys.stdout)
        screen.start()
        try:
            _watch(api.way, _Table(screen), is_once=False)
        finally:
            screen.stop()


def _watch(way: Way, display: _Display, *, is_once: bool) -> None:
    """Watch until there is a reason to end, coming back whenever the bridge does. Raises ApiFailed."""
    was_in = False
    while True:
        try:
            with following(way) as stream:
                was_in, watched, drawn_at = True, Watched(), 0.0
                display.note("")
                while True:
                    items = stream.items(_REFRESH_S)
                    for item in items:
                        line = watched.take(item)
                        display.told(item, line if watched.is_whole else None)
                    title = f"VMS Bridge at {way.place}, {time.strftime('%H:%M:%S')}"
                    if is_once and watched.is_whole:
                        display.once(watched.board(title))
                        return
                    since_s = time.monotonic() - drawn_at
                    if watched.is_whole and since_s > (_REFRESH_S if items else _REDRAW_S):
                        drawn_at = time.monotonic()
                        display.draw(watched.board(title))
        except ApiFailed as failed:
            code = failed.close_code if isinstance(failed, Closed) else failed.status
            if not was_in or is_once or code in _FINAL:
                raise
            display.note(f"{failed}; trying again")
        time.sleep(_AGAIN_S)


class _Table:
    """A table that stays where it is."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._board: Board | None = None

    def told(self, item: dict[str, Any], line: str | None) -> None:
        """Wait for the board, which has it."""

    def draw(self, board: Board) -> None:
        """Draw it anew."""
        self._board = board
        self._screen.draw(board)

    def once(self, board: Board) -> None:
        """Draw it."""
        self.draw(board)

    def note(self, text: str) -> None:
        """Show it above the board as it was."""
        if text and self._board is not None:
            self._screen.draw(replace(self._board, head=text))


class _Lines:
    """A line for each thing that happens."""

    def told(self, item: dict[str, Any], line: str | None) -> None:
        """Print the line."""
        del item
        if line is not None:
            say(printable(line))
            sys.stdout.flush()

    def draw(self, board: Board) -> None:
        """Leave it: what is current is too much for lines."""

    def once(self, board: Board) -> None:
        """Print the board."""
        console(sys.stdout).print(render(board))

    def note(self, text: str) -> None:
        """Say it beside the lines."""
        if text:
            say(printable(text), err=True)


class _Json(_Lines):
    """What the bridge says, as it says it."""

    def told(self, item: dict[str, Any], line: str | None) -> None:
        """Print it."""
        del line
        show_json(item, is_line=True)

    def once(self, board: Board) -> None:
        """Add nothing: it is all told."""
