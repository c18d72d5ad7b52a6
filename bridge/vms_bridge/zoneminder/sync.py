"""A ZoneMinder for scripts, without an event loop in sight.

    from vms_bridge.zoneminder.sync import ZoneMinder

    with ZoneMinder("https://host/zm", "user", "password") as zm:
        for monitor in zm.monitors.list():
            print(monitor.id, monitor.name)

Everything is as in `vms_bridge.zoneminder`, but for `await`: each method waits for its result, on one thread for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from vms_bridge.synced import Face, Opened, Runner, each, iterated, synced
from vms_bridge.zoneminder import ptz, resources, zoneminder
from vms_bridge.zoneminder.events import events, query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder.connection import Log
    from vms_bridge.zoneminder.events.filters import Filters
    from vms_bridge.zoneminder.transport import Transport
    from vms_bridge.zoneminder.values import EventRow

__all__ = [
    "Configs",
    "EventQuery",
    "Events",
    "Groups",
    "Logs",
    "Monitors",
    "Ptz",
    "Servers",
    "States",
    "StorageAreas",
    "Users",
    "ZoneMinder",
    "Zones",
]


class Configs(Face[resources.Configs]):
    """ZoneMinder's options."""

    list = synced(resources.Configs.list)
    find = synced(resources.Configs.find)
    get = synced(resources.Configs.get)
    set = synced(resources.Configs.set)


class Monitors(Face[resources.Monitors]):
    """The monitors."""

    list = synced(resources.Monitors.list)
    find = synced(resources.Monitors.find)
    of = synced(resources.Monitors.of)
    add = synced(resources.Monitors.add)
    edit = synced(resources.Monitors.edit)
    delete = synced(resources.Monitors.delete)
    set_modes = synced(resources.Monitors.set_modes)
    set_armed = synced(resources.Monitors.set_armed)
    force_alarm = synced(resources.Monitors.force_alarm)
    cancel_alarm = synced(resources.Monitors.cancel_alarm)
    suppress_alarms = synced(resources.Monitors.suppress_alarms)
    alarm_state = synced(resources.Monitors.alarm_state)
    daemon_status = synced(resources.Monitors.daemon_status)
    restart = synced(resources.Monitors.restart)
    start = synced(resources.Monitors.start)
    stop = synced(resources.Monitors.stop)
    event_counts = synced(resources.Monitors.event_counts)
    snapshot = synced(resources.Monitors.snapshot)
    snapshot_url = synced(resources.Monitors.snapshot_url)
    stream_url = synced(resources.Monitors.stream_url)


class EventQuery(Face[query.EventQuery]):
    """A question for events, which is asked when it is read: by `for`, or all at once by `list`."""

    def __iter__(self) -> Iterator[EventRow]:
        """Return the events one by one; no more than a page of them is held. Raises FilterRefused or VmsError."""
        # By pages: each step between the threads costs as much as a few rows.
        return (event for page in each(self._runner, self._of.pages()) for event in page)

    def __aiter__(self) -> AsyncIterator[EventRow]:
        """Return the same for the library itself, to which it may be handed."""
        return self._of.__aiter__()

    @property
    def unreadable(self) -> tuple[int, ...]:
        """The ids of events that ZoneMinder can't write as JSON, which are left out; known once they were come across."""
        return self._of.unreadable

    pages = iterated(query.EventQuery.pages)
    list = synced(query.EventQuery.list)
    first = synced(query.EventQuery.first)
    count = synced(query.EventQuery.count)


class Events(Face[events.Events]):
    """The events."""

    def __call__(self, **filters: Unpack[Filters]) -> EventQuery:
        """Return a question for the events that these filters choose, the newest first; it is asked when it is read.

        Raises FilterRefused for what makes no sense; some of it shows only when the question is asked.
        """
        return EventQuery(self._of(**filters), self._runner)

    get = synced(events.Events.get)
    frames = synced(events.Events.frames)
    edit = synced(events.Events.edit)
    note = synced(events.Events.note)
    rename = synced(events.Events.rename)
    archive = synced(events.Events.archive)
    lock = synced(events.Events.lock)
    delete = synced(events.Events.delete)
    tags = synced(events.Events.tags)
    tags_of = synced(events.Events.tags_of)
    tag = synced(events.Events.tag)
    untag = synced(events.Events.untag)
    image = synced(events.Events.image)
    save_image = synced(events.Events.save_image)
    save_video = synced(events.Events.save_video)
    image_url = synced(events.Events.image_url)
    video_url = synced(events.Events.video_url)
    path = synced(events.Events.path)
    delete_many = synced(events.Events.delete_many)
    download_many = synced(events.Events.download_many)


class Zones(Face[resources.Zones]):
    """The zones of all monitors."""

    list = synced(resources.Zones.list)
    find = synced(resources.Zones.find)
    add = synced(resources.Zones.add)
    edit = synced(resources.Zones.edit)
    delete = synced(resources.Zones.delete)


class Groups(Face[resources.Groups]):
    """The groups of monitors."""

    list = synced(resources.Groups.list)
    find = synced(resources.Groups.find)


class Servers(Face[resources.Servers]):
    """The servers, where there are several."""

    list = synced(resources.Servers.list)
    find = synced(resources.Servers.find)
    api_of = synced(resources.Servers.api_of)


class StorageAreas(Face[resources.StorageAreas]):
    """Where events are kept."""

    list = synced(resources.StorageAreas.list)
    find = synced(resources.StorageAreas.find)


class States(Face[resources.States]):
    """The run states."""

    list = synced(resources.States.list)
    find = synced(resources.States.find)
    active = synced(resources.States.active)
    change = synced(resources.States.change)
    start = synced(resources.States.start)
    stop = synced(resources.States.stop)
    restart = synced(resources.States.restart)


class Logs(Face[resources.Logs]):
    """ZoneMinder's log."""

    list = synced(resources.Logs.list)


class Users(Face[resources.Users]):
    """ZoneMinder's users."""

    list = synced(resources.Users.list)
    find = synced(resources.Users.find)
    own = synced(resources.Users.own)


class Ptz(Face[ptz.Ptz]):
    """Cameras that pan, tilt and zoom."""

    capabilities = synced(ptz.Ptz.capabilities)
    presets = synced(ptz.Ptz.presets)
    move = synced(ptz.Ptz.move)
    zoom = synced(ptz.Ptz.zoom)
    focus = synced(ptz.Ptz.focus)
    iris = synced(ptz.Ptz.iris)
    stop = synced(ptz.Ptz.stop)
    preset = synced(ptz.Ptz.preset)
    set_preset = synced(ptz.Ptz.set_preset)
    home = synced(ptz.Ptz.home)
    point = synced(ptz.Ptz.point)
    wake = synced(ptz.Ptz.wake)
    sleep = synced(ptz.Ptz.sleep)
    reset = synced(ptz.Ptz.reset)
    reboot = synced(ptz.Ptz.reboot)


class ZoneMinder(Opened[zoneminder.ZoneMinder]):
    """One ZoneMinder, from 1.34 on; `vms_bridge.zoneminder.ZoneMinder` says what its arguments mean."""

    def __init__(
        self,
        url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        logger: Log | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
        **options: Unpack[zoneminder.Options],
    ) -> None:
        """Say where it is; nothing is asked yet. Raises ConfigError."""
        of = zoneminder.ZoneMinder(url, username, password, logger=logger, transport=transport, clock=clock, **options)
        runner = Runner("zoneminder")
        super().__init__(of, runner)
        self.url = of.url
        """The portal's address."""
        self.configs = Configs(of.configs, runner)
        self.monitors = Monitors(of.monitors, runner)
        self.zones = Zones(of.zones, runner)
        self.groups = Groups(of.groups, runner)
        self.servers = Servers(of.servers, runner)
        self.storage = StorageAreas(of.storage, runner)
        self.events = Events(of.events, runner)
        self.states = States(of.states, runner)
        self.logs = Logs(of.logs, runner)
        self.users = Users(of.users, runner)
        self.ptz = Ptz(of.ptz, runner)

    @property
    def is_logged_in(self) -> bool:
        """Whether its API can be asked: a login has succeeded, or none is wanted."""
        return self._of.is_logged_in

    login = synced(zoneminder.ZoneMinder.login)
    version = synced(zoneminder.ZoneMinder.version)
    time_zone = synced(zoneminder.ZoneMinder.time_zone)
    is_running = synced(zoneminder.ZoneMinder.is_running)
    load = synced(zoneminder.ZoneMinder.load)
