"""Answers about the account, its groups and channels, cameras, live video and documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.fakes.vxg import filters
from tests.fakes.vxg.asked import DEFAULT_LIMIT, Denied, paged
from tests.fakes.vxg.routes import Answered, Route
from tests.fakes.vxg.world import FakeChannel, FakeGroup, written

if TYPE_CHECKING:
    from tests.fakes.vxg.asked import Asked

CAMERA = r"/api/v2/cameras/(?P<id>\d+)/"
GROUP = r"/api/v3/channel_groups/(?P<group>\d+)/"


def _time(asked: Asked) -> Answered:
    return 200, {"utc": written(asked.world.now())}


def _channel_v3(asked: Asked, channel: FakeChannel) -> dict[str, Any]:
    row = {
        "id": channel.id,
        "created": "2026-01-01T00:00:00",
        "name": channel.name,
        "rec_mode": channel.rec_mode,
        "streaming": channel.status == "active",
        "timezone": channel.timezone,
        "source": {"url": "rtsp://192.0.2.1/", "login": "admin", "password": "camera's own", "onvif_rtsp_port_fwd": 0},
        "access_tokens": {"all": channel.token, "watch": channel.watch_token},
    }
    return {**row, "meta": channel.meta} if asked.wants("include_meta") else row


def _channel_v5(asked: Asked, channel: FakeChannel) -> dict[str, Any]:
    group = None if asked.caller is None else asked.world.groups.get(asked.caller.id)
    token = channel.watch_token if group is not None and group.access == "watch" else channel.token
    row: dict[str, Any] = {
        "id": channel.id,
        "name": channel.name,
        "status": channel.status,
        "recording": channel.recording,
        "token": token,
    }
    if asked.wants("preview"):
        row["preview"] = {"url": asked.fake.media.signed(f"preview/{channel.id}"), "expire": _soon(asked)}
    return {**row, "meta": channel.meta} if asked.wants("include_meta") else row


def _chosen(asked: Asked) -> list[FakeChannel]:
    wanted = [tag for tag in asked.query.get("meta", "").split(",") if tag]
    unwanted = [tag for tag in asked.query.get("meta_not", "").split(",") if tag]
    return [
        channel
        for number, channel in sorted(asked.world.channels.items())
        if number in asked.camids
        and all(tag in channel.meta for tag in wanted)
        and not any(tag in channel.meta for tag in unwanted)
    ]


def _channels_v3(asked: Asked) -> Answered:
    return paged(asked, _chosen(asked), partial(_channel_v3, asked))


def _channels_v5(asked: Asked) -> Answered:
    return paged(asked, _chosen(asked), partial(_channel_v5, asked))


def _one_v3(asked: Asked) -> Answered:
    return 200, _channel_v3(asked, asked.channel())


def _one_v5(asked: Asked) -> Answered:
    return 200, _channel_v5(asked, asked.channel())


def _group(group: FakeGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "token": group.token,
        "channels": group.channels,
        "channels_access": group.access,
        "include_all_channels": group.has_all,
        "ai_targeted": group.ai_targeted,
        "meta": group.meta,
    }


def _groups(asked: Asked) -> Answered:
    found = [each for each in asked.world.groups.values() if each.ai_targeted or not asked.wants("ai_targeted")]
    return paged(asked, [_group(each) for each in found])


def _the_group(asked: Asked) -> FakeGroup:
    found = asked.world.groups.get(int(asked.found["group"]))
    if found is None:
        raise Denied(404, "not_found", "no such group")
    return found


def _group_made(asked: Asked) -> Answered:
    said = asked.body
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        raise Denied(400, "bad_request", "a group needs a name")
    made = asked.fake.add_group(said["name"], said.get("channels", []))
    made.access = said.get("channels_access", "all")
    made.has_all = bool(said.get("include_all_channels"))
    made.ai_targeted = bool(said.get("ai_targeted"))
    made.meta = said.get("meta", {})
    return 201, _group(made)


def _group_read(asked: Asked) -> Answered:
    return 200, _group(_the_group(asked))


def _group_put(asked: Asked) -> Answered:
    """[S] The list is put whole: who writes last wins."""
    group = _the_group(asked)
    unknown = [each for each in asked.body.get("channels", []) if each not in asked.world.channels]
    if unknown:
        raise Denied(400, "bad_request", f"no such channel {unknown[0]}")
    group.channels = list(asked.body.get("channels", group.channels))
    group.name = asked.body.get("name", group.name)
    group.meta = asked.body.get("meta", group.meta)
    return 200, _group(group)


def _group_deleted(asked: Asked) -> Answered:
    group = _the_group(asked)
    asked.fake.mint.revoke(group.token)
    del asked.world.groups[group.id]
    return 204, None


def _camera(asked: Asked) -> Answered:
    channel = asked.channel()
    return 200, {
        "id": channel.id,
        "name": channel.name,
        "status": channel.status,
        "access": ["all"],
        "cmngrid": channel.id + 1000,
        "rec_mode": channel.rec_mode,
        "rec_status": "on" if channel.recording else "off",
        "memorycard_recording": False,
        "timezone": channel.timezone,
        "latitude": None,
        "longitude": None,
        "url": "rtsp://192.0.2.1/",
        "login": "admin",
        "password": "camera's own",
        "created": "2026-01-01T00:00:00",
        "meta": channel.meta,
    }


def _camera_put(asked: Asked) -> Answered:
    channel = asked.channel()
    if "rec_mode" in asked.body:
        channel.rec_mode = asked.body["rec_mode"]
    return _camera(asked)


def _soon(asked: Asked, minutes: float = 5.0) -> str:
    return written(asked.world.now() + timedelta(minutes=minutes))


def _live(asked: Asked) -> Answered:
    """[D] A full example; the address of HLS is good for 55 minutes longer. Keys of what is off are missing [S]."""
    channel = asked.channel()
    if channel.status != "active":
        raise Denied(404, "not_found", "the camera is offline")
    ticket = f"ticket=media.{channel.id}.{int(asked.world.now().timestamp()) + 300}.c2ln"
    every: dict[str, Any] = {
        "rtmp": f"rtmp://media.example:1935/live/{channel.id}?{ticket}",
        "rtsp": f"rtsp://media.example:5554/live/{channel.id}?{ticket}",
        "hls": f"https://media.example/hls/{channel.id}/index.m3u8?{ticket}",
        "webrtc": {
            "version": "2",
            "connection_url": f"wss://media.example/webrtc/{channel.id}?{ticket}",
            "ice_servers": [{"urls": ["turn:turn.example:3478"], "username": "u", "credential": "c"}],
            "scripts": {"player": "https://media.example/p.js", "helpers": "https://media.example/h.js"},
        },
    }
    found = {name: value for name, value in every.items() if name in channel.protocols}
    return 200, {**found, "expire": _soon(asked, 5), "expire_hls": _soon(asked, 60)}


def _live_image(asked: Asked) -> Answered:
    channel = asked.channel()
    return 200, {"url": asked.fake.media.signed(f"preview/{channel.id}"), "expire": _soon(asked)}


def _preview_update(asked: Asked) -> Answered:
    asked.fake.media.previews[asked.channel().id] += 1
    return 200, {"status": "pending"}


def _period(asked: Asked) -> Answered:
    return 200, {"image_generation_period": asked.channel().image_period}


def _period_put(asked: Asked) -> Answered:
    channel = asked.channel()
    asked.world.set_period(channel, asked.body["image_generation_period"])
    return 200, {"image_generation_period": channel.image_period}


def _meta_outcomes(asked: Asked) -> Answered:
    """[D][S] 200 for all together; what became of each is within."""
    channel = asked.channel()
    if not isinstance(asked.body, list):
        raise Denied(400, "bad_request", "a list is to be sent")
    outcomes = [_one_document(asked, channel, row) for row in asked.body]
    errors = sum(each["status"] >= 400 for each in outcomes)
    return 200, {"objects": outcomes, "meta": {"errors_count": errors, "total_count": len(outcomes)}}


def _one_document(asked: Asked, channel: FakeChannel, row: Any) -> dict[str, Any]:  # noqa: ANN401
    documents = asked.world.documents
    known = documents.get(str(row.get("id"))) if isinstance(row, dict) else None
    if asked.method == "POST":
        if not isinstance(row, dict) or not isinstance(row.get("timestamp"), str) or "refuse" in row.get("string", {}):
            return {"status": 400, "errorType": "bad_request", "errorDetail": "timestamp: this field is required"}
        number = f"AYm{asked.world.new_id():06d}"
        documents[number] = (channel.id, {**row, "id": number})
        return {"status": 201, "id": number}
    if known is None or known[0] != channel.id:
        return {"status": 404, "errorType": "not_found", "errorDetail": "no such document"}
    if asked.method == "DELETE":
        del documents[row["id"]]
        return {"status": 204, "id": row["id"]}
    documents[row["id"]] = (channel.id, {**known[1], **row})
    return {"status": 200, "id": row["id"]}


def _documents(asked: Asked) -> list[dict[str, Any]]:
    """[D][S] As they were written, with their ids; that those of a whole group name their cameras as all rows do is [I]."""
    camids = asked.camids
    said = asked.body if isinstance(asked.body, dict) else {}
    try:
        filters.holds({}, said.get("filter"))
        now, listed = asked.world.now(), asked.world.documents_listed
        found = [
            {**row, "camid": camid} if asked.fake.names_cameras and asked.path.startswith("/api/v2/") else row
            for number, (camid, row) in asked.world.documents.items()
            if camid in camids and listed.get(number, now) <= now and filters.holds(row, said.get("filter"))
        ]
    except (ValueError, TypeError) as error:
        raise Denied(400, "bad_request", str(error)) from None
    sort = (said.get("sort") or ["timestamp"])[0]
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda row: filters.time_of(row) or oldest, reverse=sort.startswith("-"))


def _meta_filter(asked: Asked) -> Answered:
    if asked.fake.ignores_filters:
        asked.body.update({"offset": 0, "filter": None})
    found = _documents(asked)
    offset, limit = int(asked.body.get("offset", 0)), min(int(asked.body.get("limit", DEFAULT_LIMIT)), asked.fake.most_rows)
    return 200, {"objects": found[offset : offset + limit], "meta": {"total_count": len(found)}}


def _meta_filter_delete(asked: Asked) -> Answered:
    for row in _documents(asked):
        del asked.world.documents[row["id"]]
    return 204, None


def _regions(asked: Asked) -> Answered:
    return paged(asked, asked.channel().regions)


def _regions_put(asked: Asked) -> Answered:
    asked.channel().regions = asked.body["objects"]
    return 200, {"objects": asked.body["objects"]}


def _ptz(asked: Asked) -> Answered:
    if not asked.channel().can_move:
        raise Denied(404, "not_found", "the camera has no PTZ")
    return 200, {"actions": ["left", "right", "top", "bottom", "zoom_in", "zoom_out", "stop"], "maximum_number_of_presets": 8}


def _ptz_send(asked: Asked) -> Answered:
    channel = asked.channel()
    if not channel.can_move:
        raise Denied(400, "bad_request", "the camera has no PTZ")
    channel.ptz.append(asked.body["action"])
    return 200, {}


def _presets(asked: Asked) -> Answered:
    return paged(asked, [{"id": number, "name": name} for number, name in asked.channel().presets.items()])


def _preset_made(asked: Asked) -> Answered:
    presets = asked.channel().presets
    presets[str(len(presets) + 1)] = asked.body["name"]
    return 201, {"id": str(len(presets)), "name": asked.body["name"]}


def _preset_gone_to(asked: Asked) -> Answered:
    channel = asked.channel()
    if asked.body["id"] not in channel.presets:
        raise Denied(404, "not_found", "no such preset")
    channel.ptz.append(f"goto {asked.body['id']}")
    return 200, {}


def _preset_deleted(asked: Asked) -> Answered:
    if asked.channel().presets.pop(asked.found["preset"], None) is None:
        raise Denied(404, "not_found", "no such preset")
    return 204, None


ROUTES = [
    Route("GET", r"/api/v2/server/time/", _time, "S", is_open=True),
    Route("GET", r"/api/v3/channels/", _channels_v3, "S"),
    Route("GET", r"/api/v3/channels/(?P<id>\d+)/", _one_v3, "S"),
    Route("GET", r"/api/v5/channels/", _channels_v5, "S"),
    Route("GET", r"/api/v5/channels/(?P<id>\d+)/", _one_v5, "S"),
    Route("GET", r"/api/v3/channel_groups/", _groups, "S"),
    Route("POST", r"/api/v3/channel_groups/", _group_made, "S"),
    Route("GET", GROUP, _group_read, "S"),
    Route("PUT", GROUP, _group_put, "S"),
    Route("DELETE", GROUP, _group_deleted, "S"),
    Route("GET", CAMERA, _camera, "S"),
    Route("PUT", CAMERA, _camera_put, "S", wants_all=True),
    Route("GET", r"/api/v4/live/watch/", _live, "D"),
    Route("GET", r"/api/v4/live/image/", _live_image, "S"),
    Route("POST", CAMERA + "preview/update/", _preview_update, "S", wants_all=True),
    Route("GET", r"/api/v4/images/generation/live/", _period, "S"),
    Route("PUT", r"/api/v4/images/generation/live/", _period_put, "S", wants_all=True),
    *(Route(method, r"/api/v4/meta/", _meta_outcomes, "DS", wants_all=True) for method in ("POST", "PUT", "DELETE")),
    Route("POST", r"/api/v4/meta/filter/", _meta_filter, "D", wants_all=True),
    Route("DELETE", r"/api/v4/meta/filter/", _meta_filter_delete, "D", wants_all=True),
    Route("POST", r"/api/v2/storage/meta/filter/", _meta_filter, "S", wants_all=True),
    Route("GET", CAMERA + "motion_detection/regions/", _regions, "S"),
    Route("PUT", CAMERA + "motion_detection/regions/", _regions_put, "S", wants_all=True),
    Route("GET", CAMERA + "ptz/", _ptz, "I"),
    Route("POST", CAMERA + "send_ptz/", _ptz_send, "S", wants_all=True),
    Route("GET", CAMERA + "ptz/presets/", _presets, "I"),
    Route("POST", CAMERA + "ptz/presets/", _preset_made, "I", wants_all=True),
    Route("POST", CAMERA + "ptz/presets/goto/", _preset_gone_to, "I", wants_all=True),
    Route("DELETE", CAMERA + r"ptz/presets/(?P<preset>[^/]+)/", _preset_deleted, "I", wants_all=True),
]
