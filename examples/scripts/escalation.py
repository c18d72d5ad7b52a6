"""Tells one after the other of an alarm at the perimeter until somebody acknowledges it; sounds the siren where nobody does.

Whoever has been told acknowledges by the button `Acknowledge the alarm` in Home Assistant, or by MQTT.
"""

from vms_bridge.script import Alarm, Duration, Text, TimedOut, entity, log, mqtt, notify, on, permissions, settings, wait_for

permissions(mqtt=["site/siren/set", "site/alarm/acknowledged"], listen=["site/alarm/acknowledged"], notify=True, entities=True)
settings(
    who=Text("guard, supervisor, manager", title="Who is told, one after the other"),
    patience=Duration("2m", min=10, max=180, title="How long each of them has"),
)

entity.button("acknowledge", name="Acknowledge the alarm")


@on.entity("acknowledge")
async def pressed() -> None:
    """Have the button say what anybody else says by MQTT."""
    await mqtt.publish("site/alarm/acknowledged", "by the button")


@on.alarm(monitor="*perimeter*", to="alarm", once_per="10m", timeout="10m", concurrent=True)
async def escalate(alarm: Alarm) -> None:
    """Go from one to the next. `concurrent`: an alarm elsewhere does not wait until this one is acknowledged."""
    picture = await alarm.monitor.snapshot()
    for who in (name.strip() for name in settings["who"].split(",")):
        log.info("telling", who)
        await notify(f"Alarm at {alarm.name}. Please acknowledge it.", title="Perimeter", targets=who, media=picture)
        try:
            answer = await wait_for(on.mqtt("site/alarm/acknowledged"), timeout=settings["patience"])
        except TimedOut:
            continue
        log.info("acknowledged:", answer.payload)
        await mqtt.publish("site/siren/set", "OFF")
        return
    log.warning("nobody has acknowledged it")
    await mqtt.publish("site/siren/set", "ON")
