"""Tells the guard when a line is crossed a second time within a minute: somebody follows somebody through a gate."""

from datetime import datetime

from vms_bridge.script import Duration, Event, log, notify, on, permissions, settings

permissions(notify=True, annotate=True)
settings(within=Duration("1m", min=1, max=600, title="The second one comes within"))

last: dict[tuple[str, str], datetime] = {}
"""When each line was crossed last: by monitor, and by the line's name."""


@on.event(kind="line_crossing")
async def crossed(event: Event) -> None:
    """Compare with the time before."""
    line = (event.monitor.path, event.zones[0] if event.zones else "")
    if event.start is None:
        return
    before, last[line] = last.get(line), event.start
    if before is None or (event.start - before).total_seconds() > settings["within"]:
        return
    seconds = (event.start - before).total_seconds()
    log.warning(f"{event.monitor_name}: {line[1]} was crossed twice within {seconds:.0f} s")
    await event.annotate(text=f"the second one within {seconds:.0f} s")
    await notify(f"{line[1]} was crossed twice within {seconds:.0f} s.", title=event.monitor_name, media=await event.snapshot())
