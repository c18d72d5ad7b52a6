"""What of the bridge itself is made up in a trial: what a script keeps, adds to events, looks for in pictures, and waits for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from vms_bridge.entities.states import system_body
from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.trying.pictures import JPEG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.trying.answers import Answers
    from vms_bridge.scripts.trying.world import World
    from vms_bridge.views import HubView

_MOST_BYTES = 4 * 1024 * 1024


class Words(Asked):
    """Words that the worker's own side of the API has checked: what is not looked at here is passed over."""

    model_config = ConfigDict(extra="allow", frozen=True)


class AskedKept(Words):
    """A value to be kept, or to be forgotten."""

    key: str
    ttl_s: float | None = Field(default=None, ge=0)


class AskedOfEvent(Words):
    """About an event."""

    event: str


class AskedOfSystem(Words):
    """About a system."""

    system: str


class AskedFrames(Words):
    """Pictures of a monitor."""

    monitor: str = ""
    rate: float = Field(default=1.0, gt=0)
    stream: str = ""


@dataclass(slots=True)
class Inside:
    """All of it; `tell` is how the worker hears that a value's time is over."""

    answers: Answers
    world: World
    hub: HubView
    clock: Clock
    tell: Callable[[Mapping[str, Any]], None]
    _streams: dict[str, float] = field(default_factory=dict)
    _fading: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def keep(self, asker: Asker, asked: AskedKept, _data: bytes) -> Answered:
        """Keep a value: the worker has it already. It is forgotten when its time is over."""
        self._forget(asked.key)
        if asked.ttl_s is not None:
            task = asyncio.create_task(self._fade(asked.key, asked.ttl_s), name=f"trial: {asked.key[:40]}")
            self._fading[asked.key] = task
            asker.at_end(lambda: self._forget(asked.key))
        return Answered()

    async def delete(self, _asker: Asker, asked: AskedKept, _data: bytes) -> Answered:
        """Forget a value."""
        self._forget(asked.key)
        return Answered()

    async def clear(self, _asker: Asker, _asked: Asked, _data: bytes) -> Answered:
        """Forget all of them."""
        for key in list(self._fading):
            self._forget(key)
        return Answered()

    async def annotate(self, asker: Asker, asked: AskedOfEvent, _data: bytes) -> Answered:
        """Take what is said of an event. Raises PermissionMissing, NotFound."""
        require_flag(asker.permissions, "annotate")
        await visible.event(self.hub, asker, asked.event)
        return Answered()

    async def detect(self, asker: Asker, _asked: Words, _data: bytes) -> Answered:
        """Find what the answers say, whatever the picture. Raises PermissionMissing."""
        require_flag(asker.permissions, "detect")
        return Answered({"objects": [each.model_dump() for each in self.answers.objects]})

    async def open_frames(self, asker: Asker, asked: AskedFrames, _data: bytes) -> Answered:
        """Begin to look at a monitor. Raises NotFound."""
        view = visible.monitor(self.hub, asker, asked.monitor)
        stream = f"{view.system}/{view.key} {len(self._streams)}"
        self._streams[stream] = 1 / asked.rate
        return Answered({"stream": stream})

    async def next_frame(self, _asker: Asker, asked: AskedFrames, _data: bytes) -> Answered:
        """Return the next picture when its time has come."""
        await self.clock.sleep(self._streams.get(asked.stream, 1.0))
        words = {"time": self.clock.now().isoformat(), "type": "image/jpeg", "size": len(JPEG), "width": 16, "height": 16}
        return Answered(words, JPEG)

    async def close_frames(self, _asker: Asker, asked: AskedFrames, _data: bytes) -> Answered:
        """Look no more."""
        self._streams.pop(asked.stream, None)
        return Answered()

    async def system(self, asker: Asker, asked: AskedOfSystem, _data: bytes) -> Answered:
        """Return how a system is. Raises NotFound."""
        view = visible.system(self.hub, asker, asked.system)
        return Answered({"state": plain(system_body(view))})

    async def bridge(self, _asker: Asker, _asked: Words, _data: bytes) -> Answered:
        """Return how the made-up bridge is: well."""
        return Answered({"version": "trial", "problem": None, "systems": sorted(self.world.systems)})

    async def logs(self, asker: Asker, _asked: Words, _data: bytes) -> Answered:
        """Return nothing: what is made up logs nothing. Raises PermissionMissing."""
        require_flag(asker.permissions, "logs")
        return Answered({"lines": []})

    async def _fade(self, key: str, seconds: float) -> None:
        await self.clock.sleep(seconds)
        self._fading.pop(key, None)
        self.tell({"state": {}, "absent": [key]})

    def _forget(self, key: str) -> None:
        if (task := self._fading.pop(key, None)) is not None:
            task.cancel()


def rows(inside: Inside) -> Sequence[ServiceRow]:
    """Return what can be asked of it."""
    return (
        ServiceRow(what="state.set", asked=AskedKept, do=inside.keep),
        ServiceRow(what="state.delete", asked=AskedKept, do=inside.delete),
        ServiceRow(what="state.clear", asked=Asked, do=inside.clear),
        ServiceRow(what="event.annotate", asked=AskedOfEvent, do=inside.annotate),
        ServiceRow(what="detect.picture", asked=Words, do=inside.detect, rate=5, most_bytes=_MOST_BYTES),
        ServiceRow(what="frames.open", asked=AskedFrames, do=inside.open_frames),
        ServiceRow(what="frames.next", asked=AskedFrames, do=inside.next_frame, rate=30, burst=60),
        ServiceRow(what="frames.close", asked=AskedFrames, do=inside.close_frames),
        ServiceRow(what="system.state", asked=AskedOfSystem, do=inside.system),
        ServiceRow(what="bridge.state", asked=Words, do=inside.bridge),
        ServiceRow(what="system.logs", asked=AskedOfSystem, do=inside.logs, rate=1),
        ServiceRow(what="bridge.logs", asked=Words, do=inside.logs, rate=1),
    )
