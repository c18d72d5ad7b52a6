"""Tells one after the other of an alarm at the perimeter until somebody acknowledges it; sounds the siren where nobody does.

Whoever has been told acknowledges by the button `Acknowledge the alarm` in Home Assistant, or by MQTT.
"""

from vms_bridge.script import (
    Alarm,
    Duration,
    Later,
    Media,
    Message,
    ScriptError,
    Text,
    after,
    entity,
    log,
    monitors,
    mqtt,
    notify,
    on,
    permissions,
    settings,
    state,
)

permissions(mqtt=["site/siren/set"], listen=["site/alarm/acknowledged"], notify=True, entities=True)
settings(
    who=Text("guard, supervisor, manager", title="Who is told, one after the other"),
    patience=Duration("2m", min="10s", max="1h", title="How long each of them has"),
)

entity.button("acknowledge", name="Acknowledge the alarm")
timers: dict[str, Later] = {}
"""When the next one is told, by the monitor's path. Who is left is in `state`, for a restart must not end an escalation."""


@on.alarm(monitor="*perimeter*", to="alarm", timeout="1m")
async def began(alarm: Alarm) -> None:
    """Begin with the first one. Until somebody acknowledges it, whatever happens there is the same alarm."""
    path = alarm.monitor.path
    if path not in state:
        state[path] = {"name": alarm.name, "left": [who.strip() for who in settings["who"].split(",") if who.strip()]}
        await tell_next(path)


@on.startup
async def go_on() -> None:
    """Go on where the script was when it was ended."""
    for path in state:
        after(0, tell_next, path)


@on.mqtt("site/alarm/acknowledged")
async def heard(message: Message) -> None:
    """Take it from whoever says so now: what the broker has kept is about an earlier alarm."""
    if not message.retain:
        await acknowledged(message.payload or "by MQTT")


@on.entity("acknowledge")
async def pressed() -> None:
    """Take it from Home Assistant."""
    await acknowledged("by the button")


async def acknowledged(by: str) -> None:
    """Tell nobody else, and silence the siren."""
    log.info("acknowledged:", by)
    state.clear()
    while timers:
        timers.popitem()[1].cancel()
    await mqtt.publish("site/siren/set", "OFF")


async def tell_next(path: str) -> None:
    """Tell the next one; where nobody is left, sound the siren."""
    if path not in state:
        return
    alarm = state[path]
    if not alarm["left"]:
        del state[path]
        log.warning("nobody has acknowledged the alarm at", alarm["name"])
        await mqtt.publish("site/siren/set", "ON")
        return
    who, *alarm["left"] = alarm["left"]
    state[path] = alarm
    timers[path] = after(settings["patience"], tell_next, path)  # first of all: nothing that fails below ends the escalation
    log.info("telling", who)
    picture = await picture_of(path)
    await notify(f"Alarm at {alarm['name']}. Please acknowledge it.", title="Perimeter", targets=who, media=picture)


async def picture_of(path: str) -> Media | None:
    """Return what is to be seen there; a camera that fails must not keep the message back."""
    try:
        return await monitors[path].snapshot()
    except ScriptError as error:
        log.warning("there is no picture:", error)
        return None
