"""Commands: which there are, and one of them to its verified end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from vms_bridge.api import route
from vms_bridge.api.commanding import command_of
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.commands import CommandBody, CommandKind, Commands
from vms_bridge.api.models.states import Ack as AckBody
from vms_bridge.api.replies import reply, reply_raw
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.running import Runner
from vms_bridge.api.searching import NO_INDEX
from vms_bridge.bodies import answer
from vms_bridge.commands import Ack, TargetKind
from vms_bridge.commands.bridge import BRIDGE
from vms_bridge.entities.states import encode
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.commands import Command, CommandRow
    from vms_bridge.commands.bridge import BridgeRow

LINES = "application/x-ndjson"
SERVER_EVENTS = "text/event-stream"
RUNNER: web.AppKey[Runner] = web.AppKey("RUNNER", Runner)


async def _list(request: web.Request) -> web.StreamResponse:
    table = request.app[CONTEXT].hub.command_table
    kinds = [*(_kind(row) for row in table.rows), *(_bridge_kind(row) for row in BRIDGE)]
    return reply(request, Commands(commands=tuple(kinds)))


async def _give(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    asked = await route.body(request, CommandBody)
    made = await command_of(context.hub, caller_of(request), asked, context.clock.now())
    stream = _stream_asked_for(request)
    if stream is not None:
        return await _follow(request, made, stream)
    ack = made if isinstance(made, Ack) else await request.app[RUNNER].run(made)
    return reply_raw(request, encode(answer(ack)))


async def _follow(request: web.Request, made: Command | Ack, content_type: str) -> web.StreamResponse:
    """Answer with each word on how it goes as it comes, the last of which is what became of it."""
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: "no-store"})
    await response.prepare(request)
    if isinstance(made, Ack):
        await response.write(_written(made, content_type))
    else:
        async for ack in request.app[RUNNER].follow(made):
            await response.write(_written(ack, content_type))
    await response.write_eof()
    return response


def _written(ack: Ack, content_type: str) -> bytes:
    said = encode(answer(ack))
    return said + b"\n" if content_type == LINES else b"event: " + ack.result.encode() + b"\ndata: " + said + b"\n\n"


def _stream_asked_for(request: web.Request) -> str | None:
    """Return in which form progress is wanted, None where the end alone is."""
    wanted = [each.partition(";")[0].strip().lower() for each in request.headers.get(hdrs.ACCEPT, "").split(",")]
    return next((each for each in wanted if each in {LINES, SERVER_EVENTS}), None)


def _kind(row: CommandRow[Any]) -> CommandKind:
    return CommandKind(
        name=row.name,
        names=row.names,
        target=row.target,
        level=row.level,
        payload=row.payload,
        details=row.details,
        meaning=row.meaning,
        needs=row.needs,
        within=row.timeout_s,
        is_long=row.is_long,
    )


def _bridge_kind(row: BridgeRow[Any]) -> CommandKind:
    return CommandKind(
        name=row.name,
        target=TargetKind.BRIDGE,
        level=row.level,
        payload=row.payload,
        details=(),
        meaning=row.meaning,
        needs=None,
        within=None,
        is_long=False,
    )


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/commands",
        name="list_commands",
        subject="commands",
        scope=Scope.READ,
        reach=Reach.ALL,
        handler=_list,
        summary="Every command that there is",
        answers={200: Answer(meaning="the commands", contents=(Commands,))},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/commands",
        name="give_command",
        subject="commands",
        scope=Scope.CONTROL,
        reach=Reach.NAMED,
        handler=_give,
        summary="Give a command, and learn what became of it",
        description=(
            "The answer comes once the VMS shows the effect; `result` says what became of it, also where that is a refusal. With "
            f"`Accept: {LINES}` or `{SERVER_EVENTS}` `running` is reported meanwhile. A `request_id` is this token's "
            "own: the same command with the same id is run once, and answered as often as it is asked."
        ),
        body=CommandBody,
        answers={200: Answer(meaning="what became of it", contents=(AckBody, LINES, SERVER_EVENTS))},
        refusals={
            404: "there is no such target",
            502: NO_INDEX,
            503: "the index can't be read, to find an event by its id",
            504: NO_INDEX,
        },
    ),
)
