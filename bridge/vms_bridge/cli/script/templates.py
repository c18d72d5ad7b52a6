"""What `vms-bridge script new` begins with: short scripts that work as they are, one for each way to begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALARM = '''"""{title}: tells of alarms, and counts them."""

from vms_bridge.script import Alarm, log, on, permissions, state

# What the script may do. An administrator approves just this; to see cameras and recordings needs nothing.
permissions(
    monitors=["*"],  # which cameras it sees: "zm/*", "zm/3"
    # commands=["trigger"], http=["https://api.example/*"], mqtt=["home/siren"], notify=True,
)


@on.alarm(to="alarm")  # monitor="front*" chooses cameras, once_per="1m" passes over what comes sooner
async def began(alarm: Alarm) -> None:
    """Count the alarms of each camera; `state` is there again after a restart."""
    count = state.get(alarm.name, 0) + 1
    state[alarm.name] = count
    log.info(f"alarm {count} at {alarm.name}")
'''
_EVENT = '''"""{title}: tells people of somebody who is seen, with a picture."""

from vms_bridge.script import Event, ScriptError, log, notify, on, permissions

permissions(notify=True)


@on.event(label="person", min_score=0.6, once_per="5m", timeout="1m")  # zone="Drive", monitor="front*"
async def seen(event: Event) -> None:
    """Send the picture along, if there is one; who is told is chosen in Home Assistant, or by targets="..."."""
    picture = None
    try:
        picture = await event.snapshot()
    except ScriptError as error:
        log.warning("there is no picture:", error)
    await notify("Somebody is there.", title=event.monitor_name, media=picture)
'''
_SCHEDULE = '''"""{title}: arms all cameras in the evening, and disarms them in the morning."""

from vms_bridge.script import ScriptError, at, cron, log, monitors, permissions

permissions(commands=["arm"])


@at("22:30", missed="once", timeout="10m")  # made up for, once, where the bridge was not running then
async def evening() -> None:
    """Arm them."""
    await set_all(is_armed=True)


@cron("30 6 * * mon-fri", missed="once", timeout="10m")
async def morning() -> None:
    """Disarm them, on weekdays."""
    await set_all(is_armed=False)


async def set_all(*, is_armed: bool) -> None:
    """Arm or disarm each of them: one that fails must not leave out those after it."""
    for monitor in await monitors.list():
        try:
            await (monitor.arm() if is_armed else monitor.disarm())
        except ScriptError as error:
            log.error(f"{monitor}: {error}")
'''
_MQTT = '''"""{title}: shows alarms of the cameras on a lamp, by MQTT."""

from vms_bridge.script import Alarm, Duration, Later, Message, after, log, mqtt, on, permissions, settings

permissions(mqtt=["home/lamp/set"], listen=["home/door/+"])
settings(shines_for=Duration("1m", min="1s", max="1h", title="How long the lamp shines"))

timers: list[Later] = []


@on.alarm(to="alarm")
async def began(alarm: Alarm) -> None:
    """Switch it on, and off again later; a timer of an earlier alarm would do so too early."""
    log.info("alarm at", alarm.name)
    while timers:
        timers.pop().cancel()
    timers.append(after(settings["shines_for"], off))
    await mqtt.publish("home/lamp/set", "ON")


async def off() -> None:
    """Switch it off."""
    await mqtt.publish("home/lamp/set", "OFF")


@on.mqtt("home/door/+")
async def door(message: Message) -> None:
    """Hear of doors."""
    log.info(message.topic, message.payload)
'''
TEMPLATES: Mapping[str, tuple[str, str]] = {
    "alarm": ("counts alarms", _ALARM),
    "event": ("notifies people", _EVENT),
    "schedule": ("does something at a time of day", _SCHEDULE),
    "mqtt": ("sends and hears messages", _MQTT),
}
"""Each by its name: what it does, and its text, in which `{title}` is what the script is called."""


def text_of(template: str, name: str) -> str:
    """Return the text of a new script."""
    return TEMPLATES[template][1].replace("{title}", name.replace("_", " ").capitalize())
