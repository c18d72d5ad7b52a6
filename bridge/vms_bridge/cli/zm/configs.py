"""`vms-bridge zm configs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.direct.finding import NotFoundThere
from vms_bridge.cli.direct.showing import said, shortened
from vms_bridge.cli.options import form_options, json_option
from vms_bridge.cli.output import Listing, printable, say, show_json
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.completing import configs

if TYPE_CHECKING:
    from vms_bridge.zoneminder import Config

_NAME = click.argument("name", shell_complete=configs)


@click.group("configs")
def command() -> None:
    """Show and set ZoneMinder's options, such as ZM_OPT_USE_AUTH. Secrets are among them."""


@command.command("list")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@form_options
@asks_zoneminder
def list_(ask: Ask, *, words: tuple[str, ...], form: str | None) -> None:
    """List the options that have all of these WORDs in their names, or all options."""
    wanted = [word.upper() for word in words]
    rows = [row for row in ask(ask.zm.configs.list()) if all(word in row.name.upper() for word in wanted)]
    with Listing(form, ("NAME", "VALUE", "CATEGORY"), _row) as listing:
        listing.add(rows if form is None else [_said(row) for row in rows])


@command.command("get")
@_NAME
@json_option
@asks_zoneminder
def get(ask: Ask, *, name: str, as_json: bool) -> None:
    """Print what an option is set to."""
    value = ask(ask.zm.configs.get(name))
    if value is None:
        raise NotFoundThere(f"ZoneMinder has no option {name}", hint="`zm configs list WORD` finds it")
    if as_json:
        show_json({"name": name, "value": value})
    else:
        say(printable(value))


@command.command("set")
@_NAME
@click.argument("value")
@asks_zoneminder
def set_(ask: Ask, *, name: str, value: str) -> None:
    """Set an option. Most count only when ZoneMinder is started anew: `zm states restart` does that."""
    ask(ask.zm.configs.set(name, value))
    say(printable(f"{name} is {value}"))


def _row(row: Config) -> tuple[object, ...]:
    return row.name, shortened(row.value), row.category


def _said(row: Config) -> dict[str, Any]:
    return {**said(row), "value": row.value, "default": row.default}
