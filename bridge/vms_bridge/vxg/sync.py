"""A VXG Cloud VMS for scripts, without an event loop in sight.

    from vms_bridge.vxg.sync import Vxg

    with Vxg(token=GROUP_TOKEN) as vxg:
        for channel in vxg.channels.list():
            print(channel.id, channel.name, channel.online)

Everything is as in `vms_bridge.vxg`, but for `await`: each method waits for its result, on one thread for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from vms_bridge.synced import Face, Opened, Runner, iterated, plain, synced
from vms_bridge.vxg import (
    archive,
    channels,
    clips,
    events,
    groups,
    images,
    live,
    metadata,
    motion,
    ptz,
    uploads,
    vxg,
    watching,
)
from vms_bridge.vxg.hosts import DEFAULT_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.http import HttpClient
    from vms_bridge.vxg.tokens import ChannelToken, GroupToken
    from vms_bridge.vxg.transport import Transport
    from vms_bridge.vxg.values import ChannelRow

__all__ = [
    "Archive",
    "Channels",
    "Clips",
    "DocumentWatch",
    "EventWatch",
    "Events",
    "Groups",
    "Images",
    "Live",
    "Metadata",
    "Motion",
    "Ptz",
    "Uploads",
    "Vxg",
]


class Channels(Face[channels.Channels]):
    """The channels."""

    list = synced(channels.Channels.list)
    each = iterated(channels.Channels.each)
    get = synced(channels.Channels.get)
    status = synced(channels.Channels.status)
    set_record_mode = synced(channels.Channels.set_record_mode)


class Groups(Face[groups.Groups]):
    """The account's groups."""

    list = synced(groups.Groups.list)
    get = synced(groups.Groups.get)
    create = synced(groups.Groups.create)
    add = synced(groups.Groups.add)
    remove = synced(groups.Groups.remove)
    rename = synced(groups.Groups.rename)
    delete = synced(groups.Groups.delete)
    rotate = synced(groups.Groups.rotate)


class Live(Face[live.Live]):
    """What cameras show now."""

    urls = synced(live.Live.urls)
    urls_of_all = iterated(live.Live.urls_of_all)
    check = synced(live.Live.check)
    image = synced(live.Live.image)
    refresh = synced(live.Live.refresh)


class Images(Face[images.Images]):
    """The pictures of channels; a `keep` is called on the library's own thread."""

    each = iterated(images.Images.each)
    fetch = synced(images.Images.fetch)
    period = synced(images.Images.period)
    set_period = synced(images.Images.set_period)
    sample = iterated(images.Images.sample)
    sample_all = iterated(images.Images.sample_all)
    restore = synced(images.Images.restore)
    extract = synced(images.Images.extract)
    sample_archive = iterated(images.Images.sample_archive)


class Archive(Face[archive.Archive]):
    """What is recorded of channels; a piece is read by `save`, into a file or a writer."""

    each = iterated(archive.Archive.each)
    timeline = synced(archive.Archive.timeline)
    days = synced(archive.Archive.days)
    save = synced(archive.Archive.save)


class Clips(Face[clips.Clips]):
    """The clips of channels."""

    create = synced(clips.Clips.create)
    get = synced(clips.Clips.get)
    each = iterated(clips.Clips.each)
    wait = synced(clips.Clips.wait)
    make = synced(clips.Clips.make)
    save = synced(clips.Clips.save)
    delete = synced(clips.Clips.delete)


class EventWatch(Face[watching.EventWatch]):
    """Follows events."""

    poll = synced(watching.EventWatch.poll)
    batches = iterated(watching.EventWatch.batches)

    @property
    def mark(self) -> datetime:
        """Where another one goes on."""
        return self._of.mark


class Events(Face[events.Events]):
    """The events."""

    each = iterated(events.Events.each)
    list = synced(events.Events.list)
    get = synced(events.Events.get)
    create = synced(events.Events.create)
    set_tag = synced(events.Events.set_tag)
    remove_tag = synced(events.Events.remove_tag)
    boxes = synced(events.Events.boxes)
    types = synced(events.Events.types)
    add_type = synced(events.Events.add_type)
    trigger = synced(events.Events.trigger)

    def watch(self, since: datetime, *, channel: ChannelRow | int | None = None, names: Sequence[str] = ()) -> EventWatch:
        """Return what follows events from this time on, of a channel or of all of the group."""
        return EventWatch(self._of.watch(since, channel=channel, names=names), self._runner)


class DocumentWatch(Face[watching.DocumentWatch]):
    """Follows documents."""

    poll = synced(watching.DocumentWatch.poll)

    @property
    def mark(self) -> datetime:
        """Where another one goes on."""
        return self._of.mark


class Metadata(Face[metadata.Metadata]):
    """The documents of channels."""

    record = synced(metadata.Metadata.record)
    update = synced(metadata.Metadata.update)
    delete = synced(metadata.Metadata.delete)
    each = iterated(metadata.Metadata.each)
    list = synced(metadata.Metadata.list)
    delete_where = synced(metadata.Metadata.delete_where)

    def watch(self, since: datetime, *, channel: ChannelRow | int | None = None) -> DocumentWatch:
        """Return what follows documents from this time on, of a channel or of all of the group."""
        return DocumentWatch(self._of.watch(since, channel=channel), self._runner)


class Motion(Face[motion.Motion]):
    """The regions in which motion is looked for."""

    regions = synced(motion.Motion.regions)
    set_regions = synced(motion.Motion.set_regions)
    is_enabled = synced(motion.Motion.is_enabled)
    set_enabled = synced(motion.Motion.set_enabled)


class Ptz(Face[ptz.Ptz]):
    """What moves."""

    capabilities = synced(ptz.Ptz.capabilities)
    move = synced(ptz.Ptz.move)
    stop = synced(ptz.Ptz.stop)
    presets = synced(ptz.Ptz.presets)
    go_to = synced(ptz.Ptz.go_to)
    add_preset = synced(ptz.Ptz.add_preset)
    delete_preset = synced(ptz.Ptz.delete_preset)


class Uploads(Face[uploads.Uploads]):
    """What is sent to VXG."""

    recording = synced(uploads.Uploads.recording)


class Vxg(Opened[vxg.Vxg]):
    """One account, one group of channels, or one channel; `vms_bridge.vxg.Vxg` says what its arguments mean."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        lkey: str | None = None,
        token: str | None = None,
        allowed_hosts: Iterable[str] = (),
        through: Callable[[HttpClient], Transport] | None = None,
        clock: Clock | None = None,
        **options: Unpack[vxg.Options],
    ) -> None:
        """Say where it is and who asks; nothing is asked yet. Raises ConfigError, which quotes no credential."""
        of = vxg.Vxg(url, lkey=lkey, token=token, allowed_hosts=allowed_hosts, through=through, clock=clock, **options)
        runner = Runner("vxg")
        super().__init__(of, runner)
        self.url = of.url
        """Where the API is, unless a token says otherwise."""
        self.channels = Channels(of.channels, runner)
        self.groups = Groups(of.groups, runner)
        self.live = Live(of.live, runner)
        self.images = Images(of.images, runner)
        self.archive = Archive(of.archive, runner)
        self.clips = Clips(of.clips, runner)
        self.events = Events(of.events, runner)
        self.metadata = Metadata(of.metadata, runner)
        self.motion = Motion(of.motion, runner)
        self.ptz = Ptz(of.ptz, runner)
        self.uploads = Uploads(of.uploads, runner)

    @property
    def token(self) -> GroupToken | ChannelToken | None:
        """The token that is used now."""
        return self._of.token

    use_token = plain(vxg.Vxg.use_token)
    server_time = synced(vxg.Vxg.server_time)
    clock_skew_s = synced(vxg.Vxg.clock_skew_s)
    now = synced(vxg.Vxg.now)
