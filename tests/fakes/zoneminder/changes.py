"""What the API changes: monitors, zones, options, events, tags; with the answers that each version gives to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.zoneminder.world import FakeEvent, FakeMonitor, World

SAVED = {"message": "Saved"}
_OWN_NAMES = {
    "Name": "name", "Type": "type", "Capturing": "capturing", "Analysing": "analysing", "Recording": "recording",
    "Decoding": "decoding",
}  # fmt: skip
_OWN_NUMBERS = {"Width": "width", "Height": "height", "ServerId": "server_id", "VideoWriter": "video_writer"}
_FORM = re.compile(r"(?P<model>\w+)\[(?P<column>\w+)\]")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


class DatabaseRefuses(Exception):
    """An SQL error, which PHP answers with a 500."""


def columns(model: str, form: dict[str, str]) -> dict[str, str]:
    """Return what the form has for that model: `Monitor[Name]` and so on."""
    found = ((_FORM.fullmatch(name), value) for name, value in form.items())
    return {match["column"]: value for match, value in found if match is not None and match["model"] == model}


def check_text(fields: dict[str, str]) -> None:
    """Refuse what MariaDB's utf8mb3 can't hold. Raises DatabaseRefuses."""
    for column, value in fields.items():
        if _ASTRAL.search(value):
            raise DatabaseRefuses(f"1366 Incorrect string value: '\\xF0\\x9F\\x8E\\x89' for column `zm`.`{column}` at row 1")


def set_monitor(world: World, item: FakeMonitor, fields: dict[str, str]) -> None:
    """Set columns of a monitor."""
    for column, value in fields.items():
        if column == "Function":
            world.set_function(item.id, value)
        elif column == "Enabled":
            item.enabled = value == "1"
        elif column in _OWN_NAMES:
            setattr(item, _OWN_NAMES[column], value)
        elif column in _OWN_NUMBERS:
            setattr(item, _OWN_NUMBERS[column], int(value))
        else:
            item.columns[column] = value


def add_monitor(world: World, fields: dict[str, str]) -> object:
    """Add a monitor: 1.38 wants a device of this shape whatever the type is, and says so with an object."""
    if world.personality.modern_modes and not re.match(r"/dev/[\w/]+", fields.get("Device", "")):
        return {"message": {"Device": ["Invalid value"]}}
    number = max(world.monitors, default=0) + 1
    item = world.add_monitor(number, fields.get("Name", "Monitor"), zones=["All"])
    set_monitor(world, item, fields)
    return SAVED


def add_zone(world: World, fields: dict[str, str]) -> object:
    """Add a zone: its monitor's daemon is not told."""
    monitor = world.monitors[int(fields["MonitorId"])]
    number = max((row[0] for item in world.monitors.values() for row in item.zone_rows()), default=0) + 1
    monitor.zones = [*_with_ids(monitor), _spelt(number, fields["Name"], fields.get("Type", "Active"))]
    monitor.zone_columns[number] = dict(fields)
    return SAVED


def set_zone(world: World, number: int, fields: dict[str, str]) -> object:
    """Set columns of a zone."""
    monitor, name, kind = _zone(world, number)
    spelt = _spelt(number, fields.get("Name", name), fields.get("Type", kind))
    monitor.zones = [spelt if each.startswith(f"{number}#") else each for each in _with_ids(monitor)]
    monitor.zone_columns.setdefault(number, {}).update(fields)
    return SAVED


def delete_zone(world: World, number: int) -> None:
    """Take a zone away."""
    monitor, _, _ = _zone(world, number)
    monitor.zones = [each for each in _with_ids(monitor) if not each.startswith(f"{number}#")]
    monitor.zone_columns.pop(number, None)


def _zone(world: World, number: int) -> tuple[FakeMonitor, str, str]:
    for monitor in world.monitors.values():
        for known, name, kind in monitor.zone_rows():
            if known == number:
                return monitor, name, kind
    raise KeyError(number)


def _spelt(number: int, name: str, kind: str) -> str:
    """Return how the world has it; signs that mean something there are in its row only."""
    return f"{number}#{re.sub('[#:]', '_', name)}:{kind}"


def _with_ids(monitor: FakeMonitor) -> list[str]:
    return [f"{number}#{name}:{kind}" for number, name, kind in monitor.zone_rows()]


def set_event(event: FakeEvent, fields: dict[str, str]) -> object:
    """Set columns of an event."""
    event.notes = fields.get("Notes", event.notes)
    event.cause = fields.get("Cause", event.cause)
    event.name = fields.get("Name", event.name)
    event.archived = fields.get("Archived", str(int(event.archived))) == "1"
    event.locked = fields.get("Locked", str(int(event.locked))) == "1"
    return SAVED


def tag_command(world: World, query: dict[str, str]) -> dict[str, Any]:
    """Do what the web page asks for: `createtag`, `addtag`, `removetag`; the last one off deletes the tag."""
    action = query.get("action")
    if action == "createtag":
        number = max(world.tags, default=0) + 1
        world.tags[number] = query["tname"]
        return {"result": "Ok", "response": [{"Id": number, "Name": query["tname"]}]}
    event, number = world.events.get(int(query.get("id", 0))), int(query.get("tid", 0))
    if event is None or number not in world.tags:
        return {"result": "Error", "message": "no such event, or no such tag"}
    if action == "addtag":
        event.tags.add(number)
    elif action == "removetag":
        event.tags.discard(number)
        if not any(number in each.tags for each in world.events.values()):
            del world.tags[number]
    return {"result": "Ok"}
