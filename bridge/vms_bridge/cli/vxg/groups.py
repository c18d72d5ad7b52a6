"""`vms-bridge vxg groups`: by the account's key. A group's token is shown only to who asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import OK
from vms_bridge.cli.direct.consent import Consent, destroys
from vms_bridge.cli.direct.showing import said, yes_or_no
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import Listing, printable, say, show_json
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.finding import CHANNELS, GROUP, SOME_CHANNELS, the_channels, the_group

if TYPE_CHECKING:
    from vms_bridge.vxg import GroupRow

_COLUMNS = ("ID", "NAME", "CHANNELS", "ACCESS", "FOR AI")


@click.group("groups")
def command() -> None:
    """Make, change and delete groups of channels: an engine gets at one by its token. They take the account's key."""


@command.command("list")
@click.option("--ai", "is_ai", is_flag=True, help="Those that are meant for AI engines.")
@click.option("--token", "with_token", is_flag=True, help="With their tokens, by which anybody gets at their channels.")
@form_options
@asks_vxg
def list_(ask: Ask, *, is_ai: bool, with_token: bool, form: str | None) -> None:
    """List the account's groups."""
    rows = ask(ask.vxg.groups.list(ai_targeted=is_ai, include_meta=True))
    columns = (*_COLUMNS, "TOKEN") if with_token else _COLUMNS
    with Listing(form, columns, lambda row: _row(row, with_token=with_token)) as listing:
        listing.add(rows if form is None else [_said(row, with_token=with_token) for row in rows])


@command.command("create")
@click.argument("name")
@CHANNELS
@click.option(
    "--access",
    type=click.Choice(["all", "watch"]),
    default="all",
    show_default=True,
    help="What its token allows: watch only, or all.",
)
@click.option("--not-for-ai", "is_ai", flag_value=False, default=True, help="It is not meant for an AI engine.")
@json_option
@asks_vxg
def create(ask: Ask, *, name: str, channels: tuple[str, ...], access: str, is_ai: bool, as_json: bool) -> None:
    """Make a group NAME of channels, and print its token."""
    rows = ask(the_channels(ask.vxg, channels))
    made = ask(ask.vxg.groups.create(name, [row.id for row in rows], access=access, ai_targeted=is_ai))
    _show_token(made, as_json=as_json)


@command.command("add")
@GROUP
@SOME_CHANNELS
@json_option
@asks_vxg
def add(ask: Ask, *, group: str, channels: tuple[str, ...], as_json: bool) -> None:
    """Add channels to a group; those that are in it already are no matter."""
    row, wanted = ask(the_group(ask.vxg, group)), ask(the_channels(ask.vxg, channels))
    _show(ask(ask.vxg.groups.add(row, *(each.id for each in wanted))), as_json=as_json)


@command.command("remove")
@GROUP
@SOME_CHANNELS
@json_option
@asks_vxg
def remove(ask: Ask, *, group: str, channels: tuple[str, ...], as_json: bool) -> None:
    """Take channels out of a group."""
    row, unwanted = ask(the_group(ask.vxg, group)), ask(the_channels(ask.vxg, channels))
    _show(ask(ask.vxg.groups.remove(row, *(each.id for each in unwanted))), as_json=as_json)


@command.command("rename")
@GROUP
@click.argument("name")
@json_option
@asks_vxg
def rename(ask: Ask, *, group: str, name: str, as_json: bool) -> None:
    """Give a group another NAME."""
    _show(ask(ask.vxg.groups.rename(ask(the_group(ask.vxg, group)), name)), as_json=as_json)


@command.command("delete")
@GROUP
@destroys
@json_option
@asks_vxg
def delete(ask: Ask, *, group: str, consent: Consent, as_json: bool) -> int:
    """Delete a group: its token is good no more. Its channels stay."""
    row = ask(the_group(ask.vxg, group))
    what = f"delete group {row.id} {row.name}, whose token is good no more then"
    form = "json" if as_json else None
    if not consent.given("Delete this group?", [what], _said(row), form=form):
        return OK
    ask(ask.vxg.groups.delete(row))
    _tell(f"deleted group {row.id} {row.name}", _said(row), as_json=as_json)
    return OK


@command.command("rotate")
@GROUP
@destroys
@json_option
@asks_vxg
def rotate(ask: Ask, *, group: str, consent: Consent, as_json: bool) -> int:
    """Put a new group with another token in the place of one, and print that token: the id changes, too."""
    row = ask(the_group(ask.vxg, group))
    what = f"put a new group in the place of {row.id} {row.name}, whose token is good no more then"
    form = "json" if as_json else None
    if consent.given("Rotate its token?", [what], _said(row), form=form):
        _show_token(ask(ask.vxg.groups.rotate(row)), as_json=as_json)
    return OK


def _show_token(row: GroupRow, *, as_json: bool) -> None:
    """Show a group with its new token: nobody has it otherwise."""
    if as_json:
        show_json(_said(row, with_token=True))
        return
    say(printable(f"group {row.id} {row.name}: {len(row.channels)} channels"), err=True)
    say(_token(row) or "")


def _show(row: GroupRow, *, as_json: bool) -> None:
    of = ", ".join(map(str, row.channels)) or "none"
    _tell(f"group {row.id} {row.name}: channels {of}", _said(row), as_json=as_json)


def _tell(text: str, detail: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(detail)
    else:
        say(printable(text))


def _said(row: GroupRow, *, with_token: bool = False) -> dict[str, Any]:
    shown = {name: each for name, each in said(row).items() if name != "token"}
    return {**shown, "token": _token(row)} if with_token else shown


def _row(row: GroupRow, *, with_token: bool) -> tuple[object, ...]:
    of = "all" if row.has_all_channels else ", ".join(map(str, row.channels))
    return (row.id, row.name, of, row.access, yes_or_no(row.ai_targeted), *((_token(row),) if with_token else ()))


def _token(row: GroupRow) -> str | None:
    return None if row.token is None else row.token.packed.get_secret_value()
