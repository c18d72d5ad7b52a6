"""Looks after the cameras: one that is tampered with, or gives no picture, is told of; and it is tried to bring it back.

A sensor of the script's own shows in Home Assistant how many cameras are out of order.
"""

from vms_bridge.script import Change, Event, ScriptError, after, entity, log, monitors, notify, on, permissions

permissions(commands=["restart"], notify=True, entities=True)

out_of_order = entity.sensor("cameras_out_of_order", name="Cameras out of order", icon="mdi:camera-off")
lost: dict[str, str] = {}
"""Those without a picture: their names, by their paths."""


@on.event(kind="tamper", once_per="5m")
async def tampered(event: Event) -> None:
    """Somebody covers or turns it: there is no time to lose."""
    await notify(f"{event.monitor_name} is being tampered with.", title="Camera", media=await event.snapshot())


@on.monitor_state(field="connected", to=False, for_="30s", timeout="2m")
async def went(change: Change) -> None:
    """Half a minute without a picture is no hiccup: have the VMS start its capture anew."""
    lost[change.monitor.path] = change.name
    out_of_order.set(len(lost))
    log.warning(change.name, "gives no picture")
    try:
        await change.monitor.command("restart")
    except ScriptError as error:
        log.warning("it could not be restarted:", error)
    after("3m", still_gone, change.monitor.path)


@on.monitor_state(field="connected", to=True)
async def came_back(change: Change) -> None:
    """Count it no more."""
    if lost.pop(change.monitor.path, None) is not None:
        out_of_order.set(len(lost))
        log.info(change.name, "is there again")


async def still_gone(path: str) -> None:
    """Tell people of what a restart has not mended."""
    if path in lost and not (await monitors[path].state()).connected:
        await notify(f"{lost[path]} has given no picture for three minutes.", title="Camera")


@on.startup()
async def count() -> None:
    """Begin with what is so already."""
    for each in await monitors.list():
        if (await each.state()).connected is False:
            lost[each.path] = each.name
    out_of_order.set(len(lost))
