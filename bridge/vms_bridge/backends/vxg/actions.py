"""What a VXG Cloud VMS can be asked to do, action by action."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.details import MOVES
from vms_bridge.backends.vxg.parse import ALL, RECORDING
from vms_bridge.commands import (
    AddTag,
    GoToPreset,
    MoveCamera,
    RemoveTag,
    SetAlarm,
    SetMode,
    SetMotionDetection,
)
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.ptz import PtzMove

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.cameras import Camera
    from vms_bridge.backends.vxg.session import Session
    from vms_bridge.commands import Action
    from vms_bridge.vxg import Preset

_TAG = "vms_bridge"


async def perform(session: Session, monitor_id: str, action: Action) -> None:
    """Have a channel do it. Raises CommandRejected, UnsupportedCommand or VmsError."""
    camera = session.camera(monitor_id)
    vxg = session.connection.vxg
    if camera.row.access != ALL:
        raise CommandRejected(f"the token lets nobody change channel {monitor_id}", hint="ask for a token with access `all`")
    match action:
        case SetAlarm(on=True, cause=cause, text=text):
            await session.events.force(camera, cause, text)
        case SetAlarm():
            await session.events.end_forced(camera)
        case SetMode(mode=mode, value=value) if mode == RECORDING:
            await vxg.channels.set_record_mode(camera.row, value)
        case SetMotionDetection(on=on) if camera.is_detecting is not None:
            await vxg.motion.set_enabled(camera.row, on=on)
        case MoveCamera(move=PtzMove.STOP) if camera.ptz is not None:
            await vxg.ptz.stop(camera.row)
        case MoveCamera(move=move) if camera.ptz is not None and move in MOVES:
            await vxg.ptz.move(camera.row, MOVES[move])
        case GoToPreset(number=number) if camera.ptz is not None:
            await vxg.ptz.go_to(camera.row, await _preset(session, camera, number))
        case _:
            raise UnsupportedCommand(f"a channel of a VXG Cloud VMS can't do this: {type(action).__name__}")


async def mark(session: Session, event_id: str, action: Action) -> None:
    """Have an event be tagged, or not. Raises CommandRejected, UnsupportedCommand or VmsError."""
    if not isinstance(action, AddTag | RemoveTag):
        raise UnsupportedCommand(f"a VXG Cloud VMS can't do this to an event: {type(action).__name__}")
    row = await session.events.find(event_id)
    if row is None:
        raise CommandRejected(f"the VMS has no event {event_id[:40]!r}", hint="was it deleted?")
    if isinstance(action, AddTag):
        await session.connection.vxg.events.set_tag(row, action.tag, _TAG)
    elif action.tag in row.meta:
        await session.connection.vxg.events.remove_tag(row, action.tag)


async def _preset(session: Session, camera: Camera, number: int | None) -> Preset:
    """Return the preset that has this number: they are counted in the order in which the VMS has them."""
    found = await session.connection.vxg.ptz.presets(camera.row)
    if number is None or not 1 <= number <= len(found):
        raise CommandRejected(f"the camera has no preset {number}", hint="look at its presets again")
    return found[number - 1]
