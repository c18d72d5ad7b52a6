"""What one of several can be chosen of: modes and the detection profile of a monitor, the run state of a system."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from homeassistant.components.select import SelectEntity
from homeassistant.const import Platform

from .entity import VmsBridgeEntity, add_entities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show what there is, and what comes."""
    add_entities(entry, Platform.SELECT, VmsBridgeSelect, async_add_entities)


class VmsBridgeSelect(VmsBridgeEntity, SelectEntity):
    """A choice. What can be chosen may change with the VMS."""

    @property
    def options(self) -> list[str]:
        """What can be chosen, as it is shown."""
        return list(labels(self._choices()).values())

    @property
    def current_option(self) -> str | None:
        """What is chosen; None: unknown, or nothing that can be."""
        value = self.read()
        return labels(self._choices()).get(value) if isinstance(value, str) else None

    async def async_select_option(self, option: str) -> None:
        """Choose it, and return when the VMS shows that it is chosen."""
        meant = {label: choice for choice, label in labels(self._choices()).items()}
        await self.give(meant.get(option, option))

    def _seen(self) -> object:
        return self.available, self.read(), self._choices()

    def _choices(self) -> tuple[str, ...]:
        """Return what can be chosen, in the words of the VMS."""
        if self.row.mode is not None:
            monitor = self.coordinator.monitor(self.target)
            return () if monitor is None else monitor.shape.modes.get(self.row.mode, ())
        source = self.coordinator.monitor(self.target) if self.target.monitor else self.coordinator.system(self.target)
        said = None if source is None or source.state is None else source.state.get(f"{self.row.field}s")
        return tuple(each for each in said if isinstance(each, str)) if isinstance(said, list) else ()


def labels(choices: Sequence[str]) -> Mapping[str, str]:
    """Return each choice as it is shown, the same as by MQTT: `None`, which ZoneMinder has, reads as unknown, so it is `Off`."""
    shown = {choice: choice for choice in choices if choice.lower() != "none"}
    taken = set(shown)
    for choice in choices:
        if choice not in shown:
            numbered = (f"({choice} {number})" for number in count(2))
            shown[choice] = next(label for label in chain(("Off", f"({choice})"), numbered) if label not in taken)
            taken.add(shown[choice])
    return {choice: shown[choice] for choice in choices}
