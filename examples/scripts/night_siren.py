"""Sounds the siren when somebody is seen while the site is closed, and has it stop by itself."""

from vms_bridge.script import Duration, Event, Number, Switch, after, log, mqtt, now, on, permissions, settings

permissions(mqtt=["site/siren/set"])
settings(
    closed_from=Number(20, min=0, max=23, step=1, unit="h", title="Closed from"),
    closed_until=Number(6, min=0, max=23, step=1, unit="h", title="Closed until"),
    closed_on_sundays=Switch(True, title="Closed on Sundays"),
    sounds_for=Duration("1m", min=5, max=300, title="How long the siren sounds"),
)


def is_closed() -> bool:
    """Say whether nobody should be here now."""
    time, begins, ends = now(), settings["closed_from"], settings["closed_until"]
    if settings["closed_on_sundays"] and time.isoweekday() == 7:
        return True
    if begins > ends:  # over midnight
        return bool(time.hour >= begins or time.hour < ends)
    return bool(begins <= time.hour < ends)


@on.event(label="person", min_score=0.6, once_per="2m")
async def seen(event: Event) -> None:
    """Sound it. `once_per`: a group of people is one reason to do so, and not ten."""
    if not is_closed():
        return
    log.warning("somebody is at", event.monitor_name, "while the site is closed")
    await mqtt.publish("site/siren/set", "ON")
    after(settings["sounds_for"], silence)


@on.startup()
@on.shutdown()
async def silence() -> None:
    """Silence it: also at the start, for it may have sounded when the bridge was cut off."""
    await mqtt.publish("site/siren/set", "OFF")
