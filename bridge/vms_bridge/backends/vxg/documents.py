"""Follows the documents that others have written about what cameras show: tells it as detections, and adds it to events.

One request tells the documents of all channels. What was seen a moment ago is a detection; what was seen while an event went on
belongs to that event, however late it is read. The bridge's own documents say whose they are, and are passed over.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.backends.vxg.events import parse_cursor
from vms_bridge.backends.vxg.matching import Matching
from vms_bridge.backends.vxg.seen import detection_of, seen_in
from vms_bridge.errors import ContributionRefused, VmsAuthFailed, VmsError
from vms_bridge.logs import Trouble
from vms_bridge.vxg import ChannelToken, NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from vms_bridge.backends.vxg.cameras import Cameras
    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.backends.vxg.seen import Seen
    from vms_bridge.model import Event
    from vms_bridge.vxg import Document, DocumentWatch

_LOGGER = logging.getLogger(__name__)
MARK = "documents"
"""Under which name is kept up to when documents were read."""
LOOK_S = 5.0
"""So long apart two requests for documents are at least."""
REFUSED_S = 60.0
"""So long nothing is asked of a VMS that has no documents, or none for this token."""
LATE = timedelta(seconds=60)
"""So late a document may be, and be a detection all the same; what is older says nothing about now."""
BACK = timedelta(hours=1)
"""How far back documents are read that were written while the bridge was away."""
_MOST_STRAYS = 1_000
_MOST_ENGINES = 4
"""So many are told apart at one camera: the hub has room for few who see objects, and it is not only theirs."""
_VMS = "vms"


class Documents:
    """The documents of one connection; `begin`, and let it `follow`."""

    def __init__(self, connection: Connection, cameras: Cameras, *, missing: Callable[[], None]) -> None:
        self._name, self._vxg, self._feed, self._clock = connection.name, connection.vxg, connection.feed, connection.clock
        self._cameras, self._missing = cameras, missing
        """`missing` is called where there is a document of a channel that nobody knows yet."""
        self._every_s = max(LOOK_S, connection.config.poll_interval)
        self._lasts = timedelta(seconds=connection.config.hold)
        self._watch: DocumentWatch | None = None
        self._matching: Matching | None = None
        self._told_until: datetime | None = None
        """What was seen until then, whoever followed before has told; None once all that was missed is read."""
        self._strays: dict[str, Document] = {}
        """Those of channels that nobody knows yet."""
        self._engines: dict[int, set[str]] = {}
        self._nameless = Trouble(_LOGGER, f"{self._name}: documents can't be told", self._clock.monotonic)

    async def begin(self) -> None:
        """Find out from when on documents are to be read. Raises VmsError."""
        now = await self._vxg.now()
        kept = parse_cursor(await self._feed.kept(MARK))
        if kept is None:  # what is written from now on is not missed, whatever happens before the first look
            kept = now - self._lasts
            await self._feed.keep(MARK, kept.isoformat())
        self._told_until = min(kept, now)
        since = max(self._told_until, now - BACK) - self._lasts
        self._watch = self._vxg.metadata.watch(since)
        self._matching = Matching(self._lasts, since - LATE)

    def recorded(self, events: Iterable[Event]) -> None:
        """Take note of events that were recorded."""
        _, matching = self._begun()
        for event in events:
            if event.deleted:
                matching.forget(event.id)
            elif event.start is not None and event.monitor_id.isdigit():
                matching.began(event.id, int(event.monitor_id), event.start)

    async def follow(self) -> NoReturn:
        """Look again and again, until cancelled. Raises StoreError: what goes wrong at the VMS costs documents only."""
        trouble = Trouble(_LOGGER, f"{self._name}: documents are not read", self._clock.monotonic)
        while True:
            wait_s = self._every_s
            try:
                while not await self.look():
                    pass
            except VmsError as error:
                trouble.report(error, hint=error.hint, code=error.code)
                wait_s = REFUSED_S if isinstance(error, VmsAuthFailed | NotThere) else wait_s
            else:
                trouble.over()
            await self._clock.sleep(wait_s)

    async def look(self) -> bool:
        """Look once, tell what is new, and say whether that is all there is. Raises VmsError, StoreError."""
        watch, matching = self._begun()
        changes = await watch.poll()
        now = await self._vxg.now()
        waiting, self._strays = self._strays, {}
        self._tell(self._taken([*waiting.values(), *changes.new], now), now)
        self._taken(changes.changed, now)
        if changes.new:
            await self._feed.keep(MARK, watch.mark.isoformat())
        for event_id, enrichment in matching.news():
            try:
                await self._feed.enrich(event_id, enrichment)
            except ContributionRefused:
                matching.forget(event_id)
        if changes.is_all:
            self._told_until = None
        read_until = max(watch.mark, now - LATE) if changes.is_all else watch.mark
        matching.forget_before(read_until - 2 * LATE - self._lasts)
        return changes.is_all

    def _taken(self, documents: Iterable[Document], now: datetime) -> list[Seen]:
        """Take note of documents, and return what was seen at channels that are known; others wait until they are listed."""
        _, matching = self._begun()
        found: list[Seen] = []
        for document in documents:
            whose = self._whose(document)
            if whose is None or document.id is None:
                continue
            if self._cameras.get(whose) is None:
                self._wait_for(document.id, document, now)
                continue
            seen = seen_in(document, whose)
            matching.saw(document.id, seen)
            if seen is not None:
                found.append(seen)
        return found

    def _whose(self, document: Document) -> int | None:
        if document.camera_id is not None:
            return document.camera_id
        token = self._vxg.token
        if isinstance(token, ChannelToken):
            return token.channel_id
        self._nameless.report(
            "the VMS does not say whose they are", hint="please report this: that it says so was inferred, and never seen"
        )
        return None

    def _wait_for(self, name: str, document: Document, now: datetime) -> None:
        if document.timestamp + 2 * LATE > now and len(self._strays) < _MOST_STRAYS:
            self._strays[name] = document
            self._missing()

    def _tell(self, seen: Iterable[Seen], now: datetime) -> None:
        """Tell what was seen a moment ago, of each camera and engine together."""
        by_source: dict[tuple[int, str], list[Seen]] = {}
        for each in sorted(seen, key=lambda one: one.time):
            if each.time + LATE > now and (self._told_until is None or each.time > self._told_until):
                by_source.setdefault((each.camera_id, self._source(each)), []).append(each)
        for (_, source), some in by_source.items():
            self._feed.emit(detection_of(source, some))

    def _source(self, seen: Seen) -> str:
        engines = self._engines.setdefault(seen.camera_id, set())
        if seen.engine and len(engines) < _MOST_ENGINES:
            engines.add(seen.engine)
        return f"{_VMS}:{seen.engine}" if seen.engine in engines else _VMS

    def _begun(self) -> tuple[DocumentWatch, Matching]:
        assert self._watch is not None  # noqa: S101 - it has begun
        assert self._matching is not None  # noqa: S101 - likewise
        return self._watch, self._matching
