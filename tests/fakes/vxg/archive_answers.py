"""Answers about what was: events, pictures, recordings, clips and uploads."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.fakes.vxg.asked import Denied, paged
from tests.fakes.vxg.routes import Answered, Route
from tests.fakes.vxg.world import FakeClip, FakeEvent, FakeImage, read_time, written

if TYPE_CHECKING:
    from tests.fakes.vxg.asked import Asked

CAMERA = r"/api/v2/cameras/(?P<id>\d+)/"
EVENT = r"/api/v2/storage/events/(?P<event>\d+)/"


def _window(asked: Asked, time: datetime) -> bool:
    start, end = read_time(asked.query.get("start")), read_time(asked.query.get("end"))
    return (start is None or time >= start) and (end is None or time < end)


def _ordered(asked: Asked, rows: list[Any], names: dict[str, str]) -> list[Any]:
    order = asked.query.get("order_by", "time")
    attribute = names.get(order.lstrip("-"), "time")
    return sorted(rows, key=lambda row: (getattr(row, attribute), row.id), reverse=order.startswith("-"))


def _event_row(asked: Asked, event: FakeEvent) -> dict[str, Any]:
    now = asked.world.now()
    row: dict[str, Any] = {"id": event.id, "camid": event.camid, "name": event.name, "time": written(event.time)}
    if event.thumb_at is not None and event.thumb_at <= now:
        row["thumb"] = {
            "url": asked.fake.media.signed(f"thumb/{event.id}"),
            "time": written(event.time),
            "width": 1280,
            "height": 720,
            "size": 700,
        }
    if asked.wants("include_meta") and event.meta_at is not None and event.meta_at <= now:
        row["meta"] = event.meta
    if asked.wants("include_filemeta_download") and event.file is not None:
        asked.fake.media.files[f"file/{event.id}"] = event.file
        row["filemeta"] = {"download": {"url": asked.fake.media.signed(f"file/{event.id}")}}
    return row | event.odd


def _events(asked: Asked) -> Answered:
    """[S] Rows are listed later than they happened, and what belongs to them later still."""
    names = [each for each in (asked.query.get("events") or asked.query.get("type") or "").split(",") if each]
    wanted = [each for each in asked.query.get("meta", "").split(",") if each]
    unwanted = [each for each in asked.query.get("meta_not", "").split(",") if each]
    now = asked.world.now()
    found = [
        each
        for each in asked.world.events.values()
        if each.camid in asked.camids
        and each.listed_at <= now
        and _window(asked, each.time)
        and (not names or each.name in names)
        and all(tag in each.meta for tag in wanted)
        and not any(tag in each.meta for tag in unwanted)
    ]
    return paged(asked, _ordered(asked, found, {}), partial(_listed_event, asked))


def _listed_event(asked: Asked, event: FakeEvent) -> dict[str, Any]:
    if event.first_listed_s is None:
        event.first_listed_s = asked.world.clock.monotonic()
    return _event_row(asked, event)


def _event(asked: Asked) -> FakeEvent:
    found = asked.world.events.get(int(asked.found["event"]))
    if found is None or found.camid not in asked.camids:
        raise Denied(404, "not_found", "no such event")
    return found


def _event_read(asked: Asked) -> Answered:
    return 200, _event_row(asked, _event(asked))


def _event_made(asked: Asked) -> Answered:
    said = asked.body
    channel = asked.world.channels.get(said.get("camid", 0))
    if channel is None or channel.id not in asked.camids:
        raise Denied(404, "not_found", "no such channel")
    if said.get("name") not in channel.event_types:  # [D] it must be enabled
        raise Denied(400, "bad_request", "this event is not enabled for the camera")
    time = read_time(said["time"]) or asked.world.now()
    made = FakeEvent(
        asked.world.new_id(),
        channel.id,
        said["name"],
        time,
        asked.world.now(),
        None,
        asked.world.now(),
        dict(said.get("meta", {})),
    )
    asked.world.events[made.id] = made
    return 201, {**said, "id": made.id}


def _tag_made(asked: Asked) -> Answered:
    event = _event(asked)
    if asked.body["tag"] in event.meta:  # [S] for channels' tags: 400, then PUT
        raise Denied(400, "bad_request", "this tag exists")
    event.meta[asked.body["tag"]] = asked.body["data"]
    return 201, asked.body


def _tag_put(asked: Asked) -> Answered:
    _event(asked).meta[unquote(asked.found["tag"])] = asked.body["data"]
    return 200, asked.body


def _tag_deleted(asked: Asked) -> Answered:
    if _event(asked).meta.pop(unquote(asked.found["tag"]), None) is None:
        raise Denied(404, "not_found", "no such tag")
    return 204, None


def _types(asked: Asked) -> Answered:
    return paged(asked, [{"name": name, **row} for name, row in asked.channel().event_types.items()])


def _type_made(asked: Asked) -> Answered:
    made = {"notify": asked.body["notify"], "receive": True, "custom": True, "caps": {"can_be_triggered": False}}
    asked.channel().event_types[asked.body["name"]] = made
    return 201, {"name": asked.body["name"], **made}


def _triggered(asked: Asked) -> Answered:
    channel, name = asked.channel(), asked.found["name"]
    if not channel.event_types.get(name, {}).get("caps", {}).get("can_be_triggered"):
        raise Denied(400, "bad_request", "this event can't be triggered")
    asked.world.happen(channel.id, name, meta=dict(asked.body.get("meta", {})))
    return 200, {}


def _image_row(asked: Asked, image: FakeImage) -> dict[str, Any]:
    mark = {"generated_from_live": "_livig_", "generated_from_records": "_recig_"}.get(image.origin, "_")
    return {
        "id": image.id,
        "camid": image.camid,
        "time": written(image.time),
        "url": asked.fake.media.signed(f"image/{image.camid}{mark}{image.id}"),
        "width": 1280,
        "height": 720,
        "origin": image.origin,
    }


def _images(asked: Asked) -> Answered:
    for number in asked.camids:
        asked.world.made_images(asked.world.channels[number])
    origin = asked.query.get("origin")
    found = [
        each
        for each in asked.world.images
        if each.camid in asked.camids and _window(asked, each.time) and origin in {None, each.origin}
    ]
    return paged(asked, _ordered(asked, found, {}), partial(_image_row, asked))


def _extracted(asked: Asked) -> Answered:
    start, end = read_time(asked.body["start"]), read_time(asked.body["end"])
    assert start is not None
    assert end is not None
    return 201, {"id": asked.world.extract(asked.channel().id, start, end, float(asked.body["period"])), "status": "pending"}


def _task(asked: Asked) -> Answered:
    found = asked.world.tasks.get(int(asked.found["task"]))
    if found is None:
        raise Denied(404, "not_found", "no such task")
    ready_at, has_failed = found
    return 200, {"status": "pending" if asked.world.now() < ready_at else "error" if has_failed else "done"}


def _records(asked: Asked) -> Answered:
    start, end = read_time(asked.query.get("start")), read_time(asked.query.get("end"))
    found = asked.world.records_in(asked.camids, start, end)
    expire = asked.world.now() + timedelta(seconds=asked.fake.media.life_s)
    rows = [
        {
            "id": each.id,
            "camid": each.camid,
            "start": written(each.start),
            "end": written(each.end),
            "size": asked.fake.media.clip_bytes,
            "url": asked.fake.media.signed(f"record/{each.id}"),
        }
        for each in found
    ]
    return paged(asked, rows, expire=written(expire))


def _timeline(asked: Asked) -> Answered:
    """[S] The odd shape: the pairs stand under the number of slices."""
    number = asked.channel().id
    start, end = read_time(asked.query.get("start")), read_time(asked.query.get("end"))
    pairs = [[written(each.start), each.duration_s] for each in asked.world.records_in({number}, start, end)]
    return 200, {"meta": {}, "objects": [{asked.query.get("slices", "1"): pairs}]}


def _activity(asked: Asked) -> Answered:
    days = sorted({each.start.date().isoformat() for each in asked.world.records_in({int(asked.query["camid"])}, None, None)})
    return 200, {"meta": {"total_count": len(days)}, "objects": days}


def _clip_row(asked: Asked, clip: FakeClip) -> dict[str, Any]:
    status = asked.world.clip_status(clip)
    row: dict[str, Any] = {
        "id": clip.id,
        "camid": clip.camid,
        "source_camid": clip.camid,
        "title": clip.title,
        "created": written(clip.created),
        "start": written(clip.start),
        "end": written(clip.end),
        "status": status,
        "delete_at": None if clip.delete_at is None else written(clip.delete_at),
    }
    if status == "done":
        row |= {
            "duration": (clip.end - clip.start).total_seconds(),
            "size": len(asked.fake.media.body_of(f"clip/{clip.id}")[0] or b""),
            "url": asked.fake.media.signed(f"clip/{clip.id}"),
            "thumb": {"url": asked.fake.media.signed(f"thumb/{clip.id}")},
        }
    return row


def _clips(asked: Asked) -> Answered:
    now = asked.world.now()
    ids = {int(each) for each in asked.query.get("ids", "").split(",") if each}
    found = [
        each
        for each in asked.world.clips.values()
        if each.camid in asked.camids and (not ids or each.id in ids) and (each.delete_at is None or each.delete_at > now)
    ]
    return paged(asked, _ordered(asked, found, {"created": "created", "time": "created"}), partial(_clip_row, asked))


def _clip_made(asked: Asked) -> Answered:
    said = asked.body
    start, end = read_time(said["start"]), read_time(said["end"])
    camid = said.get("camid", asked.caller.id if asked.caller is not None else 0)
    if camid not in asked.camids or start is None or end is None:
        raise Denied(404, "not_found", "no such channel")
    wait, delete_at = bool(said.get("wait_for_data")), read_time(said.get("delete_at"))
    made = FakeClip(asked.world.new_id(), camid, said.get("title", ""), start, end, asked.world.now(), wait, delete_at)
    asked.world.clips[made.id] = made
    return 201, _clip_row(asked, made)


def _clip_deleted(asked: Asked) -> Answered:
    clip = asked.world.clips.get(int(asked.found["clip"]))
    if clip is None or clip.camid not in asked.camids:
        raise Denied(404, "not_found", "no such clip")
    del asked.world.clips[clip.id]
    return 204, None


def _uploads(asked: Asked) -> Answered:
    channel = asked.channel()
    urls = []
    for row in asked.body:
        start = read_time(row["time"])
        assert start is not None
        if type(row["duration"]) is not int:  # [S] an int; [I] of seconds
            raise Denied(400, "validation_error", "duration is no integer")
        asked.world.record(channel.id, start, float(row["duration"]), float(row["duration"]))
        urls.append(asked.fake.media.signed(f"upload/{channel.id}/{row['size']}"))
    return 200, {"urls": urls, "expire": written(asked.world.now() + timedelta(minutes=5))}


ROUTES = [
    Route("GET", r"/api/v2/storage/events/", _events, "S", wants_all=True),
    Route("POST", r"/api/v2/storage/events/", _event_made, "D", wants_all=True),
    Route("GET", EVENT, _event_read, "S", wants_all=True),
    Route("POST", EVENT + "meta/", _tag_made, "S", wants_all=True),
    Route("PUT", EVENT + r"meta/(?P<tag>[^/]+)/?", _tag_put, "S", wants_all=True),
    Route("DELETE", EVENT + r"meta/(?P<tag>[^/]+)/?", _tag_deleted, "S", wants_all=True),
    Route("GET", CAMERA + "event_processing/events/", _types, "D"),
    Route("POST", CAMERA + "event_processing/events/", _type_made, "D", wants_all=True),
    Route("POST", CAMERA + r"event_processing/events/(?P<name>[^/]+)/trigger/", _triggered, "D", wants_all=True),
    Route("GET", r"/api/v4/storage/images/", _images, "S", wants_all=True),
    Route("GET", r"/api/v2/storage/thumbnails/", _images, "S", wants_all=True),
    Route("POST", r"/api/v4/images/generation/tasks/", _extracted, "S", wants_all=True),
    Route("GET", r"/api/v4/images/generation/tasks/(?P<task>\d+)/", _task, "S", wants_all=True),
    Route("GET", r"/api/v4/storage/records/", _records, "S"),
    Route("GET", r"/api/v2/storage/timeline/(?P<id>\d+)/", _timeline, "S"),
    Route("GET", r"/api/v2/storage/activity/", _activity, "S"),
    Route("GET", r"/api/v2/storage/clips/", _clips, "S", wants_all=True),
    Route("POST", r"/api/v2/storage/clips/", _clip_made, "S", wants_all=True),
    Route("DELETE", r"/api/v4/clips/(?P<clip>\d+)/", _clip_deleted, "S", wants_all=True),
    Route("POST", r"/api/v4/storage/records/upload/", _uploads, "S", wants_all=True),
]
