"""Looks after the cameras: one that is tampered with, or gives no picture, is told of; and it is tried to bring it back.

A sensor of the script's own shows in Home Assistant how many cameras are out of order.
"""

from vms_bridge.script import Change, Event, Later, Media, ScriptError, after, entity, log, monitors, notify, on, permissions

permissions(commands=["restart"], notify=True, entities=True)

out_of_order = entity.sensor("cameras_out_of_order", name="Cameras out of order", icon="mdi:camera-off")
lost: dict[str, Later] = {}
"""Those without a picture, by their paths: when people are told."""


@on.event(kind="tamper", once_per="5m", timeout="1m")
async def tampered(event: Event) -> None:
    """Somebody covers or turns it: people are told, with a picture if there is one."""
    await notify(f"{event.monitor_name} is being tampered with.", title="Camera", media=await picture_of(event))


@on.monitor_state(field="connected", to=False, for_="30s", timeout="2m")
async def went(change: Change) -> None:
    """Half a minute without a picture is no hiccup: have the VMS start its capture anew."""
    miss(change.monitor.path, change.name)
    try:
        await change.monitor.command("restart")
    except ScriptError as error:
        log.warning("it could not be restarted:", error)


@on.monitor_state(field="connected", to=True)
async def came_back(change: Change) -> None:
    """Count it no more, and tell nobody."""
    if (timer := lost.pop(change.monitor.path, None)) is not None:
        timer.cancel()
        out_of_order.set(len(lost))
        log.info(change.name, "is there again")


@on.startup(timeout="1m")
async def begin() -> None:
    """Begin with what is so already."""
    out_of_order.set(0)
    for each in await monitors.list():
        if (await each.state()).connected is False:
            miss(each.path, each.name)


def miss(path: str, name: str) -> None:
    """Count it, and have people told unless it comes back: that is begun before anything is tried that may fail."""
    if path not in lost:
        log.warning(name, "gives no picture")
        lost[path] = after("3m", still_gone, name)
        out_of_order.set(len(lost))


async def still_gone(name: str) -> None:
    """Tell people of what a restart has not mended."""
    await notify(f"{name} has given no picture for three minutes.", title="Camera")


async def picture_of(event: Event) -> Media | None:
    """Return its picture; one that can't be had must not keep the message back."""
    try:
        return await event.snapshot()
    except ScriptError as error:
        log.warning("there is no picture:", error)
        return None
