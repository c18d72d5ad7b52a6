"""`vms-bridge vxg events`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.showing import said, shown_time
from vms_bridge.cli.options import Duration, Moment, form_options, json_option, time_options, zone_option
from vms_bridge.cli.output import Listing, printable, say, show_json
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.completing import channels
from vms_bridge.cli.vxg.finding import the_channel
from vms_bridge.clock import SystemClock
from vms_bridge.errors import BridgeError, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, tzinfo

    from vms_bridge.vxg import ChannelRow, EventRow
    from vms_bridge.vxg.events import Filters

_MOST = 50
_MOST_RETRY_S = 60.0
_COLUMNS = ("ID", "TIME", "CHANNEL", "KIND", "PICTURE", "TAGS")
_CHANNEL = click.option("--channel", metavar="ID|NAME", help="Of this channel (default: of all).", shell_complete=channels)
_KIND = click.option("--kind", "kinds", multiple=True, metavar="NAME", help="Of this kind, such as motion; may be repeated.")


@click.group("events")
def command() -> None:
    """List, follow and tag the events of a channel, or of all of the group."""


@command.command("list")
@_CHANNEL
@_KIND
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With this tag; may be repeated.")
@click.option("--without-tag", "without", multiple=True, metavar="TAG", help="Without this tag; may be repeated.")
@time_options("That began")
@click.option("--oldest-first", is_flag=True, help="The other way round.")
@click.option("--boxes", "with_boxes", is_flag=True, help="With --json or --ndjson: what an AI has found in each, and where.")
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@form_options
@asks_vxg
def list_(
    ask: Ask,
    *,
    channel: str | None,
    with_boxes: bool,
    limit: int,
    is_all: bool,
    form: str | None,
    time_zone: tzinfo | None,
    **asked: Any,  # noqa: ANN401 - the options that choose
) -> None:
    """List events, the newest first."""
    if with_boxes and form is None:
        raise click.UsageError("--boxes goes with --json or --ndjson")
    row = None if channel is None else ask(the_channel(ask.vxg, channel))
    filters = _filters(asked)
    if not is_all:
        filters["limit"] = limit
    names = _names(ask, row) if form is None else {}
    with Listing(form, _COLUMNS, lambda event: _row(event, names, time_zone)) as listing:
        for events in ask.some(ask.vxg.events.each(row, **filters)):
            listing.add(
                events if form is None else (_said(event, _boxes(ask, event) if with_boxes else None) for event in events)
            )


@command.command("watch")
@_CHANNEL
@_KIND
@click.option("--since", type=Moment(is_ahead=False), metavar="TIME", help="Begin with those of before (default: now).")
@click.option(
    "--interval", "every_s", type=Duration(), default="2s", show_default=True, metavar="TIME", help="How often to look."
)
@click.option("--for", "for_s", type=Duration(), metavar="TIME", help="For so long (default: until Ctrl-C).")
@zone_option
@form_options
@asks_vxg
def watch(
    ask: Ask,
    *,
    channel: str | None,
    kinds: tuple[str, ...],
    since: datetime | None,
    every_s: float,
    for_s: float | None,
    time_zone: tzinfo | None,
    form: str | None,
) -> None:
    """Print events as they come, each once, and again when its picture or its tags come.

    Some are listed up to a minute late. While VXG does not answer, it is asked again; what came meanwhile is printed then.
    """
    from vms_bridge.vxg import ServerFailed  # noqa: PLC0415  # --help has no use for the library

    row = None if channel is None else ask(the_channel(ask.vxg, channel))
    names = _names(ask, row) if form is None else {}
    clock = SystemClock()
    ends_at = None if for_s is None else clock.monotonic() + for_s
    begun = ask(ask.vxg.now()) if since is None else since
    watching = ask.vxg.events.watch(begun, channel=row, names=kinds)
    with Listing(form, _COLUMNS, lambda event: _row(event, names, time_zone)) as listing:

        def show(events: Iterable[EventRow], change: str) -> None:
            # It is read from a minute before, for what is listed late; of before the beginning nobody has asked.
            wanted = [event for event in events if event.time >= begun]
            listing.add(wanted if form is None else [{"change": change, **_said(event)} for event in wanted])

        retry_s = every_s
        while True:
            try:
                changes = ask(watching.poll())
            except (VmsUnreachable, ServerFailed) as error:
                ask.complain(str(error), error.hint)
                pause_s, retry_s = retry_s, min(2 * retry_s, max(every_s, _MOST_RETRY_S))
            else:
                show(changes.new, "new")
                show(changes.changed, "changed")
                pause_s, retry_s = (every_s if changes.is_all else 0.0), every_s
            if ends_at is not None and clock.monotonic() + pause_s >= ends_at:
                return
            ask(clock.sleep(pause_s))


@command.command("tag")
@click.argument("tag")
@click.argument("events", nargs=-1, required=True, type=click.IntRange(1), metavar="ID...")
@click.option("--text", default="", metavar="TEXT", help="What it says.")
@click.option("--remove", "is_off", is_flag=True, help="Take it off.")
@json_option
@asks_vxg
def tag(ask: Ask, *, tag: str, events: tuple[int, ...], text: str, is_off: bool, as_json: bool) -> int:
    """Give events a TAG, or another text to one that they have, or take it off."""
    from vms_bridge.vxg import NotThere, Refused  # noqa: PLC0415  # --help has no use for the library

    if is_off and text:
        raise click.UsageError("--text is for a tag that is given")
    code = OK
    for event in dict.fromkeys(events):
        try:
            ask(ask.vxg.events.remove_tag(event, tag) if is_off else ask.vxg.events.set_tag(event, tag, text))
        except (NotThere, Refused) as error:
            ask.complain(f"{event}: {error}", error.hint)
            code = FAILED
        else:
            if as_json:
                show_json({"event": event, "tag": tag, "text": None if is_off else text}, is_line=True)
            else:
                say(printable(f"{event}: {'without' if is_off else 'tagged'} {tag}"))
    return code


def _filters(asked: Mapping[str, Any]) -> Filters:
    found: Filters = {"newest_first": not asked["oldest_first"]}
    if asked["since"] is not None:
        found["start"] = asked["since"]
    if asked["until"] is not None:
        found["end"] = asked["until"]
    found["names"], found["meta"], found["without_meta"] = asked["kinds"], asked["tags"], asked["without"]
    return found


def _names(ask: Ask, row: ChannelRow | None) -> dict[int, str]:
    return {each.id: each.name for each in (ask(ask.vxg.channels.list()) if row is None else (row,))}


def _boxes(ask: Ask, event: EventRow) -> list[Any] | None:
    """Return what an AI has found in an event; None where that can't be had, which is said."""
    try:
        return [said(box) for box in ask(ask.vxg.events.boxes(event))]
    except BridgeError as error:
        ask.complain(str(error), error.hint)
        return None


def _said(event: EventRow, boxes: list[Any] | None = None) -> dict[str, Any]:
    shown = {**said(event), "has_picture": event.thumb is not None}
    return shown if boxes is None else {**shown, "boxes": boxes}


def _row(event: EventRow, names: Mapping[int, str], zone: tzinfo | None) -> tuple[object, ...]:
    tags = ", ".join(f"{name}: {text}" if text else name for name, text in event.meta.items())
    picture = "yes" if event.thumb is not None else None
    return event.id, shown_time(event.time, zone), names.get(event.camera_id, event.camera_id), event.name, picture, tags
