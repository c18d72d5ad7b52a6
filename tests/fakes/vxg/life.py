"""Something to see for a simulated VXG that runs by itself: visitors as the demo's simulator has them, in pictures and videos.

Its first channels see motion only; the last one finds out itself what it sees, and says so by tags, as cameras with analytics do.
Of the second one an AI engine says by documents what it sees. A page of its own shows what that and others have written.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

from vms_bridge.backends.simulator.clips import clip_of
from vms_bridge.backends.simulator.drawing import Painter
from vms_bridge.backends.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fakes.vxg.server import FakeVxg

    from vms_bridge.backends.simulator.world import Visit

NAMES = ("Loading bay", "Reception", "Rear yard")
_SEED, _WIDTH = 14, 1280
_STEP_S, _RECORDED_S = 0.25, 5.0
_LISTED_S, _THUMB_S, _TAGS_S = 1.5, 1.0, 2.0
_ENGINE, _ENGINE_S = "simulated engine", 2.0
_MOST_EVENTS, _MOST_RECORDS, _SHOWN = 1_000, 20_000, 15
_STYLE = "body{font:15px sans-serif;margin:2em}td,th{padding:.2em .9em;text-align:left;border-bottom:1px solid #ddd}b{color:#06c}"


class Life:
    """What happens at a simulated VXG; `live` it."""

    def __init__(self, fake: FakeVxg, *, pace: float = 2.0) -> None:
        self._fake = fake
        self._world = World(seed=_SEED, pace=pace, epoch=fake.world.now().timestamp() - 3_600)
        self._painter = Painter(_WIDTH)
        self._cameras = {number: camera for camera, number in enumerate(fake.world.channels, 1)}
        self._seen: dict[int, int] = {}
        self._best: OrderedDict[int, tuple[int, float]] = OrderedDict()
        """When an event looked best, and where."""
        for number, camera in self._cameras.items():
            fake.world.channels[number].name = NAMES[camera - 1] if camera <= len(NAMES) else f"Channel {number}"
        fake.media.picture, fake.media.video = self._picture, self._video
        fake.pages["/"] = self.page

    async def live(self) -> None:
        """Let visitors come, and all be recorded, until cancelled."""
        recorded = self._fake.world.now()
        while True:
            now = self._fake.world.now()
            for number, camera in self._cameras.items():
                visit = self._world.visit_at(camera, now.timestamp())
                if visit is not None and visit.alarm_start is not None and visit.alarm_start <= now.timestamp():
                    self._happen(number, camera, visit)
            if (now - recorded).total_seconds() >= _RECORDED_S:
                for number in self._cameras:
                    self._fake.world.record(number, recorded, (now - recorded).total_seconds())
                recorded = now
                del self._fake.world.records[:-_MOST_RECORDS]
            await self._fake.clock.sleep(_STEP_S)

    def page(self) -> str:
        """Return the page that shows what there is, and what others have written."""
        world = self._fake.world
        channels = ((row.id, row.name, row.status, row.rec_mode) for row in world.channels.values())
        events = [row for row in reversed(world.events.values()) if row.listed_at <= world.now()][:_SHOWN]
        told = ((row.id, self._name(row.camid), f"{row.time:%H:%M:%S}", row.name, _tags(row.meta)) for row in events)
        documents = list(reversed(world.documents.values()))[:_SHOWN]
        written = ((self._name(camid), said.get("timestamp"), _words(said)) for camid, said in documents)
        return (
            f"<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=2><title>Simulated VXG</title>"
            f"<style>{_STYLE}</style><h1>A simulated VXG Cloud VMS</h1>"
            f"<h2>Documents: of AI engines, and written back</h2>{_table(('channel', 'time', 'what'), written)}"
            f"<h2>Events and their tags</h2>{_table(('id', 'channel', 'time', 'kind', 'tags'), told)}"
            f"<h2>Channels</h2>{_table(('id', 'name', 'status', 'records'), channels)}"
        )

    def _happen(self, number: int, camera: int, visit: Visit) -> None:
        if self._seen.get(number) == visit.slot or visit.alarm_start is None:
            return
        self._seen[number] = visit.slot
        world = self._fake.world
        ago_s = world.now().timestamp() - visit.alarm_start
        finds = camera == len(self._cameras)
        tags = {label: str(count) for label, count in Counter(actor.label for actor in visit.actors).items()} if finds else {}
        made = world.happen(
            number,
            "object_and_scene_detection" if finds else "motion",
            ago_s=ago_s,
            late_s=ago_s + _LISTED_S,
            thumb_s=_THUMB_S,
            meta_s=_TAGS_S,
            meta=tags,
        )
        if camera == 2 and not finds:
            for actor in visit.actors:
                said = {"source": _ENGINE, "label": actor.label}
                world.note(number, late_s=_ENGINE_S, string=said, float={"score": actor.score})
        while len(world.documents) > _MOST_EVENTS:
            gone_document = next(iter(world.documents))
            del world.documents[gone_document]
            world.documents_listed.pop(gone_document, None)
        self._best[made.id] = (camera, visit.best)
        while len(self._best) > _MOST_EVENTS:
            gone, _ = self._best.popitem(last=False)
            world.events.pop(gone, None)

    def _picture(self, path: str) -> bytes:
        """Draw what a picture's path means: of an event, of now, or of the time when it was taken."""
        camera, time = self._place(path)
        visit = self._world.visit_at(camera, time)
        name = self._name(list(self._cameras)[camera - 1])
        sightings = self._world.sightings(visit, time)
        return self._painter.picture(name, self._world.place(camera), sightings, time, is_marked=False)

    def _video(self, path: str) -> bytes:
        """Return the clip that shows what happened then; a recording shows the place with nobody there."""
        kind, _, name = path.partition("/")
        clip = self._fake.world.clips.get(int(name)) if kind == "clip" else None
        if clip is None:
            return clip_of(self._world.place(1), None).read_bytes()
        camera = self._cameras.get(clip.camid, 1)
        visit = self._world.visit_at(camera, (clip.start + (clip.end - clip.start) / 2).timestamp())
        return clip_of(self._world.place(camera), visit).read_bytes()

    def _place(self, path: str) -> tuple[int, float]:
        world, now = self._fake.world, self._fake.world.now().timestamp()
        kind, _, name = path.partition("/")
        number = int(name.rpartition("_")[2] or 0)
        if kind == "preview":
            return self._cameras.get(number, 1), now
        if kind == "thumb" and number in self._best:
            return self._best[number]
        for row in (world.events.get(number), next((each for each in reversed(world.images) if each.id == number), None)):
            if row is not None:
                return self._cameras.get(row.camid, 1), row.time.timestamp()
        clip = world.clips.get(number)
        return (1, now) if clip is None else (self._cameras.get(clip.camid, 1), clip.start.timestamp())

    def _name(self, number: int) -> str:
        channel = self._fake.world.channels.get(number)
        return str(number) if channel is None else channel.name


def past(fake: FakeVxg, seconds: float) -> None:
    """Have all channels be recorded for so long before now."""
    for number in fake.world.channels:
        fake.world.record(number, fake.world.now() - timedelta(seconds=seconds), seconds)


def _tags(meta: dict[str, str]) -> str:
    return ", ".join(f"{tag}: {data}" if data else tag for tag, data in meta.items())


def _words(said: dict[str, object]) -> str:
    parts = [each for kind in ("string", "float", "long") if isinstance(each := said.get(kind), dict)]
    return ", ".join(f"{name}: {value}" for part in parts for name, value in part.items())


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = ["".join(f"<td>{escape(str(cell))}" for cell in row) for row in rows]
    return f"<table><tr>{''.join(f'<th>{each}' for each in head)}{''.join(f'<tr>{line}' for line in lines)}</table>"
