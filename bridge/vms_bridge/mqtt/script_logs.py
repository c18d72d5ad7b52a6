"""The lines of scripts' logs over MQTT, where the configuration asks for them: as they come, and no faster than they may."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.entities.states import encode
from vms_bridge.errors import BridgeError
from vms_bridge.mqtt.bodies import ScriptLineBody
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.scripting import ScriptLine, Scripts
    from vms_bridge.views import HubView

MOST_WAITING = 500
_MOST_CHARACTERS = 2_000


class ScriptLogs:
    """Publishes over one link. Lines that the link is too slow for are dropped, the oldest first: they are in the log."""

    def __init__(self, hub: HubView, topics: Topics, outbox: Outbox) -> None:
        self._hub, self._topics, self._outbox = hub, topics, outbox
        self._waiting: deque[ScriptLine] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self._heard_by: Scripts | None = None
        self._stop: Callable[[], None] | None = None

    def look(self) -> None:
        """Listen to those who run scripts now, who may be others than before."""
        desk = self._hub.scripts
        try:
            current = desk.current if desk.is_there else None
        except BridgeError:  # they have just been taken away
            current = None
        if current is self._heard_by:
            return
        self._deafen()
        if current is not None:
            self._heard_by, self._stop = current, current.listen(self._heard)

    async def run(self) -> NoReturn:
        """Publish until cancelled, behind all of the bridge's own."""
        self.look()
        try:
            while True:
                self._news.clear()
                await self._news.wait()
                while self._waiting:
                    line = self._waiting[0]
                    post = Post(topic=self._topics.script_log(line.script), payload=_line(line))
                    if self._outbox.post_for(line.script, post):
                        self._waiting.popleft()
                    else:
                        await self._outbox.room_for(line.script)
        finally:
            self._deafen()

    def _heard(self, line: ScriptLine) -> None:
        self._waiting.append(line)
        self._news.set()

    def _deafen(self) -> None:
        if self._stop is not None:
            self._stop()
        self._heard_by = self._stop = None


def _line(line: ScriptLine) -> bytes:
    return encode(
        ScriptLineBody(number=line.number, time=line.time, level=line.level, text=line.text[:_MOST_CHARACTERS], line=line.line)
    )
