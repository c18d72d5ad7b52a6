"""One client that is known: what it says is dealt with as it comes, what it is told is sent as fast as it reads."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from vms_bridge.api.websocket import telling
from vms_bridge.api.websocket.closing import CloseCode, Closing, defect
from vms_bridge.api.websocket.commands import Commands
from vms_bridge.api.websocket.follower import Follower
from vms_bridge.api.websocket.requests import ClientRequests
from vms_bridge.api.websocket.said import (
    MOST_BYTES,
    AnswerRequest,
    Claim,
    GiveCommand,
    Misunderstood,
    Subscribe,
    read,
)
from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from vms_bridge.api.access import Caller
    from vms_bridge.api.websocket.commands import Means
    from vms_bridge.api.websocket.live import Live, News
    from vms_bridge.api.websocket.said import Later
    from vms_bridge.api.websocket.socket import Socket
    from vms_bridge.buckets import Buckets
    from vms_bridge.tokens import Token

MOST_REPLIES = 64
"""How many answers may wait for a client to read; nothing more of what it says is heard meanwhile."""


class Session:
    """Serves one socket to its end."""

    def __init__(self, socket: Socket, caller: Caller, live: Live, means: Means, pace: Buckets) -> None:
        self._socket, self._caller, self._live, self._pace = socket, caller, live, pace
        self._replies: deque[bytes] = deque()
        self._is_room = asyncio.Event()
        self._wake = asyncio.Event()
        self._follower: Follower | None = None
        self._following: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[Closing] = asyncio.get_running_loop().create_future()
        self._commands = Commands(means, caller, self._reply)
        self._requests = ClientRequests(live.hub, caller, self._reply)

    @property
    def token(self) -> Token | None:
        """By which it came in."""
        return self._caller.token

    @property
    def unread_since(self) -> float | None:
        """Since when a message waits for the client to read."""
        return self._socket.sending_since

    def note(self, news: News) -> None:
        """Take up what has changed."""
        if self._follower is not None:
            self._follower.note(news)

    def end(self, why: Closing) -> None:
        """Come to an end."""
        if not self._ended.done():
            self._ended.set_result(why)

    async def run(self) -> Closing:
        """Serve until there is a reason to close, and return that."""
        self._live.add(self)
        tasks = [
            asyncio.create_task(self._hear(), name="api-socket-hear"),
            asyncio.create_task(self._tell(), name="api-socket-tell"),
        ]
        try:
            either: list[asyncio.Future[Any]] = [*tasks, self._ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._live.remove(self)
            self._requests.close()
            tasks += [*self._commands.tasks, *filter(None, (self._following,))]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return self._ended.result() if self._ended.done() else _reason(tasks)

    async def _hear(self) -> None:
        """Deal with what the client says. Raises Closing."""
        while True:
            text = await self._socket.receive(MOST_BYTES)
            await self._turn()
            try:
                await self._deal_with(read(text))
            except Misunderstood as mistake:
                self._reply(telling.message(telling.Complaint(id=mistake.id, code="invalid", text=mistake.reason)))

    async def _turn(self) -> None:
        """Wait while the client says too much, or does not read what it is answered."""
        token = self.token
        while token is not None and (wait_s := self._pace.take(token.id)):
            await self._live.clock.sleep(wait_s)
        while len(self._replies) >= MOST_REPLIES:
            self._is_room.clear()
            await self._is_room.wait()

    async def _deal_with(self, said: Later) -> None:
        try:
            match said:
                case Subscribe():
                    await self._subscribe(said)
                case GiveCommand():
                    await self._commands.give(said)
                case Claim():
                    self._requests.claim(said.kinds)
                case AnswerRequest():
                    self._requests.answer(said)
        except BridgeError as error:
            id_ = said.id if isinstance(said, GiveCommand | AnswerRequest) else None
            complaint = telling.Complaint(id=id_, code=error.code, text=str(error), hint=error.hint or None)
            self._reply(telling.message(complaint))

    async def _subscribe(self, asked: Subscribe) -> None:
        follower = await Follower.open(self._live, self.token, asked, self._wake)
        if self._following is not None:
            self._following.cancel()
        self._follower = follower
        self._following = asyncio.create_task(follower.follow(), name="api-socket-events")
        self._following.add_done_callback(self._followed)
        self._wake.set()

    def _followed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.end(defect(error))

    async def _tell(self) -> None:
        """Send what there is to tell. Raises Closing."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while (message := self._next()) is not None:
                await self._socket.send(message)
                await asyncio.sleep(0)  # for a client that begins there is much to be made; others go on meanwhile

    def _next(self) -> bytes | None:
        if self._replies:
            self._is_room.set()
            return self._replies.popleft()
        return None if self._follower is None else self._follower.frame()

    def _reply(self, message: bytes) -> None:
        self._replies.append(message)
        self._wake.set()


def _reason(tasks: list[asyncio.Task[None]]) -> Closing:
    """Return why a session has come to its end by itself."""
    for task in tasks:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Closing):
            return error
        if error is not None:
            return defect(error)
    return Closing(CloseCode.DONE)
