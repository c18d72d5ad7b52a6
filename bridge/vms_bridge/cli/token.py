"""`vms-bridge token`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import segment
from vms_bridge.cli.completing import monitors as monitor_words
from vms_bridge.cli.completing import systems as system_words
from vms_bridge.cli.options import Moment, form_options, json_option
from vms_bridge.cli.output import Listing, local_time, say, show_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.cli.client import Api

_SCOPES = ("read", "control", "admin", "hook")


def grant_options(default: str, scopes: tuple[str, ...] = _SCOPES) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the options by which somebody is given a scope, and what it is limited to."""

    def add(verb: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--monitor",
                "monitors",
                multiple=True,
                metavar="SYSTEM/KEY",
                help="For this monitor only; may be repeated.",
                shell_complete=monitor_words,
            ),
            click.option(
                "--system",
                "systems",
                multiple=True,
                metavar="KEY",
                help="For this system only; may be repeated.",
                shell_complete=system_words,
            ),
            click.option("--scope", type=click.Choice(scopes), default=default, show_default=True, help="How far it may go."),
        ):
            verb = option(verb)
        return verb

    return add


def grant(scope: str, systems: tuple[str, ...], monitors: tuple[str, ...]) -> dict[str, object]:
    """Return what somebody is given, in the API's words."""
    if systems and monitors:
        raise click.UsageError("name systems or monitors, and not both")
    limits = {name: list(keys) for name, keys in (("systems", systems), ("monitors", monitors)) if keys}
    return {"scope": scope, **limits}


@click.group("token")
def command() -> None:
    """Make, list and revoke the tokens by which programs use the API."""


@command.command("create")
@click.option("--name", required=True, metavar="NAME", help="Whose it is: what the list and the log call it.")
@grant_options("control")
@click.option("--receiver", metavar="SYSTEM/NAME", help="With the scope hook: which receiver it calls, such as zm/event.")
@click.option(
    "--expires", type=Moment(is_ahead=True), metavar="TIME", help="Until when it is good: 90d, 2027-01-31 (default: for ever)."
)
@json_option
@asks_the_bridge
def create(
    api: Api,
    *,
    name: str,
    scope: str,
    systems: tuple[str, ...],
    monitors: tuple[str, ...],
    receiver: str | None,
    expires: datetime | None,
    as_json: bool,
) -> None:
    """Make a token. Its text is shown once: the bridge keeps only its hash."""
    if (scope == "hook") is (receiver is None):
        raise click.UsageError("a token of the scope hook is for one receiver, named by --receiver; no other token is")
    body = {"name": name, **grant(scope, systems, monitors)}
    if receiver is not None:
        body["receiver"] = receiver
    if expires is not None:
        body["life"] = _life(expires)
    made = api.post("/tokens", body)
    if as_json:
        show_json(made)
        return
    say(made["token"])
    say(f"This is the token {made['id']} of {name}, for {_reach(made)}; it is not shown again.", err=True)
    if receiver is not None and receiver not in (f"{one['system']}/{one['name']}" for one in api.get("/hooks")["receivers"]):
        say(f"There is no receiver {receiver} now: the token is good as soon as there is one.", err=True)


@command.command("list")
@form_options
@asks_the_bridge
def list_(api: Api, *, form: str | None) -> None:
    """List the tokens, without their texts."""
    with Listing(form, ("ID", "NAME", "FOR", "CREATED", "EXPIRES", "LAST USED"), _row) as listing:
        listing.add(api.get("/tokens")["tokens"])


@command.command("revoke")
@click.argument("id_", metavar="ID")
@asks_the_bridge
def revoke(api: Api, *, id_: str) -> None:
    """Make a token good for nothing, at once; its id is in the list."""
    api.delete(f"/tokens/{segment(id_)}")
    say(f"The token {id_} is revoked.")


def _life(expires: datetime) -> float:
    seconds = (expires - datetime.now(UTC)).total_seconds()
    if seconds < 1:
        raise click.BadParameter("that is over already", param_hint="--expires")
    return round(seconds, 3)


def _row(token: dict[str, Any]) -> tuple[object, ...]:
    return token["id"], token["name"], _reach(token), *(local_time(token[name]) for name in ("created", "expires", "used"))


def _reach(token: dict[str, Any]) -> str:
    """Return what a token is good for, in words."""
    if token["receiver"] is not None:
        return f"{token['scope']} {token['receiver']}"
    limits = token["systems"] if token["systems"] is not None else token["monitors"]
    return token["scope"] if limits is None else f"{token['scope']} of {', '.join(limits)}"
