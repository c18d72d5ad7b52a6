"""Tells the guard when a line is crossed a second time within a minute: somebody follows somebody through a gate."""

from datetime import datetime

from vms_bridge.script import Duration, Event, Media, ScriptError, log, notify, on, permissions, settings

permissions(notify=True, annotate=True)
settings(within=Duration("1m", min="1s", max="10m", title="The second one comes within"))

last: dict[tuple[str, str, str | None], datetime] = {}
"""When each line was crossed last: by monitor, by the line's name, and by the direction: who turns back follows nobody."""


@on.event(kind="line_crossing", timeout="1m")
async def crossed(event: Event) -> None:
    """Compare with the time before."""
    line = event.zones[0] if event.zones else "the line"
    key = (event.monitor.path, line, event.direction)
    if event.start is None:
        return
    before, last[key] = last.get(key), event.start
    if before is None or not 0 <= (seconds := (event.start - before).total_seconds()) <= settings["within"]:
        return
    log.warning(f"{event.monitor_name}: {line} was crossed twice within {seconds:.0f} s")
    event.annotate(text=f"the second one within {seconds:.0f} s")  # not awaited: it goes wrong by itself, if it does
    await notify(f"{line} was crossed twice within {seconds:.0f} s.", title=event.monitor_name, media=await picture_of(event))


async def picture_of(event: Event) -> Media | None:
    """Return its picture; one that can't be had must not keep the message back."""
    try:
        return await event.snapshot()
    except ScriptError as error:
        log.warning("there is no picture:", error)
        return None
