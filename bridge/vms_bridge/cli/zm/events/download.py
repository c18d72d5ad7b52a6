"""`vms-bridge zm events download`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.tally import Tally, make_folder
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import Listing, say
from vms_bridge.cli.progress import Bars
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.filters import are_any, filters, found
from vms_bridge.cli.zm.events.frame import Frame
from vms_bridge.cli.zm.events.saving import Saver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from vms_bridge.cli.zm.events.saving import Outcome
    from vms_bridge.zoneminder import EventRow

_MOST = 50
_MOST_AT_ONCE = 8


@click.command("download")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@filters
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), default=Path(), metavar="FOLDER", help="Where to (default: here)."
)
@click.option("--pictures", "is_picture", is_flag=True, help="Their best pictures, in the place of videos.")
@click.option(
    "--frame", type=Frame(), metavar="FRAME", help="This picture of each: alarm, objdetect, snapshot, or a frame's number."
)
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@click.option(
    "--parallel", type=click.IntRange(1, _MOST_AT_ONCE), default=2, show_default=True, help="How many at the same time."
)
@form_options
@asks_zoneminder
def command(
    ask: Ask,
    *,
    ids: tuple[str, ...],
    folder: Path,
    is_picture: bool,
    frame: str | None,
    limit: int,
    is_all: bool,
    parallel: int,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - the options of `filters`
) -> int:
    """Download the videos of events, by their ids or by the options of `events list`.

    What is there already is left alone, and what was broken off goes on where it ended. Prints the file of each event.
    """
    if ids and are_any(asked):
        raise click.UsageError("name events, or say which ones by options, and not both")
    wanted: Iterator[EventRow | str] = iter(dict.fromkeys(ids))
    if not ids:
        wanted = (row for rows in found(ask, asked, time_zone, most=None if is_all else limit) for row in rows)
    make_folder(folder)
    tally = Tally("downloaded")
    with Bars() as bars, Listing(form, (), lambda _outcome: ()) as listing:
        saver = Saver(ask.zm, folder, frame or ("snapshot" if is_picture else None), bars)
        for outcome in _outcomes(ask, saver, wanted, parallel):
            tally.count(outcome)
            if form is not None:
                listing.add([outcome.said()])
            elif outcome.path is not None:
                bars.print(str(outcome.path))
            if outcome.error is not None:
                bars.complain(f"{outcome.event}: {outcome.error}", outcome.error.hint)
    if form is None:
        say(tally.text, err=True)
        if not ids and not is_all and tally.all == limit:
            say(f"There may be more than these {limit}: --limit and --all download them.", err=True)
    return FAILED if tally.failed else OK


def _outcomes(ask: Ask, saver: Saver, wanted: Iterator[EventRow | str], parallel: int) -> Iterator[Outcome]:
    """Have so many saved at the same time, and yield what becomes of each; whatever ends this ends all of them."""
    try:
        under_way = 0
        for event in wanted:
            ask(saver.begin(event))
            under_way += 1
            if under_way == parallel:
                yield ask(saver.next())
                under_way -= 1
        for _ in range(under_way):
            yield ask(saver.next())
    finally:
        ask(saver.stop())
