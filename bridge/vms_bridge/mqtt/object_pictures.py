"""The best pictures of what is looked for: each goes once when it is another one, behind all else, and one at a time.

They are not retained: what is looked for no more would stay on the broker for ever. So all go again over each new link, and
when Home Assistant comes up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.entities import object_parts
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from datetime import datetime

    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.objects import Watched
    from vms_bridge.views import Changes, HubView, MonitorKey

_BORROWER = "_objects"
"""As whose they wait: no script can be called so."""


class ObjectPictures:
    """Publishes them over one link."""

    def __init__(self, *, hub: HubView, topics: Topics, outbox: Outbox) -> None:
        self._hub, self._topics, self._outbox = hub, topics, outbox
        self._sent: dict[MonitorKey, dict[Watched, datetime]] = {}
        """Since when there is the picture that was sent last."""
        self._due: dict[MonitorKey, None] = {}
        self._news = asyncio.Event()

    def note(self, changes: Changes) -> None:
        """Note of which monitors there may be other pictures."""
        for key in changes.removed:
            self._sent.pop(key, None)
        for key in changes.states | changes.described:
            view = self._hub.monitor(*key)
            if view is not None and view.pictures != self._sent.get(key, {}):
                self._due[key] = None
                self._news.set()

    def repeat(self) -> None:
        """Send all of them once more."""
        self._due.update(dict.fromkeys(self._sent))
        self._sent.clear()
        self._news.set()

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._due:
                key = next(iter(self._due))
                del self._due[key]
                await self._send(key)

    async def _send(self, key: MonitorKey) -> None:
        view = self._hub.monitor(*key)
        if view is None:
            return
        sent = self._sent.setdefault(key, {})
        for part, seen in object_parts(view).items():
            since = view.pictures.get(seen.watched)
            if since is None or sent.get(seen.watched) == since:
                continue
            await self._outbox.room_for(_BORROWER)
            jpeg = self._hub.object_picture(key, seen.watched)
            if jpeg is not None:
                await self._sent_whole(self._topics.object_picture(*key, part), jpeg)
            sent[seen.watched] = since
        for gone in sent.keys() - view.pictures.keys():
            del sent[gone]

    async def _sent_whole(self, topic: str, jpeg: bytes) -> None:
        """Send one, and wait until the broker has it: only ever one is on its way."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def over(code: int) -> None:
            if not done.done():
                done.set_result(code)

        if self._outbox.post_for(_BORROWER, Post(topic=topic, payload=jpeg, retain=False, on_done=over)):
            await done
