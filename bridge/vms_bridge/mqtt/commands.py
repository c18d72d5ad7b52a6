"""Commands that come in by MQTT: from topic and payload to the hub, and the acks back."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
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
from vms_bridge.errors import CommandRejected, CommandTooOld, CommandUnverified, UnsupportedCommand
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.answers import TOPIC_CHARACTERS, Answers
from vms_bridge.mqtt.awaited import AwaitedSystems
from vms_bridge.mqtt.ledger import Ledger
from vms_bridge.mqtt.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from vms_bridge.clock import Clock, Moment
    from vms_bridge.errors import BridgeError
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.mqtt.ledger import Entry
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import CommandTarget, Topics
    from vms_bridge.mqtt.wire import Message
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)

MAX_PAYLOAD_BYTES = 4096
MAX_UNDER_WAY = 4096
"""How many commands may run or wait for their turn; the hub lets each system have a few at a time."""
_MAX_TO_CLEAR = 8192
_START_S = 5.0
"""What it takes at most, after a link was made, until commands are run."""
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
    """Takes commands in, and answers each of them; lives longer than a link, so that acks reach the next one.

    `max_age_s` is how long a command may have waited for us at the broker and still be carried out.
    """

    def __init__(
        self, *, hub: HubView, topics: Topics, level: str, clock: Clock, counters: Counters, max_age_s: float = 10.0
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._level = level
        self._clock = clock
        self._counters = counters
        self._max_age_s = max_age_s
        self._running: set[asyncio.Task[None]] = set()
        self._outbox: Outbox | None = None
        self._to_clear: dict[str, None] = {}
        self._held: list[Entry] = []
        self._notices = Notices(_LOGGER, clock)
        self._answers = Answers(topics=topics, clock=clock, counters=counters, notices=self._notices)
        self._awaited = AwaitedSystems(hub, clock)
        self._ledger = Ledger(hub, clock)

    @property
    def is_safe(self) -> bool:
        """Whether each command that was taken would be answered after a kill too."""
        return self._ledger.is_safe

    async def open(self) -> None:
        """Take over what an earlier run has not answered."""
        for entry in await self._ledger.open():
            if entry.answer is None:
                self._held.append(entry)
            else:
                self._answers.give(entry.message, entry.answer, partial(self._ledger.strike_out, entry))

    async def close(self) -> None:
        """Abandon what runs: the next one takes it over."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._awaited.close()
        await self._answers.close()
        await self._ledger.close()

    def attach(self, outbox: Outbox | None) -> None:
        """Send acks by this outbox from now on, first those that no link has brought to the broker; None: there is none.

        Commands that came while there was none are run now.
        """
        self._outbox = outbox
        if outbox is not None:
            for topic in self._to_clear:
                outbox.clear(topic)
            self._to_clear.clear()
        self._answers.attach(outbox)
        if outbox is not None:
            held, self._held = self._held, []
            for entry in held:
                self._begin(entry)

    def take(self, message: Message, age_s: float | None = 0.0) -> None:
        """Run or refuse what this message asks for, and answer it; it may be so old (None: that is not known)."""
        target = self._topics.parse_command(message.topic)
        if message.retained and message.payload:
            self._clear(message.topic)
        if target is None or not message.payload:  # a retained message is cleared by one without a payload
            message.acknowledge()
        if not message.payload:
            return
        if target is None:
            topic = message.topic[:TOPIC_CHARACTERS]
            # One subject, for whoever may publish may think of any number of topics.
            self._notices.warn("topic", f"a command on {topic!r} is ignored: that is no topic of a system or monitor")
            return
        entry = self._ledger.enter(message, age_s)
        if self._outbox is None and len(self._held) < MAX_UNDER_WAY:
            self._held.append(entry)
        else:
            self._begin(entry)

    def _begin(self, entry: Entry) -> None:
        """Run or refuse a command, after its system is there where it has waited for us, or others for that."""
        target = self._topics.parse_command(entry.message.topic)
        if target is None:  # a note of another instance's
            self._ledger.strike_out(entry)
        elif self._is_early(entry, target.system) and self._is_fit(entry):
            self._start(self._begin_later(entry, target), target)
        else:
            self._begin_now(entry, target)

    def _is_early(self, entry: Entry, system: str) -> bool:
        """Say whether the command is there before its system, or behind one that is."""
        return self._awaited.is_awaited(system) or (_has_waited(entry) and self._awaited.is_away(system))

    async def _begin_later(self, entry: Entry, target: CommandTarget) -> None:
        await self._awaited.until_there(target.system)
        self._begin_now(entry, target)

    def _begin_now(self, entry: Entry, target: CommandTarget) -> None:
        request_id = request_id_of(entry.message.payload)
        try:
            request = parse_request(entry.message.payload)
            action = self._admit(target, request, entry)
        except (CommandRejected, UnsupportedCommand) as error:
            self._refuse(entry, _command(target, SetMode(mode=target.command, value=""), request_id), error)
        except CommandUnverified as error:
            self._refuse(entry, _command(target, SetMode(mode=target.command, value=""), request_id), error, AckResult.TIMEOUT)
        else:
            command = _command(target, action, request_id, deadline=self._deadline(entry))
            self._start(self._run(entry, command), target)

    def _start(self, work: Coroutine[None, None, None], target: CommandTarget) -> None:
        task = asyncio.create_task(work, name=f"mqtt-command-{target.command}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _admit(self, target: CommandTarget, request: Request, entry: Entry) -> Action:
        if entry.message.retained:
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
        self._check_age(entry)
        if len(self._running) >= MAX_UNDER_WAY:
            self._counters.commands_busy += 1
            raise CommandRejected("busy", hint=f"{MAX_UNDER_WAY} commands are under way; try again when some are answered")
        return action

    def _is_fit(self, entry: Entry) -> bool:
        """Say whether it is young enough to be run: once found to be, it stays so."""
        now = self._clock.moment()
        if not entry.is_fit:
            age_s = age_of(entry, now)
            entry.is_fit = age_s is not None and age_s <= self._max_age_s
        return entry.is_fit and not entry.is_expired(now)

    def _check_age(self, entry: Entry) -> None:
        """Let only what is young enough be run. Raises CommandTooOld, or CommandUnverified for what may have been."""
        if self._is_fit(entry):
            return
        if entry.is_resumed:
            raise CommandUnverified(
                "the bridge was stopped while this was under way",
                hint="it may have been carried out; the state topic tells what is in force",
            )
        if entry.is_fit:
            raise CommandTooOld("nothing was done: it has expired", hint="its sender has set that time")
        age_s = age_of(entry, self._clock.moment())
        how_long = "it is not known for how long" if age_s is None else f"for up to {age_s:.0f} s"
        raise CommandTooOld(
            f"nothing was done: it has waited {how_long} while the bridge was away",
            hint=f"send it again if it is still wanted; what may have waited for more than {self._max_age_s:g} s is not carried"
            " out (`mqtt.command_age`)",
        )

    def _deadline(self, entry: Entry) -> float | None:
        expiry_s = entry.message.expiry_s
        return None if expiry_s is None else self._clock.monotonic() + expiry_s - (entry.held_s(self._clock.moment()) or 0.0)

    async def _run(self, entry: Entry, command: Command) -> None:
        try:
            ack = await self._hub.submit(command, lambda ack: self._answers.give(entry.message, payloads.ack(ack)))
        except Exception:  # the border to the hub, which promises not to raise: whoever asked is answered all the same
            _LOGGER.exception("command %s could not be run", command.name)
            hint = "the bridge's log says more"
            ack = Ack(command=command, result=AckResult.FAILED, time=self._clock.now(), code="error", hint=hint)
        self._answer(entry, ack)

    def _refuse(self, entry: Entry, command: Command, error: BridgeError, result: AckResult = AckResult.REFUSED) -> None:
        hint = f"{error}; {error.hint}" if error.hint else str(error)
        self._answer(entry, Ack(command=command, result=result, time=self._clock.now(), code=error.code, hint=hint))

    def _answer(self, entry: Entry, ack: Ack) -> None:
        """Give the final answer, and keep it until the broker has it."""
        payload = payloads.ack(ack)
        self._ledger.answered(entry, payload)
        self._answers.give(entry.message, payload, partial(self._ledger.strike_out, entry))

    def _clear(self, topic: str) -> None:
        """Take a retained command off the broker, as soon as there is a link."""
        if self._outbox is not None:
            self._outbox.clear(topic)
        elif len(self._to_clear) < _MAX_TO_CLEAR:
            self._to_clear[topic] = None


def age_of(entry: Entry, now: Moment) -> float | None:
    """Return how old the command may be; None where that is not known.

    While a link is made it does not grow older: all that waited are judged by how long the bridge was away.
    """
    held_s = entry.held_s(now)
    if entry.age_s is None or held_s is None:
        return None
    return entry.age_s + (held_s if entry.is_resumed or held_s > _START_S else 0.0)


def _has_waited(entry: Entry) -> bool:
    return entry.is_resumed or entry.age_s != 0.0


def _command(target: CommandTarget, action: Action, request_id: str | None, deadline: float | None = None) -> Command:
    return Command(
        system=target.system,
        monitor=target.monitor,
        action=action,
        name=target.command,
        request_id=request_id,
        origin="mqtt",
        deadline=deadline,
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
