"""`vms-bridge vxg images`: of now, at a rate, and of what was recorded."""

from __future__ import annotations

import math
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.tally import Tally
from vms_bridge.cli.options import Duration, form_options, json_option, time_options
from vms_bridge.cli.output import Listing, say, show_json
from vms_bridge.cli.progress import Bars
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.finding import CHANNELS, SOME_CHANNELS, the_channels
from vms_bridge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, tzinfo

    from vms_bridge.cli.vxg.sampling import Looks, Outcome, Saver

_REFRESH_S = 30.0
_EVERY = click.option("--every", "every_s", type=Duration(), default="1s", show_default=True, metavar="TIME", help="How often.")
_TO = click.option(
    "--to", "folder", type=click.Path(path_type=Path), default=Path(), metavar="FOLDER", help="Where to (default: here)."
)
_DETECT = click.option(
    "--detect", "is_detecting", is_flag=True, help="Say what is in each, by the models of the configuration (--config)."
)


@click.group("images")
def command() -> None:
    """Take pictures: of now, at any rate, and of what was recorded."""


@command.command("now")
@SOME_CHANNELS
@_TO
@click.option("-o", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Of one channel: that file.")
@click.option("--refresh", is_flag=True, help="Have a fresh one be made, which takes some seconds.")
@_DETECT
@form_options
@asks_vxg
def now(
    ask: Ask, *, channels: tuple[str, ...], folder: Path, file: Path | None, refresh: bool, is_detecting: bool, form: str | None
) -> int:
    """Save the newest picture of channels, as channel-101.jpg, and print the files' names."""
    rows = ask(the_channels(ask.vxg, channels))
    if file is not None and len(rows) > 1:
        raise click.UsageError("-o is for one channel; --to names a folder for several")

    def save(saver: Saver) -> None:
        for row in rows:
            ask(saver.now(row, file, refresh_s=_REFRESH_S if refresh else None))

    return _saved(ask, folder, form, is_detecting=is_detecting, expected=len(rows), save=save)


@command.command("sample")
@CHANNELS
@click.option("--all", "is_all", is_flag=True, help="All channels of the group.")
@_EVERY
@_TO
@click.option("--limit", type=click.IntRange(1), metavar="N", help="So many of each channel (default: until Ctrl-C).")
@click.option("--for", "for_s", type=Duration(), metavar="TIME", help="For so long.")
@_DETECT
@form_options
@asks_vxg
def sample(
    ask: Ask,
    *,
    channels: tuple[str, ...],
    is_all: bool,
    every_s: float,
    folder: Path,
    limit: int | None,
    for_s: float | None,
    is_detecting: bool,
    form: str | None,
) -> int:
    """Save what channels show, at a rate, in a folder for each: 101/2026-11-20T12-00-00.000Z.jpg.

    How often VXG makes pictures is a setting of the channel that others share: it is raised where it does not suffice, and put
    back at the end. Where this was killed, the next run puts it back, or `images restore`.
    """
    from vms_bridge.cli.vxg import kept_rates  # noqa: PLC0415  # --help has no use for it

    if bool(channels) == is_all:
        raise click.UsageError("name channels, or say --all")
    rows = ask(the_channels(ask.vxg, channels)) if channels else ask(ask.vxg.channels.list())
    within = kept_rates.folder()
    ask(kept_rates.restore(ask.vxg, within, ask.complain))
    keep = kept_rates.KeptRates(within, ask.vxg.url)

    async def sampled(saver: Saver) -> None:
        async with keep:
            await saver.sample(rows, every_s, keep, limit=limit, for_s=for_s)

    expected = None if limit is None else limit * len(rows)
    try:
        return _saved(ask, folder, form, is_detecting=is_detecting, expected=expected, save=lambda saver: ask(sampled(saver)))
    finally:
        if keep.channels:
            count = "1 channel" if keep.channels == 1 else f"{keep.channels} channels"
            text = f"how often pictures of {count} are made could not be put back"
            ask.complain(text, "`vxg images restore` does it, or the next run")


@command.command("extract")
@SOME_CHANNELS
@_EVERY
@_TO
@time_options("What was recorded")
@_DETECT
@form_options
@asks_vxg
def extract(
    ask: Ask,
    *,
    channels: tuple[str, ...],
    every_s: float,
    folder: Path,
    since: datetime | None,
    until: datetime | None,
    time_zone: tzinfo | None,
    is_detecting: bool,
    form: str | None,
) -> int:
    """Have pictures be made of what was recorded of channels, and save them as `sample` does.

    What is in the folder already is left alone: who was interrupted says the same once more.
    """
    del time_zone
    if since is None:
        raise click.UsageError("say of which time: --during RANGE, or --since TIME and --until TIME (default: now)")
    rows = ask(the_channels(ask.vxg, channels))
    end = ask(ask.vxg.now()) if until is None else until
    start: datetime = since

    def save(saver: Saver) -> None:
        for row in rows:
            ask(saver.extract(row, start, end, every_s))

    expected = math.ceil((end - start).total_seconds() / every_s) * len(rows)
    return _saved(ask, folder, form, is_detecting=is_detecting, expected=max(0, expected), save=save)


@command.command("restore")
@click.option("--forget", is_flag=True, help="Forget what can't be put back: the channel is no more, or another token's.")
@json_option
@asks_vxg
def restore(ask: Ask, *, forget: bool, as_json: bool) -> None:
    """Put back how often pictures are made, where a run of `sample` was killed."""
    from vms_bridge.cli.vxg import kept_rates  # noqa: PLC0415  # as above

    count = ask(kept_rates.restore(ask.vxg, kept_rates.folder(), ask.complain, forget=forget))
    if as_json:
        show_json({"put_back": count})
    else:
        say(f"{count} put back.")


def _saved(
    ask: Ask, folder: Path, form: str | None, *, is_detecting: bool, expected: int | None, save: Callable[[Saver], None]
) -> int:
    """Have pictures be saved, tell of each, and return the exit code."""
    from vms_bridge.cli.vxg.sampling import Saver  # noqa: PLC0415  # as above

    tally = Tally("saved")
    with _looking(ask) if is_detecting else nullcontext() as looks:
        try:
            with Bars(unit="pictures") as bars, bars.bar("saved") as on_step, Listing(form, (), lambda _outcome: ()) as listing:

                def told(outcome: Outcome) -> None:
                    tally.count(outcome)
                    on_step(tally.done + tally.there, expected)
                    _tell(ask, outcome, bars, None if form is None else listing)

                save(Saver(ask.vxg, folder, told, SystemClock(), looks))
        finally:
            if form is None:
                say(tally.text, err=True)
    return FAILED if tally.failed else OK


def _tell(ask: Ask, outcome: Outcome, bars: Bars, listing: Listing | None) -> None:
    """Say what became of a picture, on stderr what went wrong with it."""
    if listing is not None:
        listing.add([outcome.said()])
    elif outcome.path is not None:
        found = outcome.look.text if outcome.look is not None and outcome.error is None else ""
        bars.print(f"{outcome.path}{f': {found}' if found else ''}")
    if outcome.error is not None:
        text = f"{outcome.channel.id} {outcome.channel.name}: {outcome.error}"
        ask.complain(text, outcome.error.hint, bars.complain)


@contextmanager
def _looking(ask: Ask) -> Iterator[Looks]:
    """Give what looks at pictures, at work. Raises ConfigError and DetectionFailed."""
    from vms_bridge.cli.detect.models import detector_by, looked_at  # noqa: PLC0415  # for who looks

    detector = ask(detector_by(click.get_current_context().params["config"]).__aenter__())
    try:
        yield partial(looked_at, detector)
    finally:
        ask(detector.__aexit__(None, None, None))
