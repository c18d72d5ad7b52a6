"""Sounds the siren when somebody is seen while the site is closed, and has it stop by itself."""

from vms_bridge.script import Duration, Event, Later, Number, Switch, after, log, mqtt, now, on, permissions, settings

permissions(mqtt=["site/siren/set"])
settings(
    closed_from=Number(20, min=0, max=23, step=1, unit="h", title="Closed from"),
    closed_until=Number(6, min=0, max=23, step=1, unit="h", title="Closed until"),
    closed_on_sundays=Switch(True, title="Closed on Sundays"),
    sounds_for=Duration("1m", min="5s", max="5m", title="How long the siren sounds after somebody was seen"),
)

timers: list[Later] = []
"""When it is silenced: one at most."""


def is_closed() -> bool:
    """Say whether nobody should be here now."""
    time, begins, ends = now(), settings["closed_from"], settings["closed_until"]
    if settings["closed_on_sundays"] and time.isoweekday() == 7:
        return True
    if begins > ends:  # over midnight
        return bool(time.hour >= begins or time.hour < ends)
    return bool(begins <= time.hour < ends)


@on.event(label="person", min_score=0.6)
async def seen(event: Event) -> None:
    """Sound it, and for so long again with each who is seen: a timer of before would end it too early."""
    if not is_closed():
        return
    log.warning("somebody is at", event.monitor_name, "while the site is closed")
    while timers:
        timers.pop().cancel()
    timers.append(after(settings["sounds_for"], silence))
    await mqtt.publish("site/siren/set", "ON")


@on.startup
@on.shutdown
async def silence() -> None:
    """Silence it: also at the start, for it may have sounded when the bridge was cut off."""
    await mqtt.publish("site/siren/set", "OFF")
