"""What the fake does with commands: refuses what it can't, changes its world, answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.component.fakes.values import COMMANDS, EVENT_COMMANDS, MODES, written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.component.fakes.bridge import FakeBridge
    from tests.component.fakes.schemas import JsonObject

LEVELS = {"read": 0, "control": 1, "admin": 2}
BRIDGE_COMMANDS = {"discovery": "admin", "claim_devices": "control", "release_devices": "control"}


class NotThere(Exception):
    """The command's target does not exist, as far as whoever gives it may know."""


async def follow(bridge: FakeBridge, asked: JsonObject, scope: str) -> AsyncIterator[JsonObject]:
    """Yield the acks of a command, the final one last. Raises NotThere."""
    name, target = asked["command"], _target(bridge, asked)
    known = bridge.answered.get(asked.get("request_id") or "")
    if known is not None:
        yield known
        return
    if name in bridge.waiting:
        for _ in range(bridge.waiting[name]):
            yield _ack(asked, target, "running")
        await bridge.until_answered()
    if name in bridge.refusals:
        result, code, hint = bridge.refusals[name]
        yield _ack(asked, target, result, code=code, hint=hint)
        return
    level = _level(bridge, asked, target)
    if level is None:
        yield _ack(asked, target, "refused", code="unsupported", hint="it can't do this")
    elif LEVELS[scope] < LEVELS[level]:
        yield _ack(asked, target, "refused", code="forbidden", hint=f"it takes a token of the scope {level}")
    else:
        ack = _applied(bridge, asked, target)
        if asked.get("request_id") is not None:
            bridge.answered[asked["request_id"]] = ack
        yield ack


def _target(bridge: FakeBridge, asked: JsonObject) -> tuple[str | None, str | None]:
    if asked.get("event") is not None:
        event = bridge.events.get(asked["event"])
        if event is None:
            raise NotThere
        return event["system"], None
    system, monitor = asked.get("system"), asked.get("monitor")
    if system is not None and system not in bridge.systems:
        raise NotThere
    if monitor is not None and (system, monitor) not in bridge.monitors:
        raise NotThere
    return system, monitor


def _level(bridge: FakeBridge, asked: JsonObject, target: tuple[str | None, str | None]) -> str | None:
    """Return which level a command is of; None: the target has no such command."""
    system, monitor = target
    name = asked["command"]
    if asked.get("event") is not None:
        return EVENT_COMMANDS.get(name, (None, None))[1]
    if system is None:
        return BRIDGE_COMMANDS.get(name)
    if monitor is None:
        return "control" if name == "run_state" and "run_state" in bridge.systems[system]["capabilities"] else None
    described = bridge.monitors[system, monitor]
    if name in described["modes"]:
        return "control" if asked.get("value") in described["modes"][name] else None
    needed, level = COMMANDS.get(name, ("", ""))
    return level if needed in described["capabilities"] else None


def _applied(bridge: FakeBridge, asked: JsonObject, target: tuple[str | None, str | None]) -> JsonObject:
    system, monitor = target
    name, value = asked["command"], _value(asked)
    if asked.get("event") is not None:
        bridge.change_event(asked["event"], name, asked.get("value"))
        return _ack(asked, target, "applied", applied=value)
    if monitor is None or system is None:
        if system is not None:
            bridge.change_system(system, run_state=value)
        return _ack(asked, target, "applied", applied=value)
    changes = _changes(name, value)
    state = bridge.state(system, monitor)
    is_new = any(state.get(field) != new for field, new in changes.items())
    if is_new:
        bridge.change_state(system, monitor, **changes)
    return _ack(asked, target, "applied" if is_new or not changes else "unchanged", applied=value)


def _changes(name: str, value: str | None) -> dict[str, Any]:
    is_on = value == "ON"
    match name:
        case "armed" | "detection":
            return {name: is_on}
        case "alarm":
            return {"forced": is_on, "motion": is_on, "alarm": "alarm" if is_on else "idle"}
        case "end_alarm":
            return {"forced": False, "motion": False, "alarm": "idle"}
        case "restart" | "ptz" | "preset" | "set_preset":
            return {}
        case _:
            return {name if name in MODES else f"mode_{name}": value}


def _value(asked: JsonObject) -> str | None:
    value = asked.get("value") if asked.get("on") is None else asked["on"]
    return ("ON" if value else "OFF") if isinstance(value, bool) else value


def _ack(
    asked: JsonObject,
    target: tuple[str | None, str | None],
    result: str,
    *,
    applied: str | None = None,
    code: str | None = None,
    hint: str | None = None,
) -> JsonObject:
    ack: JsonObject = {
        "v": 1,
        "request_id": asked.get("request_id"),
        "system": target[0] or "",
        "monitor": target[1],
        "command": asked["command"],
        "result": result,
        "applied": applied,
        "error": None if code is None else {"code": code, "hint": hint},
        "time": written(datetime.now(UTC)),
    }
    if asked.get("event") is not None:
        ack["event"] = asked["event"]
    return ack
