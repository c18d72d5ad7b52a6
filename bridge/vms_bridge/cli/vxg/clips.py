"""`vms-bridge vxg clips`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.consent import Consent, destroys
from vms_bridge.cli.direct.showing import said, shown_time
from vms_bridge.cli.direct.tally import Tally
from vms_bridge.cli.options import Duration, form_options, json_option, time_options, zone_option
from vms_bridge.cli.output import Listing, duration, printable, say, show_json, size
from vms_bridge.cli.progress import Bars
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.finding import CHANNEL, the_channel
from vms_bridge.errors import BridgeError, NoRoom, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from vms_bridge.cli.vxg.film import Saved
    from vms_bridge.vxg import ChannelRow, Clip

_MOST = 50
_COLUMNS = ("ID", "CHANNEL", "TITLE", "FROM", "LASTS", "SIZE", "STATUS")
_CLIPS = click.argument("clips", nargs=-1, required=True, type=click.IntRange(1), metavar="CLIP...")
_TO = click.option(
    "--to", "folder", type=click.Path(path_type=Path), default=Path(), metavar="FOLDER", help="Where to (default: here)."
)


@click.group("clips")
def command() -> None:
    """Have clips of any length be made of what was recorded, and save them."""


@command.command("make")
@CHANNEL
@time_options("A clip of what was recorded")
@click.option("--for", "for_s", type=Duration(), metavar="TIME", help="So long from --since on: it may end in the future.")
@click.option("--title", default="", metavar="TEXT", help="What it is called.")
@click.option("--keep-for", "kept_s", type=Duration(), metavar="TIME", help="VXG deletes it after so long.")
@click.option("--no-save", "is_saved", flag_value=False, default=True, help="Only have it be made, and print its id.")
@_TO
@json_option
@asks_vxg
def make(
    ask: Ask,
    *,
    channel: str,
    since: datetime | None,
    until: datetime | None,
    time_zone: tzinfo | None,
    for_s: float | None,
    title: str,
    kept_s: float | None,
    is_saved: bool,
    folder: Path,
    as_json: bool,
) -> None:
    """Have a clip be made, wait for it, save it as 101-clip-42.mp4, and print the file's name."""
    del time_zone
    if since is None or (until is None) == (for_s is None):
        raise click.UsageError("say of which time: --during RANGE, --since TIME and --until TIME, or --since TIME and --for TIME")
    end = until if for_s is None else since + timedelta(seconds=for_s)
    row = ask(the_channel(ask.vxg, channel))
    delete_at = None if kept_s is None else ask(ask.vxg.now()) + timedelta(seconds=kept_s)
    clip = ask(ask.vxg.clips.create(row, since, end or since, title=title, delete_at=delete_at))
    say(f"Clip {clip.id} is being made: `vxg clips save {row.id} {clip.id}` goes on, where this is broken off.", err=True)
    with Bars() as bars:
        clip = _waited(ask, bars, row, clip)
        saved = _save(ask, bars, row, clip, folder) if is_saved else None
    if as_json:
        show_json({**_said(clip), "file": None if saved is None else str(saved.path)})
    else:
        say(str(clip.id) if saved is None else str(saved.path))


@command.command("list")
@click.option("--channel", metavar="ID|NAME", help="Of this channel (default: of all).")
@click.option("--limit", type=click.IntRange(1), default=_MOST, show_default=True, help="How many at most.")
@click.option("--all", "is_all", is_flag=True, help="All that there are.")
@zone_option
@form_options
@asks_vxg
def list_(ask: Ask, *, channel: str | None, limit: int, is_all: bool, time_zone: tzinfo | None, form: str | None) -> None:
    """List clips, the newest first."""
    row = None if channel is None else ask(the_channel(ask.vxg, channel))
    with Listing(form, _COLUMNS, lambda clip: _row(clip, time_zone)) as listing:
        for clips in ask.some(ask.vxg.clips.each(row, limit=None if is_all else limit)):
            listing.add(clips if form is None else [_said(clip) for clip in clips])


@command.command("save")
@CHANNEL
@_CLIPS
@_TO
@form_options
@asks_vxg
def save(ask: Ask, *, channel: str, clips: tuple[int, ...], folder: Path, form: str | None) -> int:
    """Save clips of a channel, waited for where they are still made, and print the files' names.

    What is there already is left alone, and what was broken off goes on where it ended.
    """
    row = ask(the_channel(ask.vxg, channel))
    tally = Tally("saved")
    with Bars() as bars, Listing(form, (), lambda _outcome: ()) as listing:
        for number in dict.fromkeys(clips):
            outcome = _outcome(ask, bars, row, number, folder)
            tally.count(outcome)
            if form is not None:
                listing.add([outcome.said()])
            elif outcome.path is not None:
                bars.print(str(outcome.path))
            if outcome.error is not None:
                ask.complain(f"{number}: {outcome.error}", outcome.error.hint, bars.complain)
    if form is None:
        say(tally.text, err=True)
    return FAILED if tally.failed else OK


@command.command("delete")
@CHANNEL
@_CLIPS
@destroys
@json_option
@zone_option
@asks_vxg
def delete(ask: Ask, *, channel: str, clips: tuple[int, ...], consent: Consent, as_json: bool, time_zone: tzinfo | None) -> int:
    """Delete clips of a channel at VXG."""
    row = ask(the_channel(ask.vxg, channel))
    found = [ask(ask.vxg.clips.get(row, number)) for number in dict.fromkeys(clips)]
    lines = [f"delete clip {clip.id} of {row.name}, {shown_time(clip.start, time_zone)}: {clip.title}" for clip in found]
    count = "this clip" if len(found) == 1 else f"these {len(found)} clips"
    if not consent.given(f"Delete {count}?", lines, [_said(clip) for clip in found], form="json" if as_json else None):
        return OK
    for clip in found:
        ask(ask.vxg.clips.delete(row, clip))
        if not as_json:
            say(printable(f"deleted clip {clip.id}"))
    if as_json:
        show_json([_said(clip) for clip in found])
    return OK


def _outcome(ask: Ask, bars: Bars, row: ChannelRow, number: int, folder: Path) -> Saved:
    from vms_bridge.cli.vxg.film import Saved  # noqa: PLC0415  # --help has no use for it

    try:
        return _save(ask, bars, row, _waited(ask, bars, row, ask(ask.vxg.clips.get(row, number))), folder)
    except (OutputError, NoRoom):
        raise
    except BridgeError as error:
        return Saved(clip=number, error=error)


def _waited(ask: Ask, bars: Bars, row: ChannelRow, clip: Clip) -> Clip:
    with bars.bar(f"clip {clip.id} is made"):
        return ask(ask.vxg.clips.wait(row, clip))


def _save(ask: Ask, bars: Bars, row: ChannelRow, clip: Clip, folder: Path) -> Saved:
    from vms_bridge.cli.vxg.film import saved  # noqa: PLC0415  # as above

    name = f"{row.id}-clip-{clip.id}.mp4"
    with bars.bar(name) as on_bytes:
        progress: Callable[[int, int | None], None] = on_bytes
        return ask(saved(ask.vxg, row, clip, folder / name, progress))


def _said(clip: Clip) -> dict[str, Any]:
    return {name: each for name, each in said(clip).items() if name != "thumb"}


def _row(clip: Clip, zone: tzinfo | None) -> tuple[object, ...]:
    return (
        clip.id,
        clip.camera_id,
        clip.title,
        shown_time(clip.start, zone),
        duration(clip.duration_s),
        None if clip.size_bytes is None else size(clip.size_bytes),
        clip.status,
    )
