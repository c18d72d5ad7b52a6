"""Takes commands in: runs or refuses each, now or when it can, and sees to it that each is answered."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.commands import Ack, AckResult, Command, Origin, Target
from vms_bridge.commands.request import event_of
from vms_bridge.errors import CommandForbidden, CommandRejected, CommandTooOld, CommandUnverified, UnsupportedCommand, in_words
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.answers import TOPIC_CHARACTERS, Answers
from vms_bridge.mqtt.awaited import AwaitedSystems
from vms_bridge.mqtt.commands import MAX_PAYLOAD_BYTES, parse_request, request_id_of
from vms_bridge.mqtt.ledger import Ledger
from vms_bridge.mqtt.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from vms_bridge.clock import Clock, Moment
    from vms_bridge.commands import Action, Level, Request
    from vms_bridge.errors import BridgeError
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.mqtt.ledger import Entry
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import CommandTarget, Topics
    from vms_bridge.mqtt.wire import Message
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)

MAX_UNDER_WAY = 4096
"""How many commands may run or wait for their turn; the hub lets each system have a few at a time."""
_MAX_TO_CLEAR = 8192
_KEY_CHARACTERS = 64
_CORRELATION_BYTES = 1024
_RELEASED_AT_ONCE = 32
_ORIGIN = Origin(door="mqtt")
"""MQTT does not say who has published: the clients of a broker are one."""
_START_S = 5.0
"""What it takes at most, after a link was made, until commands are run."""


class CommandIntake:
    """Takes commands in, and answers each of them; lives longer than a link, so that acks reach the next one.

    `max_age_s` is how long a command may have waited for us at the broker and still be carried out.
    """

    def __init__(
        self, *, hub: HubView, topics: Topics, level: Level, clock: Clock, counters: Counters, max_age_s: float = 10.0
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._level = level
        self._clock = clock
        self._counters = counters
        self._max_age_s = max_age_s
        self._running: set[asyncio.Task[None]] = set()
        self._early: set[asyncio.Task[None]] = set()
        """Commands that are there before their systems."""
        self._outbox: Outbox | None = None
        self._to_clear: dict[str, None] = {}
        self._waiting: deque[Entry] = deque()
        self._releasing: asyncio.Task[None] | None = None
        self._notices = Notices(_LOGGER, clock)
        self._answers = Answers(topics=topics, clock=clock, counters=counters, notices=self._notices)
        self._awaited = AwaitedSystems(hub, clock)
        self._ledger = Ledger(hub, clock)

    @property
    def is_safe(self) -> bool:
        """Whether each command that was taken would be answered after a kill too."""
        return self._ledger.is_safe

    def settle(self, alive: Moment) -> None:
        """Forget what was over before the link was alive then."""
        self._ledger.settle(alive)

    async def open(self) -> None:
        """Take over what an earlier run has not answered."""
        for entry in await self._ledger.open():
            if entry.answer is None:
                self._waiting.append(entry)
            else:
                self._answers.give(entry.message, entry.answer, partial(self._ledger.strike_out, entry))

    async def close(self) -> None:
        """Abandon what runs: the next one takes it over."""
        tasks = self._running | self._early | ({self._releasing} if self._releasing else set())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
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
        if outbox is not None and self._waiting and (self._releasing is None or self._releasing.done()):
            self._releasing = asyncio.create_task(self._release(), name="mqtt-commands-waiting")

    def take(self, message: Message, age_s: float | None = 0.0) -> None:
        """Run or refuse what this message asks for, and answer it; it may be so old (None: that is not known)."""
        if not message.payload:  # that is how a retained message is cleared
            message.acknowledge()
            return
        if message.retained:
            self._clear(message.topic)
        if self._topics.parse_command(message.topic) is None:
            topic = message.topic[:TOPIC_CHARACTERS]
            # One subject, for whoever may publish may think of any number of topics.
            self._notices.warn("topic", f"a command on {topic!r} is refused: that is no topic of a system or monitor")
        if self._topics.stray_command(message.topic) is None:
            message.acknowledge()
            return
        message = _bounded(message)
        if message.is_repeated and request_id_of(message.payload) is not None and self._ledger.knows(message):
            message.acknowledge()  # by its id it can't be another one of the same words
            return
        entry = self._ledger.enter(message, age_s)
        if self._outbox is not None and not self._waiting:
            self._begin(entry)
        elif len(self._waiting) < MAX_UNDER_WAY:
            self._waiting.append(entry)
        else:
            self._refuse_busy(entry)

    async def _release(self) -> None:
        """Begin with what is held, giving way to others now and then; what comes meanwhile waits behind it."""
        count = 0
        while self._waiting and self._outbox is not None:
            entry = self._waiting.popleft()
            try:
                self._begin(entry)
            except Exception:  # as for one that comes now (`Inbox`): the others are run all the same
                _LOGGER.exception("a command on %s could not be handled", entry.message.topic)
            count += 1
            if count % _RELEASED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _begin(self, entry: Entry) -> None:
        """Run or refuse a command, after its system is there where it has waited for us, or others for that."""
        target = self._topics.parse_command(entry.message.topic)
        if target is None:
            self._refuse_stray(entry)
        elif not (self._is_early(entry, target.system) and self._is_fit(entry)):
            self._begin_now(entry, target)
        elif len(self._early) >= MAX_UNDER_WAY:
            self._refuse_busy(entry)
        else:
            task = asyncio.create_task(self._begin_later(entry, target), name=f"mqtt-command-{target.command}-early")
            self._early.add(task)
            task.add_done_callback(self._early.discard)

    def _is_early(self, entry: Entry, system: str) -> bool:
        """Say whether the command is there before its system, or behind one that is."""
        return self._awaited.is_awaited(system) or (_has_waited(entry) and self._awaited.is_away(system))

    async def _begin_later(self, entry: Entry, target: CommandTarget) -> None:
        await self._awaited.until_there(target.system)
        try:
            self._begin_now(entry, target)
        except Exception:
            _LOGGER.exception("a command on %s could not be handled", entry.message.topic)

    def _begin_now(self, entry: Entry, target: CommandTarget) -> None:
        try:
            request = parse_request(entry.message.payload)
            action = self._admit(target, request, entry)
            refusal = self._refusal(entry)
            if refusal is None:
                self._check_room()
            event = event_of(request, target.system) if target.is_on_event else None
        except (CommandRejected, UnsupportedCommand) as error:
            self._refuse_unread(entry, target, error)
        else:
            to = Target(system=target.system, monitor=target.monitor, event=event)
            # What is refused goes to the hub too: it may have an answer of before, and a broker that was restored brings
            # it once more, and younger.
            command = replace(self._command(entry, target.command, to, action), refusal=refusal)
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
        return self._hub.command_table.parse(target.kind, target.command, request, modes)

    def _check_room(self) -> None:
        if len(self._running) >= MAX_UNDER_WAY:
            self._counters.commands_busy += 1
            raise _busy()

    def _is_fit(self, entry: Entry) -> bool:
        """Say whether it is young enough to be run: once found to be, it stays so."""
        now = self._clock.moment()
        if not entry.is_fit:
            age_s = age_of(entry, now)
            entry.is_fit = age_s is not None and age_s <= self._max_age_s
        return entry.is_fit and not entry.is_expired(now)

    def _was_fit(self, entry: Entry) -> bool:
        return entry.age_s is not None and entry.age_s <= self._max_age_s

    def _refusal(self, entry: Entry) -> CommandTooOld | CommandUnverified | None:
        """Return why it is too old to be run, None where it is not."""
        if self._is_fit(entry):
            return None
        if entry.is_resumed and self._was_fit(entry):
            return CommandUnverified(
                "the bridge was stopped while this was under way",
                hint="it may have been carried out; the state topic says what is in force",
            )
        if entry.is_fit:
            return CommandTooOld("nothing was done: it has expired", hint="its sender has set that time")
        age_s = age_of(entry, self._clock.moment())
        how_long = "it is not known for how long" if age_s is None else f"for up to {age_s:.0f} s"
        return CommandTooOld(
            f"nothing was done: it has waited {how_long} while the bridge was away",
            hint="send it anew if it is still wanted, with another request_id; what may have waited for more than"
            f" {self._max_age_s:g} s is not carried out (`mqtt.command_age`)",
        )

    def _deadline(self, entry: Entry) -> float | None:
        expiry_s = entry.message.expiry_s
        return None if expiry_s is None else self._clock.monotonic() + expiry_s - (entry.waited_s(self._clock.moment()) or 0.0)

    async def _run(self, entry: Entry, command: Command) -> None:
        try:
            ack = await self._hub.submit(command, lambda ack: self._answers.give(entry.message, payloads.ack(ack)))
        except Exception:  # the border to the hub, which promises not to raise: whoever asked is answered all the same
            _LOGGER.exception("command %s could not be run", command.name)
            hint = "the bridge's log says more"
            ack = Ack.of(command, AckResult.FAILED, self._clock.now(), code="error", hint=hint)
        self._answer(entry, self._with_remedy(command, ack))

    def _command(self, entry: Entry, name: str, target: Target, action: Action) -> Command:
        return Command(
            target=target,
            action=action,
            name=name,
            origin=_ORIGIN,
            level=self._level,
            request_id=request_id_of(entry.message.payload),
            deadline=self._deadline(entry),
        )

    def _with_remedy(self, command: Command, ack: Ack) -> Ack:
        """Return the answer with what to do where the level does not suffice: the hub does not know how this door grants it."""
        if ack.code != CommandForbidden.code:
            return ack
        needed = self._hub.command_table.row_of(command.action).level
        return replace(ack, hint=f"the configuration does not allow this: set `mqtt.commands: {needed}` to allow it")

    def _refuse_unread(self, entry: Entry, target: CommandTarget, error: BridgeError) -> None:
        """Answer a command that does not go to the hub; whatever it names is cut to what a name may be."""
        monitor = target.monitor and target.monitor[:_KEY_CHARACTERS]
        ack = Ack(
            target=Target(system=target.system[:_KEY_CHARACTERS], monitor=monitor),
            name=target.command[:_KEY_CHARACTERS],
            result=AckResult.REFUSED,
            time=self._clock.now(),
            request_id=request_id_of(entry.message.payload),
            code=error.code,
            hint=in_words(error),
        )
        self._answer(entry, ack)

    def _refuse_stray(self, entry: Entry) -> None:
        target = self._topics.stray_command(entry.message.topic)
        if target is None:  # a note of another instance's
            self._ledger.strike_out(entry)
            return
        hint = "look up the system's key in the configuration, and the monitor's in the topics of states"
        self._refuse_unread(entry, target, CommandRejected("that is no topic of a system or monitor", hint=hint))

    def _refuse_busy(self, entry: Entry) -> None:
        topic = entry.message.topic
        target = self._topics.parse_command(topic) or self._topics.stray_command(topic)
        if target is not None:
            self._counters.commands_busy += 1
            self._refuse_unread(entry, target, _busy())

    def _answer(self, entry: Entry, ack: Ack) -> None:
        """Give the final answer once it is kept, and keep it until the broker has it."""
        payload = payloads.ack(ack)
        give = partial(self._answers.give, entry.message, payload, partial(self._ledger.strike_out, entry))
        self._ledger.answered(entry, payload, give)

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
    waited_s = entry.waited_s(now)
    if entry.age_s is None or waited_s is None:
        return None
    return entry.age_s + (waited_s if entry.is_resumed or waited_s > _START_S else 0.0)


def _bounded(message: Message) -> Message:
    """Return the message without what nobody needs to hold, however much its sender has put into it."""
    topic = "/".join(level[: 2 * _KEY_CHARACTERS] for level in message.topic.split("/"))
    payload = message.payload[: MAX_PAYLOAD_BYTES + 1]
    response_topic = message.response_topic
    if response_topic and (len(response_topic) > TOPIC_CHARACTERS or len(message.correlation or b"") > _CORRELATION_BYTES):
        response_topic = None
    return replace(
        message,
        topic=topic,
        payload=payload,
        response_topic=response_topic,
        correlation=message.correlation if response_topic else None,
    )


def _busy() -> CommandRejected:
    return CommandRejected("busy", hint=f"{MAX_UNDER_WAY} commands are under way; try again when some are answered")


def _has_waited(entry: Entry) -> bool:
    return entry.is_resumed or entry.age_s != 0.0
