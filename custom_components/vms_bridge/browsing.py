"""Makes the nodes of the media browser of what a bridge's index answers: one or two requests each, however many events.

A node has MOST_CHILDREN children at most; the last of them, `More …`, goes on where they end.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.components.media_player.const import MediaClass, MediaType
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import BrowseMediaSource
from homeassistant.util import dt as dt_util

from . import media_titles
from .const import DOMAIN
from .errors import NotFound
from .found_events import FoundPage, counts_of, plain, texts_of, values_of
from .media_access import may_see, may_see_all
from .media_ids import CLIP, MIME_TYPES, PICTURE, EventRef, media_identifier, media_path
from .media_words import words_of
from .places import FOUND, KINDS, LABELS, LATEST, MOST_CAMERAS, Place, Wanted, end_of_hour, narrowed, span_of_day, start_of
from .searching import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant

    from .coordinator import VmsBridgeCoordinator
    from .found_events import Count, FoundEvent
    from .media_ids import Item
    from .media_words import Words
    from .world import MonitorData

MOST_CHILDREN: Final = 200
_PAGE: Final = MOST_CHILDREN - 1
"""How many there are beside `More …`."""
_SAMPLE: Final = 500
"""Of how many of the newest events the labels and kinds are listed where the bridge does not list them itself."""
_MOST_VALUES: Final = 1_000
_MOST_DAYS: Final = 9_000
"""Over how many days a timeline is asked for: the bridge makes no more than 10,000 parts."""
_KINDS: Final = ("alarm", "continuous", "forced", "external")
"""Those that there are of any VMS; of the others those are shown that the newest events have."""
_MEDIA: Final = [MediaClass.VIDEO, MediaClass.IMAGE]


class Browser:
    """One bridge, as one user may see it (None: Home Assistant itself)."""

    def __init__(self, hass: HomeAssistant, coordinator: VmsBridgeCoordinator, user: User | None) -> None:
        self._hass, self._coordinator, self._user = hass, coordinator, user
        self.words: Words = words_of(hass.config.language)
        self.zone: tzinfo = dt_util.get_default_time_zone()

    @property
    def root(self) -> Place:
        """The bridge itself."""
        return Place(bridge_id=self._coordinator.bridge_id)

    def vocabulary(self) -> Vocabulary:
        """Return what can be meant in a search, of the cameras that the user may see."""
        cameras: dict[str, str] = {}
        labels: set[str] = set()
        zones: set[str] = set()
        for (system, key), data in self._monitors().items():
            cameras[f"{system}/{key}"] = plain(data.shape.name) or key
            zones.update(filter(None, (plain(zone.name) for zone in data.shape.zones)))
            labels.update(_labels(data))
        return Vocabulary(cameras, labels, zones)

    async def node(self, place: Place) -> BrowseMediaSource:
        """Return the node with its children. Raises BridgeError, and BrowseError for a place that there is not."""
        self._check(place)
        children = await self._children(place)
        node = self._directory(place, self.title(place))
        node.children = children
        node.children_media_class = MediaClass.VIDEO if _shows_events(place) else MediaClass.DIRECTORY
        return node

    async def events(self, place: Place, most: int, after: str | None = None) -> tuple[list[BrowseMediaSource], str | None]:
        """Return the events of a place, and the cursor of the next page. Raises what `node` raises."""
        self._check(place)
        query = self._query(place)
        if query is None:
            return [], None
        asked = query | {"limit": str(most)} | ({} if after is None else {"after": after})
        page = FoundPage.parse(await self._coordinator.client.get("events", asked), most)
        return [self._event(event, place) for event in page.events if self._sees(event.ref.system, event.monitor)], page.after

    def title(self, place: Place) -> str:
        """Return what a place is called."""
        return media_titles.of_place(place, self._names(place), self._reader, self.vocabulary)

    def found(self, place: Place, wanted: Wanted) -> Place:
        """Return the place of what is wanted of a place, which narrows that down unless the search says otherwise."""
        said = Wanted() if place.shows == FOUND else place.wanted
        since, until = (None, None) if place.shows == FOUND else self._span(place)
        if wanted.since is None and wanted.until is None:
            wanted = replace(wanted, since=since, until=until)
        wanted = replace(wanted, labels=wanted.labels or said.labels, kinds=wanted.kinds or said.kinds)
        return Place(bridge_id=place.bridge_id, system=place.system, monitor=place.monitor, wanted=wanted, shows=FOUND)

    # What is below what

    async def _children(self, place: Place) -> list[BrowseMediaSource]:
        if place.shows == LABELS:
            labels = await self._labels(place)
            return self._listed(place, [_narrowed(place, replace(place.wanted, labels=(label,))) for label in labels])
        if place.shows == KINDS:
            kinds = await self._kinds(place)
            return self._listed(place, [_narrowed(place, replace(place.wanted, kinds=(kind,))) for kind in kinds])
        if _shows_events(place):
            return await self._events(place)
        if place.day is not None:
            return await self._hours(place)
        if place.wanted.labels or place.wanted.kinds or place.monitor is not None:
            return await self._days(place)
        return self._listed(place, [*self._ways(place), *self._below(place)])

    def _below(self, place: Place) -> list[Place]:
        """Return the systems of the bridge, or the monitors of a system, by name."""
        monitors = self._monitors()
        if place.system is None:
            seen = {key for key, _ in monitors}
            keys = [key for key in self._coordinator.systems if key in seen or may_see_all(self._user)]
            below = [replace(place, system=key) for key in keys]
        else:
            below = [replace(place, monitor=key) for system, key in monitors if system == place.system]
        return sorted(below, key=lambda each: (self.title(each).casefold(), each.format()))

    def _ways(self, place: Place) -> list[Place]:
        """Return the other ways to the events of a place: the newest of them, and by what was seen or why it was recorded."""
        shown = replace(place, after=None)
        latest = replace(shown, shows=LATEST)
        if place.wanted.labels or place.wanted.kinds:
            return [latest]
        return [latest, replace(shown, shows=LABELS), replace(shown, shows=KINDS)]

    async def _days(self, place: Place) -> list[BrowseMediaSource]:
        """Return the days on which something began, the newest first; `after` is the day before which they are.

        By months it is found out where they are: of an archive with a wrong date somewhere the days can't all be counted.
        """
        ways = [] if place.after is not None else self._ways(place)
        end = None if place.after is None else _span_of_day(_day(place.after), self.zone)[0]
        room = MOST_CHILDREN - len(ways) - 1
        months = await self._counts(place, "month", until=end)
        first, is_rest = _first_month(months, room)
        days: Sequence[Count] = ()
        if first is not None:
            last = (self._local(months[0].start) + timedelta(days=31)).replace(day=1)
            days = await self._counts(place, "day", since=first, until=min(filter(None, (end, start_of(last, self.zone)))))
        shown = [replace(place, after=None, day=self._local(count.start)) for count in days[:room]]
        children = [self._directory(each, self.title(each)) for each in ways]
        children += [self._directory(day, self._counted(day, count.events)) for day, count in zip(shown, days, strict=False)]
        if len(days) > room:
            children.append(self._more(place, self._local(days[room - 1].start).isoformat()))
        elif is_rest and first is not None:
            children.append(self._more(place, self._local(first).isoformat()))
        return children

    async def _hours(self, place: Place) -> list[BrowseMediaSource]:
        hours = await self._counts(place, "hour")
        shown = [(replace(place, hour=count.start), count.events) for count in hours[:_PAGE]]
        return [self._directory(hour, self._counted(hour, events)) for hour, events in shown]

    async def _events(self, place: Place) -> list[BrowseMediaSource]:
        children, after = await self.events(replace(place, after=None), _PAGE, place.after)
        return children if after is None else [*children, self._more(place, after)]

    async def _labels(self, place: Place) -> list[str]:
        """Return the labels that events have, and those that are seen now."""
        found = {label for key, data in self._monitors(place).items() for label in _labels(data)}
        listed = await self._values(place, "label")
        if listed is None:
            for only in ({"least_score": "0"}, {}):  # most events have none, and some are told without a score
                page = await self._newest(place, only)
                found.update(label for event in page for label in event.labels)
        return sorted(found.union(listed or ()), key=lambda label: (label.casefold(), label))

    async def _kinds(self, place: Place) -> list[str]:
        """Return the kinds that there are anywhere, and what a newer bridge calls those of its events."""
        listed = await self._values(place, "kind")
        found = {event.kind for event in await self._newest(place, {})} if listed is None else {*listed}
        return [*_KINDS, *sorted(found - {"", *_KINDS})]

    async def _values(self, place: Place, of: str) -> tuple[str, ...] | None:
        """Return what the events of a place have; None where the bridge is too old to say, or can't say it for this user."""
        query = self._query(place)
        if query is None:
            return ()
        if self._cameras(place) is None and not may_see_all(self._user):
            return None  # the bridge would count those of cameras that are not for this user
        try:
            return values_of(await self._coordinator.client.get("values", {**query, "of": of, "limit": str(_MOST_VALUES)}))
        except NotFound:
            return None

    async def _newest(self, place: Place, only: Mapping[str, str]) -> Sequence[FoundEvent]:
        query = self._query(place)
        if query is None:
            return ()
        page = FoundPage.parse(await self._coordinator.client.get("events", {**query, **only, "limit": str(_SAMPLE)}), _SAMPLE)
        return [event for event in page.events if self._sees(event.ref.system, event.monitor)]

    async def _counts(
        self, place: Place, bucket: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Count]:
        query = self._query(place, since, until)
        if query is None:
            return ()
        asked = query | {"bucket": bucket, "time_zone": self._hass.config.time_zone}
        return counts_of(await self._coordinator.client.get("timeline", asked))

    def _query(
        self, place: Place, since: datetime | None = None, until: datetime | None = None
    ) -> dict[str, str | list[str]] | None:
        """Return how the events of a place are asked for; None where there can be none that the user may see."""
        wanted = narrowed(narrowed(place.wanted, since, until), *self._span(place))
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            return None
        cameras = self._cameras(place)
        query = replace(wanted, cameras=cameras or ()).query
        if cameras is None and place.system is not None:
            query["system"] = place.system
        return None if cameras == () else query

    def _span(self, place: Place) -> tuple[datetime | None, datetime | None]:
        """Return from when to when the hour or day of a place is."""
        if place.hour is not None:
            return place.hour, end_of_hour(place.hour, self.zone)
        return (None, None) if place.day is None else _span_of_day(place.day, self.zone)

    def _cameras(self, place: Place) -> tuple[str, ...] | None:
        """Return the cameras that a place is about, as the API names them; None: all of its system, or of the bridge.

        Where they are too many for a request, what is not to be seen is left out of the answer.
        """
        named = place.wanted.cameras
        if place.system is not None and place.monitor is not None:
            camera = f"{place.system}/{place.monitor}"
            return (camera,) if not named or camera in named else ()
        if not named and may_see_all(self._user):
            return None
        seen = dict.fromkeys(f"{system}/{key}" for system, key in self._monitors(place))
        there = tuple(camera for camera in named or seen if camera in seen)
        return there if len(there) <= MOST_CAMERAS else None

    # What it looks like

    def _event(self, event: FoundEvent, place: Place) -> BrowseMediaSource:
        """Return the node of an event. Of one that is pictures the bridge may make a clip: that shows when it is played."""
        data = self._coordinator.monitors.get((event.ref.system, event.monitor))
        is_of_pictures = event.is_over and event.snapshot_ready and data is not None and "event_frame" in data.shape.capabilities
        item: Item | None = CLIP if event.clip_ready else None if is_of_pictures else PICTURE
        path = media_path(self._coordinator.entry.entry_id, event.ref.format(), PICTURE)
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=media_identifier(self._coordinator.bridge_id, event.ref.format(), item),
            media_class=MediaClass.IMAGE if item == PICTURE else MediaClass.VIDEO,
            media_content_type=MIME_TYPES[item or CLIP],
            title=media_titles.of_event(
                event, self.words, self.zone, is_of_a_day=place.day is not None, is_of_a_monitor=place.monitor is not None
            ),
            can_play=event.clip_ready or event.snapshot_ready,
            can_expand=False,
            thumbnail=path if event.snapshot_ready else None,
        )

    def _listed(self, place: Place, below: Sequence[Place]) -> list[BrowseMediaSource]:
        """Return nodes for places that are all known; `after` says how many were shown before."""
        skipped = int(place.after) if place.after is not None and place.after.isdecimal() and len(place.after) < 7 else 0
        shown = below[skipped : skipped + _PAGE]
        children = [self._directory(each, self.title(each)) for each in shown]
        end = skipped + len(shown)
        return children if end >= len(below) else [*children, self._more(place, str(end))]

    def _more(self, place: Place, after: str) -> BrowseMediaSource:
        return self._directory(replace(place, after=after), self.words.more)

    def _counted(self, place: Place, events: int) -> str:
        return f"{self.title(place)} ({events})"

    def _directory(self, place: Place, title: str) -> BrowseMediaSource:
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=place.format(),
            media_class=MediaClass.DIRECTORY,
            media_content_type=MediaType.VIDEO,
            title=title,
            can_play=False,
            can_expand=True,
            thumbnail=self._thumbnail(place),
            can_search=True,
            search_media_classes=list(_MEDIA),
        )

    def _thumbnail(self, place: Place) -> str | None:
        """Return the picture of a monitor's newest event, for the monitor's own node."""
        own = Place(bridge_id=place.bridge_id, system=place.system, monitor=place.monitor)
        data = self._coordinator.monitors.get((place.system or "", place.monitor or "")) if place == own else None
        event = data.last_event if data is not None else None
        if event is None or event.get("snapshot_ready") is not True:
            return None
        ref = EventRef.parse(event.get("id"))
        return None if ref is None else media_path(self._coordinator.entry.entry_id, ref.format(), PICTURE)

    # What there is, and who may see it

    def _check(self, place: Place) -> None:
        """Raise BrowseError for a system or monitor that there is not, or not for this user."""
        is_there = place.system is None or place.system in self._coordinator.systems
        if place.system is not None and place.monitor is not None:
            is_there = (place.system, place.monitor) in self._monitors()
        if not is_there:
            raise BrowseError(translation_domain=DOMAIN, translation_key="media_unknown")

    def _monitors(self, place: Place | None = None) -> Mapping[tuple[str, str], MonitorData]:
        """Return the monitors that the user may see, those of a place where one is named."""
        return {
            (system, key): data
            for (system, key), data in self._coordinator.monitors.items()
            if (place is None or place.system in {None, system})
            and (place is None or place.monitor in {None, key})
            and self._sees(system, key)
        }

    def _sees(self, system: str, monitor: str) -> bool:
        return may_see(self._hass, self._user, self._coordinator.bridge_id, system, monitor)

    def _names(self, place: Place) -> tuple[str, str, str]:
        """Return what the bridge, the system and the monitor of a place are called."""
        system = self._coordinator.systems.get(place.system or "")
        monitor = self._coordinator.monitors.get((place.system or "", place.monitor or ""))
        return (
            self._coordinator.entry.title,
            place.system or "" if system is None else plain(system.shape.name) or system.shape.key,
            place.monitor or "" if monitor is None else plain(monitor.shape.name) or monitor.shape.key,
        )

    def _local(self, start: datetime) -> date:
        return start.astimezone(self.zone).date()

    @property
    def _reader(self) -> media_titles.Reader:
        return media_titles.Reader(words=self.words, zone=self.zone, today=self._local(dt_util.utcnow()))


def _narrowed(place: Place, wanted: Wanted) -> Place:
    return replace(place, shows="", after=None, wanted=wanted)


def _shows_events(place: Place) -> bool:
    return place.hour is not None or place.shows in {LATEST, FOUND}


def _first_month(months: Sequence[Count], room: int) -> tuple[datetime | None, bool]:
    """Return from which month on there are days enough, and whether there are older ones."""
    days = 0
    for at, month in enumerate(months):
        is_far = (months[0].start - month.start).days > _MOST_DAYS
        if is_far or days > room:
            return months[at - 1].start, True
        days += min(month.events, 31)
    return (months[-1].start if months else None), False


def _labels(data: MonitorData) -> Iterable[str]:
    """Return the labels of what a monitor sees and has seen last."""
    said = (data.objects or {}).get("labels")
    yield from filter(None, map(plain, said)) if isinstance(said, dict) else ()
    yield from texts_of(data.last_event or {}, "labels")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BrowseError(translation_domain=DOMAIN, translation_key="media_unknown") from None


def _span_of_day(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    try:
        return span_of_day(day, zone)
    except OverflowError:
        raise BrowseError(translation_domain=DOMAIN, translation_key="media_unknown") from None
