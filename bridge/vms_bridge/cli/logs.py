"""`vms-bridge logs`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.completing import systems
from vms_bridge.cli.options import form_options, time_options
from vms_bridge.cli.output import JSON, Listing, Styled, local_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from vms_bridge.cli.client import Api

_PERIOD_S = 2.0
"""Each look is a request to the VMS."""
_MOST = 10_000
_COLUMNS = ("TIME", "LEVEL", "OF", "MESSAGE")
_STYLES = {"error": "red", "fatal": "bold red", "panic": "bold red", "warning": "yellow", "debug": "dim"}


@click.command("logs")
@click.argument("system", shell_complete=systems)
@time_options("Written")
@click.option("--limit", type=click.IntRange(1, _MOST), default=100, show_default=True, help="How many: the newest ones.")
@click.option("--follow", "-f", "is_following", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@form_options
@asks_the_bridge
def command(
    api: Api,
    *,
    system: str,
    since: datetime | None,
    until: datetime | None,
    time_zone: tzinfo | None,
    limit: int,
    is_following: bool,
    form: str | None,
) -> None:
    """Show what a system has logged, the oldest line first; the bridge's own log is where it writes it."""
    if is_following and (until is not None or form == JSON):
        raise click.UsageError("--follow has no end: leave --until, --during and --json out (--ndjson will do)")
    with Listing(form, _COLUMNS, lambda line: _row(line, time_zone)) as listing:
        query = [("system", system), ("limit", str(limit)), *_time("since", since), *_time("until", until)]
        lines = api.get("/logs", query)["lines"]
        listing.add(lines)
        if is_following:
            for new in _new(api, system, lines):
                listing.add(new)


def _new(api: Api, system: str, seen: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield what is written after these lines, for ever.

    A line has no number: those of the newest moment are asked for again, and the ones that were there passed over.
    """
    newest = max((line["time"] for line in seen), key=datetime.fromisoformat, default=datetime.now(UTC).isoformat())
    known = [line for line in seen if line["time"] == newest]
    while True:
        time.sleep(_PERIOD_S)
        asked = [("system", system), ("limit", str(_MOST)), *_time("since", datetime.fromisoformat(newest))]
        lines = api.get("/logs", asked)["lines"]
        left, new = list(known), []
        for line in lines:
            if line in left:
                left.remove(line)
            else:
                new.append(line)
        if new:
            newest = max((line["time"] for line in lines), key=datetime.fromisoformat)
            known = [line for line in lines if line["time"] == newest]
            yield new


def _time(name: str, moment: datetime | None) -> list[tuple[str, str]]:
    return [] if moment is None else [(name, moment.astimezone(UTC).isoformat().replace("+00:00", "Z"))]


def _row(line: dict[str, Any], zone: tzinfo | None) -> tuple[object, ...]:
    return (
        local_time(line["time"], zone),
        Styled(line["level"], _STYLES.get(line["level"], "")),
        line["component"],
        line["message"],
    )
