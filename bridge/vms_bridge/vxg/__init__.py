"""VXG Cloud VMS for programs: an account, a group of channels or one channel, typed, with or without an event loop.

    async with Vxg(token=GROUP_TOKEN) as vxg:
        for channel in await vxg.channels.list():
            print(channel.id, channel.name, channel.online)

`vms_bridge.vxg.sync` has the same without an event loop. No bridge is needed for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vms_bridge.vxg.boxes import Box
from vms_bridge.vxg.conditions import Condition, all_of, any_of, field
from vms_bridge.vxg.hosts import DEFAULT_URL
from vms_bridge.vxg.live import ChannelLive
from vms_bridge.vxg.ptz import Preset
from vms_bridge.vxg.refusals import (
    AccessMissing,
    ClipEmpty,
    ClipFailed,
    CredentialMissing,
    CredentialRefused,
    GatewayFailed,
    HostRefused,
    MediaExpired,
    MetadataRefused,
    NotDone,
    NotThere,
    PagingRefused,
    Refused,
    ServerFailed,
    TokenUnusable,
    TooBusy,
    WrongValue,
)
from vms_bridge.vxg.sampling import Keep, Sampling
from vms_bridge.vxg.tokens import ChannelToken, Credential, GroupToken, LKey, parse_lkey, parse_token
from vms_bridge.vxg.transport import Answer, Transport
from vms_bridge.vxg.values import (
    GENERATED_FROM_LIVE,
    GENERATED_FROM_RECORDS,
    RECORD_MODES,
    RECORDING_THUMBNAIL,
    ChannelRow,
    Clip,
    Document,
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
from vms_bridge.vxg.watching import Changes, DocumentWatch, EventChanges, EventWatch

if TYPE_CHECKING:
    from vms_bridge.vxg.vxg import Options, Vxg

__all__ = [
    "DEFAULT_URL",
    "GENERATED_FROM_LIVE",
    "GENERATED_FROM_RECORDS",
    "RECORDING_THUMBNAIL",
    "RECORD_MODES",
    "AccessMissing",
    "Answer",
    "Box",
    "Changes",
    "ChannelLive",
    "ChannelRow",
    "ChannelToken",
    "Clip",
    "ClipEmpty",
    "ClipFailed",
    "Condition",
    "Credential",
    "CredentialMissing",
    "CredentialRefused",
    "Document",
    "DocumentWatch",
    "EventChanges",
    "EventRow",
    "EventType",
    "EventWatch",
    "GatewayFailed",
    "GroupRow",
    "GroupToken",
    "HostRefused",
    "Image",
    "Keep",
    "LKey",
    "LiveUrls",
    "MediaExpired",
    "MetadataRefused",
    "MotionRegion",
    "NotDone",
    "NotThere",
    "Options",
    "PagingRefused",
    "Preset",
    "Recording",
    "Refused",
    "Sampling",
    "ServerFailed",
    "Span",
    "TokenUnusable",
    "TooBusy",
    "Transport",
    "Vxg",
    "WebRtc",
    "WrongValue",
    "all_of",
    "any_of",
    "field",
    "parse_lkey",
    "parse_token",
]

if not TYPE_CHECKING:  # types are checked by what is imported above

    def __getattr__(name: str) -> object:
        # Loaded when it is first wanted, since it brings the HTTP library along.
        if name not in {"Options", "Vxg"}:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("vms_bridge.vxg.vxg"), name)
