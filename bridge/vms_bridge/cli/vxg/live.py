"""`vms-bridge vxg live`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.codes import FAILED, OK
from vms_bridge.cli.direct.showing import said, shown_time
from vms_bridge.cli.options import form_options, zone_option
from vms_bridge.cli.output import Listing, printable, say
from vms_bridge.cli.vxg.asking import Ask, asks_vxg
from vms_bridge.cli.vxg.finding import CHANNELS, the_channels

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.vxg import ChannelLive

_PROTOCOLS = ("rtsp", "rtmp", "hls", "webrtc")
_COLUMNS = ("ID", "NAME", "PROTOCOL", "UNTIL", "URL")


@click.group("live")
def command() -> None:
    """Print the addresses of live video."""


@command.command("urls")
@CHANNELS
@click.option("--protocol", type=click.Choice(_PROTOCOLS), multiple=True, help="This one only; may be repeated.")
@zone_option
@form_options
@asks_vxg
def urls(ask: Ask, *, channels: tuple[str, ...], protocol: tuple[str, ...], form: str | None, time_zone: tzinfo | None) -> int:
    """Print where the live video of channels is, or of all; of one channel by one protocol, the address alone.

    Each address has a ticket in it, by which anybody can look on until it expires. What has no live video is said, and the exit
    code is 1 then.
    """
    wanted = ask(the_channels(ask.vxg, channels)) if channels else None
    names = protocol or _PROTOCOLS
    is_one = form is None and wanted is not None and len(wanted) == len(names) == 1
    failed = False
    with Listing(form, () if is_one else _COLUMNS, lambda row: row) as listing:
        for some in ask.some(ask.vxg.live.urls_of_all(wanted)):
            for each in some:
                if each.error is not None:
                    failed = True
                    ask.complain(f"{each.channel.id} {each.channel.name}: {each.error}", each.error.hint)
                rows = _rows(each, names, time_zone)
                if is_one:
                    say("\n".join(printable(str(row[-1])) for row in rows))
                else:
                    listing.add([_said(each, names)] if form is not None else rows)
    return FAILED if failed else OK


def _rows(each: ChannelLive, names: tuple[str, ...], zone: tzinfo | None) -> list[tuple[object, ...]]:
    if each.urls is None:
        return []
    until = {"hls": each.urls.hls_expires}
    return [
        (each.channel.id, each.channel.name, name, shown_time(until.get(name, each.urls.expires), zone), url)
        for name, url in _addresses(each).items()
        if name in names
    ]


def _said(each: ChannelLive, names: tuple[str, ...]) -> dict[str, Any]:
    urls = each.urls
    return {
        "id": each.channel.id,
        "name": each.channel.name,
        "urls": {name: url for name, url in _addresses(each).items() if name in names},
        "webrtc": None
        if urls is None or urls.webrtc is None or "webrtc" not in names
        else {
            "connection_url": urls.webrtc.connection_url,
            "version": urls.webrtc.version,
            "ice_servers": said(urls.webrtc.ice_servers),
        },
        "expires": None if urls is None else said(urls.expires),
        "hls_expires": None if urls is None else said(urls.hls_expires),
        "error": None if each.error is None else {"text": str(each.error), "hint": each.error.hint},
    }


def _addresses(each: ChannelLive) -> dict[str, str]:
    if each.urls is None:
        return {}
    found = {name: getattr(each.urls, name) for name in ("rtsp", "rtmp", "hls")}
    found["webrtc"] = None if each.urls.webrtc is None else each.urls.webrtc.connection_url
    return {name: url for name, url in found.items() if url is not None}
