"""Requests to a client: it says which kinds it answers, some part of the bridge asks, and the answer goes back to that."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from vms_bridge.api.websocket import telling
from vms_bridge.commands import Level
from vms_bridge.errors import NotFound, RequestForbidden, RequestUnanswered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.api.access import Caller
    from vms_bridge.api.websocket.said import AnswerRequest
    from vms_bridge.views import Answering, HubView

MOST_OPEN = 64
"""How many requests may wait for one client."""


class ClientRequests:
    """Those to one client; `reply` sends it a message."""

    def __init__(self, hub: HubView, caller: Caller, reply: Callable[[bytes], None]) -> None:
        self._hub, self._caller, self._reply = hub, caller, reply
        self._claimed: list[Answering] = []
        self._open: dict[str, asyncio.Future[Mapping[str, Any]]] = {}

    def claim(self, kinds: Sequence[str]) -> None:
        """Have requests of these kinds come to the client, and no others. Raises RequestForbidden or TooManyAnswering."""
        if self._caller.is_limited or not self._caller.level.includes(Level.CONTROL):
            raise RequestForbidden(
                "this token may not answer requests", hint="it takes one with the scope control, limited to nothing"
            )
        self._release()
        for kind in dict.fromkeys(kinds):
            self._claimed.append(self._hub.answering(kind, partial(self._ask, kind)))

    def answer(self, said: AnswerRequest) -> None:
        """Take an answer. Raises NotFound for a request that nobody waits for any more."""
        waiting = self._open.pop(said.id, None)
        if waiting is None or waiting.done():
            raise NotFound(f"there is no open request {said.id!r}", hint="it took too long, or was answered before")
        if said.error is not None:
            waiting.set_exception(RequestUnanswered(f"it was answered that it can't be done: {said.error}"))
        else:
            waiting.set_result(said.content or {})

    def close(self) -> None:
        """Answer nothing more: the client has gone."""
        self._release()
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_exception(
                    RequestUnanswered("who was asked has gone before the answer", hint="it may have been done all the same")
                )

    def _release(self) -> None:
        for each in self._claimed:
            each.close()
        self._claimed.clear()

    async def _ask(self, kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        if len(self._open) >= MOST_OPEN:
            raise RequestUnanswered(f"{MOST_OPEN} requests wait for that client already")
        id_ = uuid.uuid4().hex
        waiting: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._open[id_] = waiting
        try:
            self._reply(telling.message(telling.AskClient(id=id_, kind=kind, content=content)))
            return await waiting
        finally:
            self._open.pop(id_, None)
