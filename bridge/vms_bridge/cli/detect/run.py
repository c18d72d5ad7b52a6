"""`vms-bridge detect run`."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.completing import monitors
from vms_bridge.cli.detect.models import Outcome, detector_by, looked_at
from vms_bridge.cli.events.filters import found
from vms_bridge.cli.options import form_options, time_options
from vms_bridge.cli.output import Listing
from vms_bridge.cli.progress import Bars
from vms_bridge.cli.ways import ApiFailed
from vms_bridge.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from datetime import datetime, tzinfo

    from vms_bridge.cli.client import Api

_SILENCE_S = 240.0
_EVERY = click.IntRange(1, 1_000_000)


@click.command("run")
@click.argument("names", nargs=-1, metavar="[FILE|EVENT]...")
@click.option(
    "--monitor", metavar="SYSTEM/KEY", help="What this monitor sees now, or its events of a time.", shell_complete=monitors
)
@click.option("--frames", metavar="FRAMES", help="Of events: alarm, snapshot, first and numbers, as alarm,21.")
@click.option("--every", type=_EVERY, default=25, show_default=True, help="Of a video: look at each so many frames.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Note there what is done, and leave out what it has: a run that was broken off goes on.",
)
@time_options("With --monitor: its events that began")
@form_options
@asks_the_bridge
def command(
    api: Api,
    *,
    names: tuple[str, ...],
    monitor: str | None,
    frames: str | None,
    every: int,
    journal: Path | None,
    form: str | None,
    since: datetime | None,
    until: datetime | None,
    time_zone: tzinfo | None,
) -> int:
    """Say what is in pictures, videos and events, or before a monitor.

    A FILE is a picture or a video: the models of the configuration look at it without a bridge, by the rules of the cameras
    `*`. An EVENT is named by its id, and a monitor by --monitor: the running bridge looks at them by the camera's rules.
    """
    del time_zone
    if not names and monitor is None:
        raise click.UsageError("say what to look at: a file, an event's id, or --monitor")
    if (since is not None or until is not None) and monitor is None:
        raise click.UsageError("--since, --until and --during go with --monitor")
    done = _Journal(journal)
    failed = False
    with Bars() as bars, Listing(form, (), lambda _outcome: ()) as listing, ExitStack() as stack:
        wanted = _wanted(api, done.left(names), monitor, frames, span=(since, until), every=every)
        for number, (name, look) in enumerate(stack.enter_context(closing(wanted)), 1):
            if name in done.names:
                continue
            with bars.bar(name) as on_step:
                on_step(number, None)
                outcome = _outcome(name, look)
            if form is not None:
                listing.add([_said(outcome)])
            elif outcome.error is None:
                bars.print(f"{name}: {outcome.text}")
            if outcome.error is None:
                done.add(name)
                continue
            failed = True
            bars.complain(f"{name}: {outcome.error}", outcome.hint)
    return FAILED if failed else OK


def _wanted(
    api: Api,
    names: Sequence[str],
    monitor: str | None,
    frames: str | None,
    *,
    span: tuple[datetime | None, datetime | None],
    every: int,
) -> Generator[tuple[str, Callable[[], Outcome]]]:
    """Yield what is to be looked at, each with how."""
    files = [name for name in names if Path(name).is_file()]
    if files:
        yield from _looked(files, click.get_current_context().params["config"], every)
    for name in names:
        if name not in files:
            yield name, lambda name=name: _asked(api, name, {"event": name, "value": frames or ""})  # type: ignore[misc]
    if monitor is None:
        return
    system, _, key = monitor.partition("/")
    if span == (None, None):
        yield monitor, lambda: _asked(api, monitor, {"system": system, "monitor": key, "value": "now"})
        return
    asked = {"monitor": (monitor,), "since": span[0], "until": span[1]}
    for page in found(api, asked, most=None):
        for event in page:
            yield event["id"], lambda name=event["id"]: _asked(api, name, {"event": name, "value": frames or ""})  # type: ignore[misc]


def _outcome(name: str, look: Callable[[], Outcome]) -> Outcome:
    try:
        return look()
    except ApiFailed as error:
        if error.status is None:
            raise  # there is no bridge to ask, for this or anything else
        return Outcome(name, error=str(error), hint=error.hint)


def _asked(api: Api, name: str, body: dict[str, str]) -> Outcome:
    """Have the bridge look. Raises ApiFailed."""
    body = {"command": "detect", "request_id": uuid.uuid4().hex, **body}
    ack = next(iter(deque(api.lines("/commands", body, _SILENCE_S), maxlen=1)), None)
    if ack is None or ack["result"] == "running":
        return Outcome(name, error="the bridge has not said what is there", hint="ask again")
    if ack["error"] is not None:
        return Outcome(name, error=str(ack["error"]["hint"] or ack["result"]))
    return Outcome(name, text=str(ack["applied"]), detail=ack.get("detail"))


def _looked(files: Sequence[str], config: Path, every: int) -> Generator[tuple[str, Callable[[], Outcome]]]:
    """Yield files, each with how the models of the configuration look at it. Raises ConfigError and DetectionFailed."""
    made = detector_by(config)
    with asyncio.Runner() as runner:  # one loop for all files: models are loaded once
        detector = runner.run(made.__aenter__())
        try:
            for name in files:
                yield name, lambda name=name: runner.run(looked_at(detector, name, every))  # type: ignore[misc]  # bound now
        finally:
            runner.run(detector.__aexit__(None, None, None))


def _said(outcome: Outcome) -> dict[str, Any]:
    """Return it for programs."""
    return {
        "of": outcome.name,
        "found": outcome.text if outcome.error is None else None,
        "detail": outcome.detail,
        "error": None if outcome.error is None else {"text": outcome.error, "hint": outcome.hint},
    }


class _Journal:
    """A file with a line of JSON for each that is done."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.names: set[str] = set()
        self._before = ""
        """What ends the half line that a kill has left."""
        if file is None or not file.exists():
            return
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise OutputError(f"the journal {file} can't be read: {error}") from None
        self._before = "" if not text or text.endswith("\n") else "\n"
        for line in text.split("\n"):  # and not at what else may end one: a file's name can have that
            with suppress(ValueError):  # the last one may be half a line, after a kill
                said = json.loads(line)
                if isinstance(said, dict) and "done" in said:
                    self.names.add(str(said["done"]))

    def left(self, names: Sequence[str]) -> list[str]:
        """Return those that are not done yet, each once."""
        return [name for name in dict.fromkeys(names) if name not in self.names]

    def add(self, name: str) -> None:
        """Note that this is done. Raises OutputError."""
        self.names.add(name)
        if self._file is None:
            return
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(self._before + json.dumps({"done": name}, ensure_ascii=False) + "\n")
                self._before = ""
        except OSError as error:
            raise OutputError(f"the journal {self._file} can't be written: {error.strerror}") from None
