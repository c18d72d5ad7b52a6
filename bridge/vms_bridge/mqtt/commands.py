"""Commands that come in by MQTT: from topic and payload to the hub, and the acks back."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vms_bridge.commands import (
    Ack,
    AckResult,
    Action,
    Command,
    Restart,
    SetAlarm,
    SetArmed,
    SetDetection,
    SetMode,
    SetRunState,
)
from vms_bridge.entities import ADMIN_COMMANDS
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.answers import TOPIC_CHARACTERS, Answers
from vms_bridge.mqtt.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import CommandTarget, Topics
    from vms_bridge.mqtt.wire import Message
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 4096
MAX_UNDER_WAY = 4096
"""How many commands may run or wait for their turn; the hub lets each system have a few at a time."""
_MAX_TO_CLEAR = 8192
_REASON_CHARACTERS = 200
_LEVELS = ("none", "control", "admin")


RequestId = Annotated[str, Field(min_length=1, max_length=128)]


class Request(BaseModel):
    """A command's payload in JSON; the plain text `ON` is the same as `{"value": "ON"}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Annotated[str, Field(max_length=128)] | bool | None = None
    on: bool | None = None
    request_id: RequestId | None = None
    cause: Annotated[str, Field(max_length=64)] | None = None
    text: Annotated[str, Field(max_length=256)] | None = None
    score: Annotated[int, Field(ge=0, le=255)] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, strict=False)] | None = None


class _Identity(BaseModel):
    """The one field that is worth reading in a payload that is wrong."""

    request_id: RequestId | None = None


def parse_request(payload: bytes) -> Request:
    """Read plain text or a JSON object. Raises CommandRejected, with a hint, for anything else."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise CommandRejected("the payload is too large", hint=f"a command has at most {MAX_PAYLOAD_BYTES} bytes")
    try:
        text = payload.decode().strip()
        if text.startswith("{"):
            return Request.model_validate_json(text)
        return Request(value=text)
    except UnicodeDecodeError:
        raise CommandRejected("the payload is not UTF-8", hint="send text, as ON, or JSON") from None
    except ValidationError as error:
        raise CommandRejected("the payload can't be understood", hint=_explain(error)) from None


def request_id_of(payload: bytes) -> str | None:
    """Return the `request_id` of a payload that may be wrong otherwise, so that even its refusal can be told apart."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        return _Identity.model_validate_json(payload).request_id
    except ValidationError:
        return None


def to_action(target: CommandTarget, request: Request, modes: Mapping[str, Sequence[str]]) -> Action:
    """Return what is asked for; `modes` are those that the monitor has. Raises CommandRejected or UnsupportedCommand."""
    if target.command != "alarm" and (request.cause, request.text, request.score, request.seconds) != (None,) * 4:
        raise CommandRejected("cause, text, score and seconds belong to alarm", hint="leave them out")
    if target.monitor is None:
        if target.command != "run_state":
            raise UnsupportedCommand(f"a system has no command {target.command!r}", hint="a system takes run_state")
        return SetRunState(name=_word(request))
    if target.command in _SIMPLE:
        return _SIMPLE[target.command](request)
    mode = target.command
    if mode == "mode" and "mode" not in modes and len(modes) == 1:
        mode = next(iter(modes))
    if mode in modes or mode in _MODES:
        return SetMode(mode=mode, value=_word(request))
    known = ", ".join([*_SIMPLE, "mode", *(each for each in modes if each != "mode")])
    raise UnsupportedCommand(f"a monitor has no command {target.command[:64]!r}", hint=f"it takes {known}")


class CommandIntake:
    """Takes commands in, and answers each of them; lives longer than a link, so that acks reach the next one."""

    def __init__(self, *, hub: HubView, topics: Topics, level: str, clock: Clock, counters: Counters) -> None:
        self._hub = hub
        self._topics = topics
        self._level = level
        self._clock = clock
        self._counters = counters
        self._running: set[asyncio.Task[None]] = set()
        self._outbox: Outbox | None = None
        self._to_clear: dict[str, None] = {}
        self._notices = Notices(_LOGGER, clock)
        self._answers = Answers(topics=topics, clock=clock, counters=counters, notices=self._notices)

    def attach(self, outbox: Outbox | None) -> None:
        """Send acks by this outbox from now on, first those that no link has brought to the broker; None: there is none."""
        self._outbox = outbox
        if outbox is not None:
            for topic in self._to_clear:
                outbox.clear(topic)
            self._to_clear.clear()
        self._answers.attach(outbox)

    def take(self, message: Message) -> None:
        """Run or refuse what this message asks for, and answer it."""
        target = self._topics.parse_command(message.topic)
        if not message.payload:
            return  # that is how a retained message is cleared
        if message.retained:
            self._clear(message.topic)
        if target is None:
            topic = message.topic[:TOPIC_CHARACTERS]
            # One subject, for whoever may publish may think of any number of topics.
            self._notices.warn("topic", f"a command on {topic!r} is ignored: that is no topic of a system or monitor")
            return
        request_id = request_id_of(message.payload)
        try:
            request = parse_request(message.payload)
            action = self._admit(target, request, retained=message.retained)
        except (CommandRejected, UnsupportedCommand) as error:
            asked = SetMode(mode=target.command, value="")
            command = _command(target, asked, request_id)
            hint = f"{error}; {error.hint}" if error.hint else str(error)
            self._answer(
                message, Ack(command=command, result=AckResult.REFUSED, time=self._clock.now(), code=error.code, hint=hint)
            )
            return
        task = asyncio.create_task(
            self._run(message, _command(target, action, request_id)), name=f"mqtt-command-{target.command}"
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Abandon what runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._answers.close()

    def _admit(self, target: CommandTarget, request: Request, *, retained: bool) -> Action:
        if retained:
            raise CommandRejected(
                "the message was retained", hint="publish commands without the retain flag; it has been cleared"
            )
        needed = "admin" if target.command in ADMIN_COMMANDS else "control"
        if _LEVELS.index(self._level) < _LEVELS.index(needed):
            raise CommandRejected("the configuration does not allow this", hint=f"set `mqtt.commands: {needed}` to allow it")
        modes: Mapping[str, Sequence[str]] = {}
        if target.monitor is not None:
            monitor = self._hub.monitor(target.system, target.monitor)
            if monitor is None:
                raise CommandRejected(
                    f"there is no monitor {target.monitor} in {target.system}", hint="look up its key in the topics"
                )
            modes = monitor.monitor.modes
        elif target.system not in self._hub.systems:
            raise CommandRejected(f"there is no system {target.system}", hint="look up its key in the configuration")
        action = to_action(target, request, modes)
        if len(self._running) >= MAX_UNDER_WAY:
            self._counters.commands_busy += 1
            raise CommandRejected("busy", hint=f"{MAX_UNDER_WAY} commands are under way; try again when some are answered")
        return action

    async def _run(self, message: Message, command: Command) -> None:
        try:
            ack = await self._hub.submit(command, lambda ack: self._answer(message, ack))
        except Exception:  # the border to the hub, which promises not to raise: whoever asked is answered all the same
            _LOGGER.exception("command %s could not be run", command.name)
            hint = "the bridge's log says more"
            ack = Ack(command=command, result=AckResult.FAILED, time=self._clock.now(), code="error", hint=hint)
        self._answer(message, ack)

    def _answer(self, message: Message, ack: Ack) -> None:
        self._answers.give(message, payloads.ack(ack))

    def _clear(self, topic: str) -> None:
        """Take a retained command off the broker, as soon as there is a link."""
        if self._outbox is not None:
            self._outbox.clear(topic)
        elif len(self._to_clear) < _MAX_TO_CLEAR:
            self._to_clear[topic] = None


def _command(target: CommandTarget, action: Action, request_id: str | None) -> Command:
    return Command(
        system=target.system, monitor=target.monitor, action=action, name=target.command, request_id=request_id, origin="mqtt"
    )


def _alarm(request: Request) -> SetAlarm:
    details = {
        name: value
        for name, value in (
            ("cause", request.cause),
            ("text", request.text),
            ("score", request.score),
            ("seconds", request.seconds),
        )
        if value is not None
    }
    on = bool(details) if request.on is None and request.value is None and details else _switch(request)
    return SetAlarm(on=on, **details)  # type: ignore[arg-type]  # each came from the field of its name


def _switch(request: Request) -> bool:
    for asked in (request.on, request.value):
        if isinstance(asked, bool):
            return asked
        if isinstance(asked, str) and asked.upper() in {"ON", "OFF"}:
            return asked.upper() == "ON"
    raise CommandRejected("neither ON nor OFF", hint='send ON, OFF, or JSON as {"value": "ON"}')


def _word(request: Request) -> str:
    if not isinstance(request.value, str) or not request.value or not request.value.isprintable():
        raise CommandRejected("the value is missing", hint='send the value as plain text, or JSON as {"value": "..."}')
    return request.value


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"[:_REASON_CHARACTERS] if where else first["msg"][:_REASON_CHARACTERS]


_SIMPLE: Mapping[str, Callable[[Request], Action]] = {
    "armed": lambda request: SetArmed(on=_switch(request)),
    "alarm": _alarm,
    "detection": lambda request: SetDetection(on=_switch(request)),
    "restart": lambda _request: Restart(),
}
_MODES = frozenset({"mode", "function", "capturing", "analysing", "recording"})
"""Modes by which a monitor is asked for even where it has none, so that the hub explains why not."""
