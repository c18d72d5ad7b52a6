"""`vms-bridge events`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.options import Moment, Number
from vms_bridge.cli.output import duration, local_time, say, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.cli.client import Api

_MOST = 50
_PAGE = 1_000
_COLUMNS = ("BEGAN", "LASTED", "MONITOR", "KIND", "LABELS", "SCORE", "ZONES", "CAUSE", "ID")
_SEVERAL = (
    ("system", "KEY", "Of this system"),
    ("monitor", "SYSTEM/KEY", "Of this monitor"),
    ("area", "NAME", "Of the monitors in this area"),
    ("kind", "KIND", "Of this kind: alarm, continuous, ..."),
    ("label", "LABEL", "With this label: person, car, ..."),
    ("zone", "NAME", "In this zone"),
    ("plate", "TEXT", "With this number plate"),
    ("face", "NAME", "With this face"),
)
_RANGES = (
    ("least-score", "0..1", "Whose best detection has this score at least", 1.0),
    ("most-score", "0..1", "Whose best detection has this score at most", 1.0),
    ("least-duration", "SECONDS", "That lasted this long at least", 1e9),
    ("most-duration", "SECONDS", "That lasted this long at most", 1e9),
)


def _filters(verb: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        click.option(
            "--since", type=Moment(-1), metavar="TIME", help="That began then or later: 2h, 7d, 2026-11-20, 2026-11-20T11:00."
        ),
        click.option("--until", type=Moment(-1), metavar="TIME", help="That began before that."),
        *(
            click.option(f"--{name}", multiple=True, metavar=value, help=f"{what}; may be repeated.")
            for name, value, what in _SEVERAL
        ),
        *(click.option(f"--{name}", type=Number(0, most), metavar=value, help=f"{what}.") for name, value, what, most in _RANGES),
        click.option(
            "--words", metavar="WORDS", help="With all of these words in cause, notes and labels; deliv* is any that begins so."
        ),
        click.option("--open/--over", "is_open", default=None, help="That go on, or are over."),
    ]
    for option in reversed(options):
        verb = option(verb)
    return verb


@click.group("events")
def command() -> None:
    """Search the events that the systems have recorded."""


@command.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@click.option("--json", "form", flag_value="json", help="Print a JSON array.")
@click.option("--ndjson", "form", flag_value="ndjson", help="Print a line of JSON for each event, as soon as it is there.")
@asks_the_bridge
def list_(api: Api, *, limit: int, is_all: bool, form: str | None, **filters: Any) -> None:  # noqa: ANN401 - the options above
    """List events, the newest first. Of several values of an option any will do, of several options each must."""
    pages = api.pages("/events", list(_query(filters)), most=None if is_all else limit, page=_PAGE)
    if form == "ndjson":
        for page in pages:
            for event in page["events"]:
                show_json(event, is_line=True)
        return
    events = [event for page in pages for event in page["events"]]
    if form == "json":
        show_json(events)
        return
    show_table(_COLUMNS, (_row(event) for event in events))
    if not is_all and len(events) == limit:
        say(f"There may be more than these {limit}: --limit and --all show them.", err=True)


def _query(filters: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was asked for, in the API's words."""
    for name, value in filters.items():
        match value:
            case None:
                continue
            case tuple():
                yield from ((name, each) for each in value)
            case bool():
                yield name, "true" if value else "false"
            case datetime():
                yield name, value.isoformat().replace("+00:00", "Z")
            case float():
                yield name, f"{value:.6f}".rstrip("0").rstrip(".")
            case _:
                yield name, str(value)


def _row(event: dict[str, Any]) -> tuple[object, ...]:
    score = event["score"]
    return (
        local_time(event["start"]),
        "goes on" if event["end_reason"] is None else duration(event["duration"]),
        event["monitor_name"] or f"{event['system']}/{event['monitor']}",
        event["kind"],
        ", ".join(event["labels"]),
        None if score is None else f"{score:.2f}",
        ", ".join(event["zones"]),
        event["cause"],
        event["id"],
    )
