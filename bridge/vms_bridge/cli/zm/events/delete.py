"""`vms-bridge zm events delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.consent import Consent, destroys
from vms_bridge.cli.direct.showing import said, shown_time
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import NDJSON, complain, say, show_json
from vms_bridge.cli.progress import Bars
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.filters import are_any, filters, found
from vms_bridge.cli.zm.times import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from vms_bridge.zoneminder import EventRow
    from vms_bridge.zoneminder.events.bulk import BulkOutcome

_MOST = 50
_SHOWN = 20


@click.command("delete")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@filters
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@click.option("--even-archived", is_flag=True, help="Those in the archive, too, which ZoneMinder keeps otherwise.")
@click.option("--parallel", type=click.IntRange(1, 8), default=4, show_default=True, help="How many at the same time.")
@destroys
@form_options
@asks_zoneminder
def command(
    ask: Ask,
    *,
    ids: tuple[str, ...],
    limit: int,
    is_all: bool,
    even_archived: bool,
    parallel: int,
    consent: Consent,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - the options of `filters`
) -> int:
    """Delete events with their files, by their ids or by the options of `events list`, and see that they are gone."""
    if bool(ids) == (are_any(asked) or is_all):
        raise click.UsageError(
            "name the events by their ids, or by options as `events list` has them; --all alone is every event"
        )
    if ids:
        rows = [ask(ask.zm.events.get(each)) for each in dict.fromkeys(ids)]
    else:
        rows = [row for page in found(ask, asked, time_zone, most=None if is_all else limit) for row in page]
    zone = ask(zone_of(ask.zm, time_zone))
    names = {row.id: row.name for row in ask(ask.zm.monitors.list())}
    lines = [f"delete event {_shown(row, names, zone)}" for row in rows[:_SHOWN]]
    lines += [f"delete {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    if not rows:
        say("There are no such events.", err=True)
        return OK
    count = "this event" if len(rows) == 1 else f"these {len(rows)} events"
    if not consent.given(f"Delete {count}?", lines, [said(row) for row in rows], form=form):
        return OK
    with Bars(unit="events") as bars, bars.bar("deleted") as on_step:
        on_step(0, len(rows))
        outcome = ask(
            ask.zm.events.delete_many(
                rows,
                parallel=parallel,
                even_archived=even_archived,
                progress=lambda so_far: on_step(so_far.done + so_far.skipped + so_far.failed, len(rows)),
            )
        )
    _report(outcome, form)
    return FAILED if outcome.failed else OK


def _report(outcome: BulkOutcome, form: str | None) -> None:
    for event, reason in outcome.reasons:
        complain(f"{event}: {reason}", "")
    if form is None:
        left = f", {outcome.skipped} left alone" if outcome.skipped else ""
        say(f"{outcome.done} deleted{left}, {outcome.failed} failed.", err=True)
    else:
        show_json(said(outcome), is_line=form == NDJSON)


def _shown(row: EventRow, names: Mapping[str, str], zone: tzinfo | None) -> str:
    return f"{row.id} of {shown_time(row.start, zone)}, {names.get(row.monitor_id, row.monitor_id)}: {row.cause}"
