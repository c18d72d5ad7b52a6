"""`vms-bridge events download`."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.events.filters import filters, found
from vms_bridge.cli.events.saving import CLIP, PICTURE, Saver, Stopped, Wanted
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, say, size
from vms_bridge.cli.progress import Bars
from vms_bridge.cli.ways import ApiFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from vms_bridge.cli.client import Api
    from vms_bridge.cli.events.saving import Saved

_MOST = 50
_MOST_AT_ONCE = 8
_LOOKS_EVERY_S = 0.2


class Outcome(NamedTuple):
    """What became of one event: it is in a file, or it could not be had."""

    event: str
    saved: Saved | None = None
    error: ApiFailed | None = None


@click.command("download")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@filters
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), default=Path(), metavar="FOLDER", help="Where to (default: here)."
)
@click.option("--pictures", "is_picture", is_flag=True, help="Their best pictures, in the place of clips.")
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@click.option(
    "--parallel", type=click.IntRange(1, _MOST_AT_ONCE), default=2, show_default=True, help="How many at the same time."
)
@form_options
@asks_the_bridge
def command(
    api: Api,
    *,
    ids: tuple[str, ...],
    folder: Path,
    limit: int,
    is_all: bool,
    is_picture: bool,
    parallel: int,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - the options of `filters`
) -> int:
    """Download the clips of events, by their ids or by the options of `events list`.

    What is there already is left alone, and what was broken off goes on where it ended. Prints the file of each event.
    """
    events = _named(api, ids) if ids else _searched(api, asked, None if is_all else limit)
    if ids and any(value not in {None, ()} for value in asked.values()):
        raise click.UsageError("name events, or say which ones by options, and not both")
    if asked["is_open"]:
        raise click.UsageError("an event that goes on has no clip that is whole: leave --open out")
    kind = PICTURE if is_picture else CLIP
    tally = _Tally()
    with Bars() as bars:
        saver = Saver(api, folder)
        work = _Work(saver, events, kind, time_zone, bars)
        with Listing(form, (), lambda _outcome: ()) as listing, _at_work(saver, work, parallel) as outcomes:
            for outcome in outcomes:
                tally.count(outcome)
                if form is not None:
                    listing.add([_said(outcome)])
                elif outcome.saved is not None:
                    bars.print(str(outcome.saved.path))
                if outcome.error is not None:
                    bars.complain(f"{outcome.event}: {outcome.error}", outcome.error.hint)
    if form is None:
        say(tally.text, err=True)
        if not ids and not is_all and tally.events == limit:
            say(f"There may be more than these {limit}: --limit and --all download them.", err=True)
    return FAILED if tally.failed else OK


class _Tally:
    def __init__(self) -> None:
        self.saved = self.bytes = self.there = self.failed = 0

    def count(self, outcome: Outcome) -> None:
        if outcome.saved is None:
            self.failed += 1
        elif outcome.saved.is_new:
            self.saved += 1
            self.bytes += outcome.saved.bytes
        else:
            self.there += 1

    @property
    def events(self) -> int:
        return self.saved + self.there + self.failed

    @property
    def text(self) -> str:
        parts = [f"{self.saved} downloaded ({size(self.bytes)})"]
        parts += [f"{self.there} there already"] if self.there else []
        parts += [f"{self.failed} failed"] if self.failed else []
        return ", ".join(parts) + "."


def _searched(api: Api, asked: dict[str, Any], most: int | None) -> Iterator[dict[str, Any] | Outcome]:
    """Yield the events that were asked for, but for those that go on."""
    for events in found(api, {**asked, "is_open": False}, most=most):
        yield from events


def _named(api: Api, ids: tuple[str, ...]) -> Iterator[dict[str, Any] | Outcome]:
    """Yield the events with these ids, and of those that can't be had what is the matter."""
    for id_ in dict.fromkeys(ids):
        try:
            event = api.get(f"/events/{segment(id_)}")
        except ApiFailed as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            yield Outcome(id_, error=error)
            continue
        if event["end_reason"] is None:
            yield Outcome(id_, error=ApiFailed("it goes on", "download it when it is over"))
        else:
            yield event


@contextmanager
def _at_work(saver: Saver, work: _Work, parallel: int) -> Iterator[Iterator[Outcome]]:
    """Do it in so many threads, and give what becomes of each event; whatever ends this ends all of them."""
    threads = [threading.Thread(target=work.run, name=f"download-{number}") for number in range(parallel)]
    try:
        for thread in threads:
            thread.start()
        yield work.outcomes(parallel)
    finally:
        saver.stop()
        for thread in threads:
            thread.join()


class _Work:
    """What the threads share: they take one event after the other, and tell the main thread what became of it."""

    def __init__(
        self, saver: Saver, events: Iterator[dict[str, Any] | Outcome], kind: str, zone: tzinfo | None, bars: Bars
    ) -> None:
        self._saver, self._events, self._kind, self._zone, self._bars = saver, events, kind, zone, bars
        self._lock = threading.Lock()
        self._told: queue.Queue[Outcome | Exception | None] = queue.Queue(maxsize=2 * _MOST_AT_ONCE)

    def outcomes(self, threads: int) -> Iterator[Outcome]:
        """Yield them until all threads are done. Raises what stops them all."""
        while threads:
            told = self._told.get()
            if told is None:
                threads -= 1
            elif isinstance(told, Exception):
                raise told
            else:
                yield told

    def run(self) -> None:
        """Do a thread's part."""
        try:
            while not self._saver.is_stopped and (event := self._next()) is not None:
                self._tell(event if isinstance(event, Outcome) else self._save(Wanted.of(event, self._kind, self._zone)))
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001  # the main thread raises it
            self._tell(error)
        self._tell(None)

    def _next(self) -> dict[str, Any] | Outcome | None:
        with self._lock:
            return next(self._events, None)

    def _save(self, wanted: Wanted) -> Outcome:
        with self._bars.bar(wanted.stem) as on_bytes:
            try:
                return Outcome(wanted.event, saved=self._saver.save(wanted, on_bytes))
            except ApiFailed as error:
                return Outcome(wanted.event, error=error)

    def _tell(self, told: Outcome | Exception | None) -> None:
        """Tell the main thread, as long as it listens."""
        while not self._saver.is_stopped:
            try:
                return self._told.put(told, timeout=_LOOKS_EVERY_S)
            except queue.Full:
                continue
        return None


def _said(outcome: Outcome) -> dict[str, Any]:
    """Return it for programs."""
    saved, error = outcome.saved, outcome.error
    return {
        "event": outcome.event,
        "result": "failed" if saved is None else "downloaded" if saved.is_new else "there",
        "file": None if saved is None else str(saved.path),
        "bytes": None if saved is None else saved.bytes,
        "error": None if error is None else {"text": str(error), "hint": error.hint},
    }
