"""`vms-bridge zm events count`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.options import json_option
from vms_bridge.cli.output import say, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.filters import filters, query

if TYPE_CHECKING:
    from datetime import tzinfo


@click.command("count")
@filters
@json_option
@asks_zoneminder
def command(ask: Ask, *, as_json: bool, time_zone: tzinfo | None, **asked: Any) -> None:  # noqa: ANN401 - the options of `filters`
    """Say how many events there are."""
    count = ask(query(ask, asked, time_zone).count())
    if as_json:
        show_json({"events": count})
    else:
        say(str(count))
