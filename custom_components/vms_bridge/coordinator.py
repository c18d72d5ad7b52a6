"""One bridge, followed: the coordinator keeps the line, knows what is so now, and tells each entity what concerns it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry
from homeassistant.core import callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady, HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util

from . import repairs
from .claims import Claim
from .const import CONF_BRIDGE_ID, DOMAIN, LOGGER
from .cursor import Cursor
from .devices import Devices
from .ears import Ears
from .errors import BridgeError, Busy, CannotConnect, Impostor, NotABridge, NotAllowed, NotFound, Refused, TokenRefused
from .event_age import is_old
from .live import follow
from .notifying import Notifier
from .world import BRIDGE, MonitorData, News, SystemData, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant

    from .client import BridgeClient
    from .live import Item
    from .models import Ack, Info, JsonObject, Target, Welcome

__all__ = ["MonitorData", "SystemData", "VmsBridgeConfigEntry", "VmsBridgeCoordinator"]

START_S: Final = 30.0
"""How long set-up waits until all that is current is known."""
SYNC_S: Final = 60.0
"""How long that may take whenever the line comes back."""
FIRST_WAIT_S: Final = 1.0
MOST_WAIT_S: Final = 60.0
MOST_WAIT_FOR_NOBODY_S: Final = 8.0
"""How long to wait at most before the next attempt."""
_LEVELS = ("read", "control", "admin")

type VmsBridgeConfigEntry = ConfigEntry[VmsBridgeCoordinator]


class VmsBridgeCoordinator:
    """What is known of one bridge, from the config entry's set-up to its unloading.

    `is_connected` holds from the moment when all that is current has come until the line is lost. Readers get values that do
    not change; who wants to hear of changes listens.
    """

    def __init__(self, hass: HomeAssistant, entry: VmsBridgeConfigEntry, client: BridgeClient) -> None:
        self.hass, self.entry, self.client = hass, entry, client
        self.bridge_id: str = entry.data[CONF_BRIDGE_ID]
        self.devices = Devices(hass, entry, self.bridge_id)
        self.info: Info | None = None
        """What it says of itself to anybody; None before it was asked first."""
        self.version: str | None = None
        self.scope = "read"
        self.is_connected = False
        self.connects = 0
        """How often all that is current has come."""
        self.lost_at: datetime | None = None
        self._world = World()
        self._ears = Ears()
        self._cursor = Cursor(hass, entry.entry_id)
        self._claim = Claim(hass, entry, client)
        self._notifier = Notifier(hass, entry, client)
        self._skew_s = 0.0
        """How far the bridge's clock is ahead of ours."""
        self._is_told = False
        """Whether the log has said that the line is lost."""
        self._reported: type[BridgeError] | None = None
        """What people were asked to mend last."""
        self._shapes_due: asyncio.Handle | None = None
        self._started: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._is_begun = asyncio.Event()

    @property
    def systems(self) -> Mapping[str, SystemData]:
        """Every system, by key."""
        return self._world.systems

    @property
    def monitors(self) -> Mapping[tuple[str, str], MonitorData]:
        """Every monitor, by the keys of its system and its own."""
        return self._world.monitors

    @property
    def health(self) -> JsonObject:
        """How the bridge itself fares, as in the item `bridge`; empty where the token may not know."""
        return self._world.health

    @property
    def notices(self) -> Sequence[JsonObject]:
        """What the bridge wants people to know."""
        return self._world.notices

    @property
    def world(self) -> World:
        """All of this in one, as it is now."""
        return self._world

    @property
    def cursor(self) -> str | None:
        """Up to where event messages have been dealt with."""
        return self._cursor.place

    def system(self, target: Target) -> SystemData | None:
        """Return the system of a target; None where there is none."""
        return None if target.system is None else self._world.systems.get(target.system)

    def monitor(self, target: Target) -> MonitorData | None:
        """Return the monitor that is the target; None where there is none."""
        if target.system is None or target.monitor is None:
            return None
        return self._world.monitors.get((target.system, target.monitor))

    def may(self, level: str) -> bool:
        """Say whether the token's scope includes this one."""
        return level in _LEVELS and self.scope in _LEVELS and _LEVELS.index(self.scope) >= _LEVELS.index(level)

    async def async_start(self) -> None:
        """Begin to follow the bridge; return when all that is current is known. What follows waits for `begin`.

        Raises ConfigEntryAuthFailed where the bridge does not know the token (or another one answers), else ConfigEntryNotReady.
        """
        await self._cursor.load()
        self._started = self.hass.loop.create_future()
        self._task = self.entry.async_create_background_task(self.hass, self._run(), name=f"{DOMAIN} {self.bridge_id}")
        try:
            async with asyncio.timeout(START_S):
                await self._started
        except (BridgeError, TimeoutError) as error:
            raise self._not_ready(error) from error
        finally:
            if not self.is_connected:
                self._task.cancel()

    @callback
    def begin(self) -> None:
        """Go on to what changes and happens: who wants to hear of it listens by now."""
        self._is_begun.set()

    @callback
    def hurry(self) -> None:
        """Try again at once where the line is lost: somebody has heard of the bridge."""
        self._hurry.set()

    async def async_stop(self) -> None:
        """Follow no more, and keep what must not be lost."""
        self.is_connected = False
        self._claim.rest()
        if self._task is not None:
            self._task.cancel()
        if self._shapes_due is not None:
            self._shapes_due.cancel()
        await self._cursor.save()

    @callback
    def listen(self, target: Target, heard: Callable[[], None]) -> CALLBACK_TYPE:
        """Call when something of exactly this target has changed, or the line was lost or has come back."""
        return self._ears.listen(target, heard)

    @callback
    def listen_events(self, system: str, monitor: str, heard: Callable[[JsonObject, bool], None]) -> CALLBACK_TYPE:
        """Call with each event message of the monitor, and whether it is old news, for which nothing is to fire."""
        return self._ears.listen_events((system, monitor), heard)

    @callback
    def listen_shapes(self, heard: Callable[[], None]) -> CALLBACK_TYPE:
        """Call when there is another system, monitor, zone or storage, one less, or one can do something else."""
        return self._ears.listen_shapes(heard)

    async def command(
        self,
        target: Target,
        command: str,
        value: object = None,
        *,
        context: Context | None,
        **fields: object,
    ) -> None:
        """Have the bridge do something for a user of Home Assistant.

        Raises ServiceValidationError with the reason where it refuses, HomeAssistantError where it fails or nobody answers.
        """
        if not self.is_connected:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_connected")
        try:
            ack = await self.client.command(
                target, command, value, request_id=uuid4().hex, on_behalf_of=await self._user(context), **fields
            )
        except (NotAllowed, NotFound, Refused) as error:
            raise _refused(error.detail) from error
        except BridgeError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="command_unanswered", translation_placeholders={"reason": error.detail}
            ) from error
        _raise_for(ack)

    async def _user(self, context: Context | None) -> str | None:
        """Return the name of the user for whom something is done; None where that is nobody, as with an automation."""
        if context is None or context.user_id is None:
            return None
        user = await self.hass.auth.async_get_user(context.user_id)
        name = context.user_id if user is None or not user.name else user.name
        return "".join(char for char in name if char.isprintable())[:128] or None

    async def _run(self) -> None:
        """Follow the bridge again and again until cancelled; once only where the first attempt fails."""
        wait_s = FIRST_WAIT_S
        while True:
            error = await self._follow_once()
            if self._started is not None:
                self._begun(error)
                return
            if self.is_connected:
                wait_s = FIRST_WAIT_S
            self._lose(error)
            await self._pause(_pause_s(error, wait_s))
            wait_s = min(2 * wait_s, MOST_WAIT_S)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _follow_once(self) -> BridgeError:
        """Follow the bridge over one line; return why that has ended."""
        try:
            await self._follow()
        except Refused as error:
            if self.cursor is None or "after" not in error.fields:
                return error
            self._cursor.forget()  # the bridge can't read it
            return await self._follow_once()
        except BridgeError as error:
            return error
        except Exception:  # noqa: BLE001  # else nobody would learn that what is shown is no longer followed
            LOGGER.exception("A defect: the bridge %s is followed anew", self.entry.title)
        return BridgeError("what the bridge said could not be dealt with: see the log")

    async def _follow(self) -> None:
        """Follow the bridge over one line. Raises BridgeError, always: that is how a line ends."""
        coming: World | None = World()
        try:
            async with asyncio.timeout(SYNC_S) as limit:
                self.info = await self.client.info()  # which raises for another bridge, and for one of another time
                async with aclosing(follow(self.client, cursor=self.cursor, subscribe={})) as items:
                    async for item in items:
                        if coming is None:
                            self._take(item)
                        elif item.what == "connected":
                            self._connected(item.value)
                        elif item.what == "synced":
                            limit.reschedule(None)
                            self._synced(coming, item.cursor)
                            coming = None
                            await self._is_begun.wait()
                            await self._notifier.begin(may_command=self.may("control"))
                        else:
                            _take_up(coming, item)
        except TimeoutError as error:
            raise CannotConnect(f"the bridge did not say all that is current within {SYNC_S:g} s") from error
        raise CannotConnect("the bridge has ended the connection")

    @callback
    def _connected(self, welcome: Welcome) -> None:
        """Take up what the bridge has said as it let us in."""
        self.version = welcome.version[:64] or None
        self.scope = welcome.scope
        self._skew_s = 0.0 if welcome.time is None else welcome.time - dt_util.utcnow().timestamp()

    @callback
    def _synced(self, world: World, cursor: str | None) -> None:
        """All that is current has come."""
        self._world = world
        self.is_connected = True
        self._hurry.clear()
        self.connects += 1
        self.lost_at = None
        self._cursor.move(cursor)
        self.devices.register(world, name=self.info.name if self.info is not None else "", version=self.version)
        if self._is_told:
            self._is_told = False
            LOGGER.info("The bridge %s is back", self.entry.title)
        self._reported = None
        repairs.async_clear(self.hass, self.entry)
        for flow in list(self.entry.async_get_active_flows(self.hass, {SOURCE_REAUTH})):
            self.hass.config_entries.flow.async_abort(flow["flow_id"])  # it has let us in: nobody need do anything
        self._claim.keep(self.scope)
        if self._started is not None:
            self._begun(None)
        self._ears.tell_shapes()
        self._ears.tell_all()

    @callback
    def _take(self, item: Item) -> None:
        """Take up a change, or an event message."""
        match item.what:
            case "event":
                self._take_event(item)
            case "request":
                self._notifier.take(item.value)
            case "gap":
                LOGGER.warning("The bridge %s may have had events that are not known here", self.entry.title)
                self._cursor.move(item.cursor)
            case "cursor":
                self._cursor.move(item.cursor)
            case _:
                news = _take_up(self._world, item)
                if news is not None:
                    self._tell(news)

    @callback
    def _tell(self, news: News) -> None:
        if news.is_shape:
            self.devices.register_one(self._world, news.target)
            self._ears.tell(BRIDGE)  # it shows how many there are
            if self._shapes_due is None:  # where a whole system comes, once for all that is in a message
                self._shapes_due = self.hass.loop.call_soon(self._tell_shapes)
        if news.target.monitor is None and not self._world.has(news.target):
            self._ears.tell_system(news.target.system)  # its monitors went with it
        else:
            self._ears.tell(news.target)

    @callback
    def _tell_shapes(self) -> None:
        self._shapes_due = None
        self._ears.tell_shapes()

    @callback
    def _take_event(self, item: Item) -> None:
        message = item.value
        if isinstance(message, dict) and isinstance(system := message.get("system"), str):
            monitor = message.get("monitor")
            if isinstance(monitor, str):
                is_past = (item.replayed or message.get("late") is True) and is_old(message, self.entry, self._skew_s)
                self._ears.tell_event((system, monitor), message, is_past)
        self._cursor.move(item.cursor)

    @callback
    def _lose(self, error: BridgeError) -> None:
        """Be without the bridge, and say so once."""
        was_connected, self.is_connected = self.is_connected, False
        self._claim.rest()
        if not self._is_told:
            self._is_told = True
            LOGGER.warning("The bridge %s is lost: %s", self.entry.title, error.detail)
        if type(error) is not self._reported:
            self._reported = type(error)
            self._report(error)
        if was_connected:
            self.lost_at = dt_util.utcnow()
            self._ears.tell_all()

    @callback
    def _report(self, error: BridgeError) -> None:
        """Ask people for what only they can do."""
        if isinstance(error, Impostor | TokenRefused):
            self.entry.async_start_reauth(self.hass)
        else:
            repairs.async_report(self.hass, self.entry, error)

    @callback
    def _begun(self, error: BridgeError | None) -> None:
        """Tell whoever waits for the set-up."""
        started, self._started = self._started, None
        if started is None or started.done():
            return
        if error is None:
            started.set_result(None)
        else:
            started.set_exception(error)

    def _not_ready(self, error: BridgeError | TimeoutError) -> ConfigEntryAuthFailed | ConfigEntryNotReady:
        if isinstance(error, TimeoutError):
            return ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="not_in_time")
        placeholders = {"reason": error.detail}
        if isinstance(error, Impostor | TokenRefused):
            return ConfigEntryAuthFailed(
                translation_domain=DOMAIN, translation_key="token_unknown", translation_placeholders=placeholders
            )
        repairs.async_report(self.hass, self.entry, error)
        return ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="no_bridge", translation_placeholders=placeholders)


def _pause_s(error: BridgeError, wait_s: float) -> float:
    """Return how long to wait: not long where nobody answers, which costs nobody anything, and as long as a busy bridge wants."""
    if isinstance(error, Busy):
        return min(max(wait_s, error.retry_after_s), MOST_WAIT_S)
    return min(wait_s, MOST_WAIT_FOR_NOBODY_S) if isinstance(error, CannotConnect) else wait_s


def _take_up(world: World, item: Item) -> News | None:
    """Take up an item; one that is nonsense is passed over, and ends nothing but itself."""
    try:
        return world.take(item)
    except NotABridge as error:
        LOGGER.debug("Passed over an item %s: %s", item.what, error.detail)
        return None


def _refused(reason: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="command_refused", translation_placeholders={"reason": reason}
    )


def _raise_for(ack: Ack) -> None:
    """Raise where a command was refused or has failed; a result that a newer bridge may have is none of these."""
    reason = ack.detail or ack.code or ack.result
    if ack.result == "refused":
        raise _refused(reason)
    if ack.result in {"failed", "timeout"}:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key=f"command_{ack.result}", translation_placeholders={"reason": reason}
        )
