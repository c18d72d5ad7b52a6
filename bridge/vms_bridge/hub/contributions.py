"""Parts other than backends that add to what is known: objects that they see, and what they find out about events."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vms_bridge.errors import BackendDefect, ContributionRefused
from vms_bridge.hub import door
from vms_bridge.hub.object_pictures import ObjectPictures
from vms_bridge.hub.own_events import OwnEvents
from vms_bridge.hub.text import NAME_CHARACTERS, shown
from vms_bridge.model import Detection
from vms_bridge.objects import MOST_WATCHED, Watched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.contributing import Look, Offer, Perform, Picture
    from vms_bridge.hub.door import Gate
    from vms_bridge.hub.performers import Performers
    from vms_bridge.hub.presence import Presence
    from vms_bridge.hub.recorder import Recorder
    from vms_bridge.hub.system import System
    from vms_bridge.hub.updates import Updates
    from vms_bridge.model import DetectedObject, Enrichment, EventRef, OwnEvent
    from vms_bridge.objects import Pace
    from vms_bridge.views import MonitorKey

_T = TypeVar("_T")
MOST_OBJECTS = 200
_MOST_NAMES = 64
"""How many labels, zones, plates or faces may be added to one event."""
OF_BACKENDS = "vms"
"""The name under which backends say what others have noted in their VMSs."""


class Contributions:
    """Who contributes now, each by a name of its own."""

    def __init__(
        self,
        systems: Mapping[str, System],
        clock: Clock,
        *,
        presence: Presence,
        recorder: Recorder,
        updates: Updates,
        performers: Performers,
    ) -> None:
        self._systems, self._clock, self._presence, self._recorder = systems, clock, presence, recorder
        self._updates, self.performers = updates, performers
        self.own_events = OwnEvents(systems, clock, recorder)
        self.pictures = ObjectPictures()
        self._sources: set[str] = set()
        self._paced: dict[MonitorKey, str] = {}
        """Who has told how a monitor is looked at."""

    def open(self, source: str) -> HubContributor:
        """Begin to contribute. Raises ContributionRefused."""
        name = shown(source)
        if not name or len(source) > NAME_CHARACTERS or name == OF_BACKENDS:
            raise ContributionRefused("a contributor needs a name of its own", hint="one that can be shown, and is not `vms`")
        if name in self._sources:
            raise ContributionRefused(f"there is a contributor {name!r} already", hint="give each a name of its own")
        self._sources.add(name)
        return HubContributor(self, name)

    def close(self, source: str) -> None:
        """End a contributor: what it sees and offers is gone, and events that it tells are over."""
        self._sources.discard(source)
        self._presence.leave(source)
        self.performers.leave(source)
        self.own_events.leave(source)
        for monitor in [each for each, by in self._paced.items() if by == source]:
            self._show_pace(source, monitor, None)
        for system in self._systems.values():
            for key in system.offers.leave(source):
                self._show_offer(system, key)
            for key, of_sources in list(system.watched.items()):
                if of_sources.pop(source, None):
                    self._show_watched(system, key)

    def offer(self, source: str, monitor: MonitorKey, offer: Offer) -> None:
        """Have a monitor shown with what the source offers for it. Raises ContributionRefused."""
        system = self._system(monitor[0])
        if monitor[1] not in system.monitors:
            raise _no_monitor(system, monitor[1])
        if system.offers.put(monitor[1], source, offer):
            self._show_offer(system, monitor[1])

    def _show_offer(self, system: System, key: str) -> None:
        if key in system.monitors:
            system.show_offer(key)
            self._updates.described(system, key)

    def _show_watched(self, system: System, key: str) -> None:
        for watched in self._updates.show_watched(system, key):
            self.pictures.drop((system.key, key), watched)

    def watch(self, source: str, monitor: MonitorKey, watched: Sequence[Watched]) -> None:
        """Note what is looked for at the monitor. Raises ContributionRefused."""
        system = self._system(monitor[0])
        if len(watched) > MOST_WATCHED:
            raise ContributionRefused(f"{len(watched)} things to look for at one monitor are more than {MOST_WATCHED}")
        named = tuple(Watched(shown(each.label), shown(each.zone)) for each in watched)
        system.watched.setdefault(monitor[1], {})[source] = tuple(each for each in named if each.label)
        self._show_watched(system, monitor[1])

    def picture(self, monitor: MonitorKey, watched: Watched) -> bytes | None:
        """Return the best picture of something that is looked for, None where there is none; one of before is none."""
        system = self._systems.get(monitor[0])
        view = None if system is None else system.monitors.get(monitor[1])
        return self.pictures.get(monitor, watched) if view is not None and watched in view.pictures else None

    def show(self, monitor: MonitorKey, watched: Watched, jpeg: bytes) -> None:
        """Show the best picture of something that is looked for. Raises ContributionRefused."""
        view = self._system(monitor[0]).monitors.get(monitor[1])
        if view is None or watched not in view.watched:
            raise ContributionRefused(f"{watched.name!r} is not looked for at {monitor[0]}/{monitor[1]}")
        gone = self.pictures.put(monitor, watched, jpeg)
        for (system, key), other in gone:
            if system in self._systems:
                self._updates.show_picture(self._systems[system], key, other, None)
        self._updates.show_picture(self._systems[monitor[0]], monitor[1], watched, self._clock.now())

    def pace(self, source: str, monitor: MonitorKey, pace: Pace | None) -> None:
        """Note how a monitor was looked at. Raises ContributionRefused."""
        system = self._system(monitor[0])
        if monitor[1] not in system.monitors:
            raise _no_monitor(system, monitor[1])
        self._show_pace(source, monitor, pace)

    def _show_pace(self, source: str, monitor: MonitorKey, pace: Pace | None) -> None:
        self._paced.pop(monitor, None)
        if pace is not None:
            self._paced[monitor] = source
        if (system := self._systems.get(monitor[0])) is not None:
            self._updates.show_pace(system, monitor[1], pace)

    def detect(
        self, source: str, monitor: MonitorKey, objects: Sequence[DetectedObject], frame: int | None, event: EventRef | None
    ) -> None:
        """Note which objects the monitor shows. Raises ContributionRefused."""
        system = self._system(monitor[0])
        view = system.monitors.get(monitor[1])
        if view is None:
            raise _no_monitor(system, monitor[1])
        if len(objects) > MOST_OBJECTS:
            raise ContributionRefused(f"{len(objects)} objects in one frame are more than {MOST_OBJECTS}")
        detection = Detection(
            monitor_id=view.monitor.id,
            time=self._clock.now(),
            objects=tuple(objects),
            frame=frame,
            event_id=event.id if event is not None and system.calls_so(event) else None,
            source=source,
        )
        self._presence.saw(monitor, _admitted(door.DETECTIONS, detection))

    async def enrich(self, source: str, event: EventRef, enrichment: Enrichment) -> None:
        """Store what is added to an event. Raises ContributionRefused or StoreError."""
        system = self._system(event.system)
        added = _admitted(door.ENRICHMENTS, enrichment)
        if max(map(len, (added.labels, added.zones, added.plates, added.faces))) > _MOST_NAMES:
            raise ContributionRefused(f"more than {_MOST_NAMES} labels, zones, plates or faces for event {event.format()}")
        await self._recorder.enrich(system, event, source, added)

    def _system(self, key: str) -> System:
        found = self._systems.get(key)
        if found is None:
            raise ContributionRefused(f"there is no system {key!r}")
        return found


def _no_monitor(system: System, key: str) -> ContributionRefused:
    return ContributionRefused(f"system {system.key} has no monitor {key!r}")


def _admitted(gate: Gate[_T], value: _T) -> _T:
    """Return the value as the types of the model want it. Raises ContributionRefused."""
    try:
        return gate.admit(value)
    except BackendDefect as defect:
        raise ContributionRefused(f"that can't be added: {str(defect).removeprefix('internal error: ')}") from None


class HubContributor:
    """One contributor's way to the hub (`views.Contributor`)."""

    def __init__(self, contributions: Contributions, source: str) -> None:
        self._contributions, self._source = contributions, source
        self._is_over = False

    def watch(self, monitor: MonitorKey, watched: Sequence[Watched]) -> None:
        """Say what is looked for at the monitor from now on."""
        self._check()
        self._contributions.watch(self._source, monitor, watched)

    def show(self, monitor: MonitorKey, watched: Watched, jpeg: bytes) -> None:
        """Show the best picture of something that is looked for."""
        self._check()
        self._contributions.show(monitor, watched, jpeg)

    def pace(self, monitor: MonitorKey, pace: Pace | None) -> None:
        """Tell how the monitor was looked at in the last minute."""
        self._check()
        self._contributions.pace(self._source, monitor, pace)

    def detect(
        self, monitor: MonitorKey, objects: Sequence[DetectedObject], *, frame: int | None = None, event: EventRef | None = None
    ) -> None:
        """Announce which objects the monitor shows now."""
        self._check()
        self._contributions.detect(self._source, monitor, objects, frame, event)

    async def enrich(self, event: EventRef, enrichment: Enrichment) -> None:
        """Add this to an event."""
        self._check()
        await self._contributions.enrich(self._source, event, enrichment)

    async def tell(self, monitor: MonitorKey, event: OwnEvent, ref: EventRef | None = None) -> EventRef:
        """Tell of an event of the bridge's own."""
        self._check()
        return await self._contributions.own_events.tell(self._source, monitor, event, ref)

    def offer(self, monitor: MonitorKey, offer: Offer) -> None:
        """Have the monitor shown with this."""
        self._check()
        self._contributions.offer(self._source, monitor, offer)

    def perform(self, perform: Perform) -> None:
        """Have commands carried out by this that need what was offered."""
        self._check()
        self._contributions.performers.performs(self._source, perform)

    def draw(self, picture: Picture) -> None:
        """Have this asked for annotated pictures."""
        self._check()
        self._contributions.performers.draws(self._source, picture)

    def look(self, look: Look) -> None:
        """Have this asked what is in pictures that others bring."""
        self._check()
        self._contributions.performers.looks(self._source, look)

    def close(self) -> None:
        """Contribute no more."""
        if not self._is_over:
            self._is_over = True
            self._contributions.close(self._source)

    def _check(self) -> None:
        if self._is_over:
            raise ContributionRefused(f"the contributor {self._source!r} has ended")
