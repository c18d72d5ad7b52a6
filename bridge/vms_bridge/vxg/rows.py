"""VXG's answers as values: pure, and total over any JSON. A row without what names it is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.vxg.fields import day, flag, mapping, moment, number, objects, tags, text, whole, wholes
from vms_bridge.vxg.tokens import ChannelToken, GroupToken, parse_token_or_none
from vms_bridge.vxg.values import (
    ChannelRow,
    Clip,
    EventRow,
    EventType,
    GroupRow,
    Image,
    LiveUrls,
    MotionRegion,
    Recording,
    Span,
    WebRtc,
)

if TYPE_CHECKING:
    from datetime import date, datetime

_MOST_SPANS = 100_000
_ADDRESSES = ("https://", "http://", "rtsp://", "rtsps://", "rtmp://", "rtmps://", "wss://", "ws://")


def url(raw: object) -> str | None:
    """Read an address, which is not looked at any further here."""
    found = text(raw).strip()
    is_one = found.isprintable() and " " not in found and found.lower().startswith(_ADDRESSES)
    return found if is_one else None


def channel(raw: dict[str, Any]) -> ChannelRow | None:
    """Read a channel of a group, of an account, or a camera."""
    number_of = whole(raw.get("id"))
    if number_of is None or number_of <= 0:
        return None
    packed = mapping(raw.get("access_tokens"))
    token = parse_token_or_none(raw.get("token") or packed.get("all") or packed.get("watch"))
    own = token if isinstance(token, ChannelToken) and token.channel_id == number_of else None
    return ChannelRow(
        id=number_of,
        name=text(raw.get("name")),
        status=text(raw.get("status")),
        recording=_recording(raw.get("recording", raw.get("rec_status"))),
        record_mode=text(raw.get("rec_mode")),
        time_zone=text(raw.get("timezone")),
        token=own,
        access=own.access if own is not None else "",
        preview=image(raw.get("preview"), number_of),
        meta=tags(raw.get("meta")),
        raw=raw,
    )


def group(raw: dict[str, Any]) -> GroupRow | None:
    """Read a group."""
    number_of = whole(raw.get("id"))
    if number_of is None or number_of <= 0:
        return None
    token = parse_token_or_none(raw.get("token"))
    return GroupRow(
        id=number_of,
        name=text(raw.get("name")),
        token=token if isinstance(token, GroupToken) else None,
        channels=wholes(raw.get("channels")),
        access=text(raw.get("channels_access")),
        ai_targeted=flag(raw.get("ai_targeted")),
        has_all_channels=flag(raw.get("include_all_channels")),
        meta=tags(raw.get("meta")),
    )


def image(raw: object, camera_id: int | None = None, *, expires: datetime | None = None) -> Image | None:
    """Read a picture: of a list, of an event or a clip, or the one of now."""
    row = mapping(raw)
    where = url(row.get("url"))
    whose = whole(row.get("camid")) or camera_id
    if where is None or whose is None:
        return None
    return Image(
        url=where,
        camera_id=whose,
        id=whole(row.get("id")),
        time=moment(row.get("time")),
        width=whole(row.get("width")),
        height=whole(row.get("height")),
        size_bytes=whole(row.get("size")),
        origin=text(row.get("origin")),
        expires=moment(row.get("expire")) or expires,
    )


def live_urls(raw: object) -> LiveUrls:
    """Read where live video is."""
    row = mapping(raw)
    web = mapping(row.get("webrtc"))
    connection = url(web.get("connection_url"))
    ice = tuple(objects(web.get("ice_servers")))
    version = text(web.get("version"))
    return LiveUrls(
        rtsp=url(row.get("rtsp")),
        rtmp=url(row.get("rtmp")),
        hls=url(row.get("hls")),
        webrtc=None if connection is None else WebRtc(connection_url=connection, version=version, ice_servers=ice),
        expires=moment(row.get("expire")),
        hls_expires=moment(row.get("expire_hls")) or moment(row.get("expire")),
    )


def recording(raw: dict[str, Any], camera_id: int, expires: datetime | None) -> Recording | None:
    """Read a piece of recorded video."""
    start, where = moment(raw.get("start")), url(raw.get("url"))
    if start is None or where is None:
        return None
    return Recording(
        url=where,
        camera_id=whole(raw.get("camid")) or camera_id,
        start=start,
        end=moment(raw.get("end")),
        id=whole(raw.get("id")),
        size_bytes=whole(raw.get("size")),
        expires=expires,
    )


def timeline(raw: object, slices: int) -> tuple[Span, ...]:
    """Read the odd shape of a timeline: the times stand in the first object, under the number of slices."""
    first = next(objects(mapping(raw).get("objects")), {})
    found = []
    pairs = first.get(str(slices))
    for pair in (pairs if isinstance(pairs, list) else ())[:_MOST_SPANS]:
        if isinstance(pair, list) and len(pair) >= 2:
            start, duration = moment(pair[0]), number(pair[1])
            if start is not None and duration is not None and duration > 0:
                found.append(Span(start=start, duration_s=duration))
    return tuple(found)


def days(raw: object) -> tuple[date, ...]:
    """Read the days with recorded video."""
    listed = mapping(raw).get("objects")
    return tuple(found for each in (listed if isinstance(listed, list) else ()) if (found := day(each)) is not None)


def clip(raw: dict[str, Any], camera_id: int | None = None) -> Clip | None:
    """Read a clip."""
    number_of, whose = whole(raw.get("id")), whole(raw.get("camid")) or camera_id
    if number_of is None or whose is None:
        return None
    return Clip(
        id=number_of,
        camera_id=whose,
        status=text(raw.get("status")) or "pending",
        title=text(raw.get("title")),
        start=moment(raw.get("start")),
        end=moment(raw.get("end")),
        created=moment(raw.get("created")),
        event_time=moment(raw.get("event_time")),
        delete_at=moment(raw.get("delete_at")),
        duration_s=number(raw.get("duration")),
        size_bytes=whole(raw.get("size")),
        url=url(raw.get("url")),
        thumb=image(raw.get("thumb"), whose),
    )


def event(raw: dict[str, Any]) -> EventRow | None:
    """Read an event."""
    number_of, whose, when = whole(raw.get("id")), whole(raw.get("camid")), moment(raw.get("time"))
    if number_of is None or whose is None or when is None:
        return None
    return EventRow(
        id=number_of,
        camera_id=whose,
        name=text(raw.get("name")),
        time=when,
        thumb=image(raw.get("thumb"), whose),
        meta=tags(raw.get("meta")),
        file_url=url(mapping(mapping(raw.get("filemeta")).get("download")).get("url")),
        raw=raw,
    )


def event_type(raw: dict[str, Any]) -> EventType | None:
    """Read a kind of event."""
    name = text(raw.get("name"))
    if not name:
        return None
    return EventType(
        name=name,
        notify=flag(raw.get("notify")),
        record=flag(raw.get("record")),
        snapshot=flag(raw.get("snapshot")),
        is_custom=flag(raw.get("custom")),
        can_be_triggered=flag(mapping(raw.get("caps")).get("can_be_triggered")) or False,
    )


def motion_region(raw: dict[str, Any]) -> MotionRegion:
    """Read a region in which motion is looked for."""
    enabled = flag(raw.get("enabled"))
    return MotionRegion(
        id=whole(raw.get("id")),
        name=text(raw.get("name")),
        enabled=True if enabled is None else enabled,
        sensitivity=number(raw.get("sensitivity")),
        map=text(raw.get("map")),
    )


def _recording(raw: object) -> bool | None:
    """Read what no page says the type of: a flag, a word, or an object that holds one."""
    if isinstance(raw, dict):
        raw = next((raw[name] for name in ("recording", "enabled", "status", "on") if name in raw), None)
    words = {"recording": True, "active": True, "inactive": False, "stopped": False}
    found = flag(raw)
    return words.get(text(raw).lower()) if found is None else found
