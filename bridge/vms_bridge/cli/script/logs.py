"""`vms-bridge script logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import scripts
from vms_bridge.cli.options import form_options
from vms_bridge.cli.output import JSON, Listing, Styled, local_time, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.cli.client import Api

_LEVELS = ("debug", "info", "warning", "error")
_STYLES = {"error": "red", "warning": "yellow", "debug": "dim"}
_WAIT_S = 20
_MOST = 1_000


@click.command("logs")
@click.argument("name", shell_complete=scripts)
@click.option("--level", type=click.Choice(_LEVELS), default="debug", show_default=True, help="These and more serious lines.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=100, show_default=True, help="How many: the newest ones.")
@click.option("--follow", "-f", "is_following", is_flag=True, help="Go on with what is said from now on, until Ctrl-C.")
@form_options
@asks_the_bridge
def command(api: Api, *, name: str, level: str, limit: int, is_following: bool, form: str | None) -> None:
    """Show what a script has said, the oldest line first; LINE is where in its file."""
    if is_following and form == JSON:
        raise click.UsageError("--follow has no end: leave --json out (--ndjson will do)")
    path = f"/scripts/{segment(name)}/log"
    with Listing(form, ("TIME", "LEVEL", "LINE", "TEXT"), _row) as listing:
        page = api.get(path, [("level", level), ("limit", str(limit))])
        listing.add(page["lines"])
        if is_following:
            for new in following(api, path, level, page["after"]):
                listing.add(new)


def following(api: Api, path: str, level: str, after: int) -> Iterator[list[dict[str, Any]]]:
    """Yield what is said after a line, for ever."""
    while True:
        asked = [("after", str(after)), ("level", level), ("limit", str(_MOST)), ("wait", str(_WAIT_S))]
        page = api.get(path, asked)
        after = page["after"]
        if page["lost"]:
            say(f"({page['lost']} lines are gone: it says more than is kept)", err=True)
        yield page["lines"]


def _row(line: dict[str, Any]) -> tuple[object, ...]:
    level = Styled(line["level"], _STYLES.get(line["level"], ""))
    return local_time(line["time"]), level, line["line"], Styled(line["text"], "", has_lines=True)
