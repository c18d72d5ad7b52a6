"""`vms-bridge vxg channels`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.showing import said, yes_or_no
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import Listing, Styled, printable, say, show_fields, show_json
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.finding import CHANNEL, the_channel

if TYPE_CHECKING:
    from typing import Any

    from vms_bridge.vxg import ChannelRow

_COLUMNS = ("ID", "NAME", "STATUS", "RECORDS", "MODE", "ACCESS", "TAGS")
_MODES = ("on", "off", "by_event", "server_by_event")


@click.group("channels")
def command() -> None:
    """List the channels of a group or an account, show how they are, and set when they record."""


@command.command("list")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With this tag; may be repeated.")
@click.option("--without-tag", "without", multiple=True, metavar="TAG", help="Without this tag; may be repeated.")
@form_options
@asks_vxg
def list_(ask: Ask, *, tags: tuple[str, ...], without: tuple[str, ...], form: str | None) -> None:
    """List all channels that the token, or the account's key, is for."""
    rows = ask(ask.vxg.channels.list(include_meta=True, meta=tags, without_meta=without))
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(rows if form is None else [_said(row) for row in rows])


@command.command("status")
@CHANNEL
@json_option
@asks_vxg
def status(ask: Ask, *, channel: str, as_json: bool) -> int:
    """Show how a channel's camera is. The exit code is 1 where it is not connected."""
    row = ask(ask.vxg.channels.status(ask(the_channel(ask.vxg, channel))))
    if as_json:
        show_json(_said(row))
    else:
        show_fields(
            (
                ("id", row.id),
                ("name", row.name),
                ("status", _status(row)),
                ("records", yes_or_no(row.recording)),
                ("record mode", row.record_mode),
                ("time zone", row.time_zone),
                *((f"tag {name}", text) for name, text in row.meta.items()),
            )
        )
    return OK if row.online else FAILED


@command.command("record")
@CHANNEL
@click.argument("mode", type=click.Choice(_MODES))
@json_option
@asks_vxg
def record(ask: Ask, *, channel: str, mode: str, as_json: bool) -> None:
    """Set when a channel records: always (on), never (off), or with its events."""
    row = ask(the_channel(ask.vxg, channel))
    found = ask(ask.vxg.channels.set_record_mode(row, mode))
    if as_json:
        show_json(_said(found))
    else:
        say(printable(f"{row.name}: records {found.record_mode or mode}"))


def _said(row: ChannelRow) -> dict[str, Any]:
    """Return a channel for programs: what it is, and no token of it."""
    return {name: each for name, each in said(row).items() if name not in {"token", "preview"}} | {"online": row.online}


def _row(row: ChannelRow) -> tuple[object, ...]:
    tags = ", ".join(f"{name}: {text}" if text else name for name, text in row.meta.items())
    return row.id, row.name, _status(row), yes_or_no(row.recording), row.record_mode, row.access, tags


def _status(row: ChannelRow) -> Styled:
    return Styled(row.status, "green" if row.online else "red")
