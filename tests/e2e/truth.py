"""What Home Assistant has to show, as ZoneMinder itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.home_assistant import HomeAssistant
    from tests.e2e.zoneminder import ZoneMinder

IDLE, ALARM, ALERT = 1, 3, 4
DETECTING = {"Modect", "Mocord", "Nodect"}


async def expected(zoneminder: ZoneMinder, prefix: str) -> dict[str, str]:
    """Return the states that the entities of all monitors must have now, by their unique ids."""
    states = {}
    for row in (await zoneminder.api("GET", "monitors.json"))["monitors"]:
        monitor = row["Monitor"]
        own = f"{prefix}-{monitor['Id']}"
        states[f"{own}-motion"] = "on" if await zoneminder.alarm(monitor["Id"]) in {ALARM, ALERT} else "off"
        states[f"{own}-function"] = monitor["Function"]
        states[f"{own}-armed"] = "on" if monitor["Function"] in DETECTING else "off"
        states[f"{own}-connectivity"] = "on"
    return states


def fired_twice(home: HomeAssistant, event_entity: str) -> set[tuple[str, str]]:
    """Return the steps (event id and type) for which this event entity has fired more than once."""
    firings: dict[str, tuple[str, str]] = {}  # by the time that is the entity's state
    for seen in home.history:
        if seen.entity_id == event_entity and "id" in seen.attributes:
            firings[seen.state] = (seen.attributes["id"], seen.attributes["event_type"])
    steps = list(firings.values())
    return {step for step in steps if steps.count(step) > 1}
