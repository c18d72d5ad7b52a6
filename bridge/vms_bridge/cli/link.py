"""`vms-bridge link`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from vms_bridge.cli.asking import asks_the_bridge
from vms_bridge.cli.client import BASE, segment
from vms_bridge.cli.completing import monitors, target_kind
from vms_bridge.cli.options import Moment, Range, form_options, json_option, zone_option
from vms_bridge.cli.output import Listing, local_time, say, show_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.cli.client import Api
    from vms_bridge.spoken_times import Span

_COLUMNS = ("ID", "NAME", "SIGNS", "CREATED")
_LIVE = ("ts", "mp4", "mjpeg")
_SIGNS = {"links": "links that name no key", "messages": "links in messages", "named": "links that name it"}


@click.group("link")
def command() -> None:
    """Make links that open one picture, clip or stream without a token, and the keys that sign them."""


@command.command("make")
@click.argument("what", shell_complete=monitors)
@click.option("--picture", "is_picture", is_flag=True, help="Of an event: its best picture, in the place of its clip.")
@click.option("--live", type=click.Choice(_LIVE), help="Of a monitor: its live video, in the place of a picture.")
@click.option("--during", type=Range(), metavar="RANGE", help="Of a monitor: a clip of that time, as 'yesterday 8pm to 8:05pm'.")
@zone_option
@click.option("--life", type=Moment(is_ahead=True), metavar="TIME", help="Until when it is good at most: 10m, 7d, 2027-01-31.")
@click.option("--uses", type=click.IntRange(1), metavar="NUMBER", help="How often it may be used.")
@click.option("--key", metavar="ID", help="The key that signs it; `link keys` lists them.")
@json_option
@asks_the_bridge
def make(
    api: Api,
    *,
    what: str,
    is_picture: bool,
    live: str | None,
    during: Span | None,
    time_zone: tzinfo | None,
    life: datetime | None,
    uses: int | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Make a link to WHAT: an event by its id, what a monitor sees now (zm/1), or a path of the API.

    Whoever has the link can open it, until its time, its uses, its key or its event are over: docs/api.md says when.
    """
    body: dict[str, Any] = {"path": _path(what, is_picture=is_picture, live=live, during=during), "uses": uses, "key": key}
    if life is not None:
        body["life"] = round((life - datetime.now(UTC)).total_seconds(), 3)
        if body["life"] < 1:
            raise click.BadParameter("that is over already", param_hint="--life")
    made = api.post("/links", {name: said for name, said in body.items() if said is not None})
    if as_json:
        show_json(made)
        return
    say(made["url"] or made["path"])
    say(_terms(made, time_zone), err=True)


@command.command("keys")
@form_options
@asks_the_bridge
def keys(api: Api, *, form: str | None) -> None:
    """List the keys that sign links."""
    with Listing(form, _COLUMNS, _row) as listing:
        listing.add(api.get("/links/keys")["keys"])


@command.command("new-key")
@click.argument("name")
@json_option
@asks_the_bridge
def new_key(api: Api, *, name: str, as_json: bool) -> None:
    """Make a key for links of their own, which can be revoked without the others: NAME is whose they are."""
    made = api.post("/links/keys", {"name": name})
    if as_json:
        show_json(made)
        return
    say(made["id"])
    say(f"This key signs the links that are made with --key {made['id']}.", err=True)


@command.command("revoke")
@click.argument("key", metavar="KEY")
@asks_the_bridge
def revoke(api: Api, *, key: str) -> None:
    """Make a key, and every link that it has signed, good for nothing, at once."""
    api.delete(f"/links/keys/{segment(key)}")
    say(f"The key {key} is revoked, and every link that it has signed.")


def _path(what: str, *, is_picture: bool, live: str | None, during: Span | None) -> str:
    """Return the path that a link to this opens."""
    kind = "path" if what.startswith("/") else target_kind(what)
    if (is_picture and kind != "event") or ((live or during) and kind != "monitor") or (live and during):
        raise click.UsageError("--picture is for events, --live or --during for monitors")
    match kind:
        case "path":
            return what
        case "event":
            return f"{BASE}/media/events/{segment(what)}/{'picture' if is_picture else 'clip'}"
        case "monitor":
            system, _, key = what.partition("/")
            last = _clip(during) if during else f"live.{live}" if live else "picture"
            return f"{BASE}/media/monitors/{segment(system)}/{segment(key)}/{last}"
        case _:
            raise click.BadParameter("name an event by its id, a monitor as zm/1, or a path of the API", param_hint="WHAT")


def _clip(during: Span) -> str:
    if during.until is None:
        raise click.BadParameter("say until when, as 'yesterday 8pm to 8:05pm'", param_hint="--during")
    since, until = (point.isoformat().replace("+00:00", "Z") for point in (during.since, during.until))
    return f"clip?{urlencode({'since': since, 'until': until})}"


def _terms(made: dict[str, Any], zone: tzinfo | None) -> str:
    """Return for how long a link is good, in words."""
    parts = [f"Whoever has it can open it, as long as the key {made['key']} is good"]
    parts += [f"so is the token {made['token']}"] if made["token"] else []
    parts += [f"until {local_time(made['until'], zone)}"] if made["until"] else []
    parts += [f"{made['uses']} times"] if made["uses"] else []
    where = "" if made["url"] else " It is the address below the API's own: `http.public_url` is not configured."
    return f"{', '.join(parts)}.{where}"


def _row(key: dict[str, Any]) -> tuple[object, ...]:
    return key["id"], key["name"], _SIGNS.get(key["purpose"], key["purpose"]), local_time(key["created"])
