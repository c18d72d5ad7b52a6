"""`vms-bridge zm events url`."""

from __future__ import annotations

import click

from vms_bridge.cli.output import say
from vms_bridge.cli.zm.asking import Ask, asks_zoneminder
from vms_bridge.cli.zm.events.frame import Frame


@click.command("url")
@click.argument("event", metavar="ID")
@click.option(
    "--frame", type=Frame(), metavar="FRAME", help="Of this picture, in the place of the video: alarm, snapshot, 21, ..."
)
@asks_zoneminder
def command(ask: Ask, *, event: str, frame: str | None) -> None:
    """Print the address of an event's video or picture at ZoneMinder, which contains a token.

    Whoever has it can ask ZoneMinder for whatever the user may see, until the token is good no more.
    """
    row = ask(ask.zm.events.get(event))
    say(ask(ask.zm.events.video_url(row) if frame is None else ask.zm.events.image_url(row, frame)))
    say("It contains a token: give it to nobody who may not see what this user may.", err=True)
