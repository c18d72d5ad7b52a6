"""What VXG has to tell, as values. Addresses with tickets in them are not shown by `repr`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vms_bridge.vxg.tokens import ChannelToken, GroupToken

RECORD_MODES = ("on", "off", "by_event", "server_by_event")
GENERATED_FROM_LIVE = "generated_from_live"
GENERATED_FROM_RECORDS = "generated_from_records"
RECORDING_THUMBNAIL = "recording_thumbnail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture, at a signed address that expires; `url` is where it is, and no name for it."""

    url: str = field(repr=False)
    camera_id: int
    id: int | None = None
    time: datetime | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    origin: str = ""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """A channel, which is one camera."""

    id: int
    name: str
    status: str = ""
    recording: bool | None = None
    record_mode: str = ""
    time_zone: str = ""
    token: ChannelToken | None = None
    access: str = ""
    """What the channel's token allows: `all` or `watch`; empty where that is not told."""
    preview: Image | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The answer as it came: there are tokens in it."""

    @property
    def online(self) -> bool:
        """Whether it is connected: every page of the vendor's takes all but `active` for offline."""
        return self.status == "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """A group of channels, and the token by which all of them can be got at."""

    id: int
    name: str
    token: GroupToken | None = None
    channels: tuple[int, ...] = ()
    access: str = ""
    ai_targeted: bool | None = None
    has_all_channels: bool | None = None
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRtc:
    """What a WebRTC player needs: VXG's side makes the offer."""

    connection_url: str = field(repr=False)
    version: str = ""
    ice_servers: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveUrls:
    """Where a channel's live video is; what is off is None. HLS has an end of its own."""

    rtsp: str | None = field(default=None, repr=False)
    rtmp: str | None = field(default=None, repr=False)
    hls: str | None = field(default=None, repr=False)
    webrtc: WebRtc | None = None
    expires: datetime | None = None
    hls_expires: datetime | None = None

    @property
    def protocols(self) -> tuple[str, ...]:
        """Which of them there are."""
        return tuple(name for name in ("rtsp", "rtmp", "hls", "webrtc") if getattr(self, name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A piece of recorded video, an MP4 at a signed address that expires."""

    url: str = field(repr=False)
    camera_id: int
    start: datetime
    end: datetime | None = None
    id: int | None = None
    size_bytes: int | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time of which there is recorded video."""

    start: datetime
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip of any length: a task until `status` is `done`."""

    id: int
    camera_id: int
    status: str = "pending"
    title: str = ""
    start: datetime | None = None
    end: datetime | None = None
    created: datetime | None = None
    event_time: datetime | None = None
    delete_at: datetime | None = None
    duration_s: float | None = None
    size_bytes: int | None = None
    url: str | None = field(default=None, repr=False)
    thumb: Image | None = None

    @property
    def is_done(self) -> bool:
        """Whether its video is there."""
        return self.status == "done" and self.url is not None

    @property
    def has_failed(self) -> bool:
        """Whether there will be none."""
        return self.status == "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event: it has a beginning and no end, and nothing tells that it goes on."""

    id: int
    camera_id: int
    name: str
    time: datetime
    thumb: Image | None = None
    meta: Mapping[str, str] = field(default_factory=dict)
    """Tags, such as what was found in it."""
    file_url: str | None = field(default=None, repr=False)
    """Where what an AI has found in it is, as a file of JSON."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """A kind of event that a camera may have."""

    name: str
    notify: bool | None = None
    record: bool | None = None
    snapshot: bool | None = None
    is_custom: bool | None = None
    can_be_triggered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionRegion:
    """Where motion is looked for; `map` is the camera's own grid, in base64."""

    id: int | None = None
    name: str = ""
    enabled: bool = True
    sensitivity: float | None = None
    map: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What somebody has found out of a moment: whole numbers, numbers and texts, each by a name; `raw` is any text."""

    timestamp: datetime
    numbers: Mapping[str, int] = field(default_factory=dict)
    floats: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    raw: str | None = None
    id: str | None = None
    """As VXG knows it; None for one that is not recorded yet."""
    camera_id: int | None = None
    """Whose it is, as VXG says, or as it was asked for; it is not recorded with a document."""
