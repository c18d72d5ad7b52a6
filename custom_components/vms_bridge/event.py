"""Events: each step in the life of what a monitor's VMS records, as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components.event import EventEntity
from homeassistant.const import Platform
from homeassistant.core import callback

from .entity import VmsBridgeEntity, add_entities
from .media_ids import CLIP, EventRef, media_content_id

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry
    from .models import JsonObject

PARALLEL_UPDATES = 0
EVENT_TYPES = ["new", "end", "media"]
"""The steps for which it fires, those of MQTT discovery: a `new` one, its `end`, and that a picture or clip is ready."""
_CONTINUOUS = "continuous"
"""The kind of a section of a recording that runs all the time: it is news to nobody."""
_FEW = ("id", "kind", "label", "score", "duration")
"""What the recorder keeps of an event: enough to know in a history what it was, and to find it."""
_MANY = (
    *("epoch", "seq", "system", "monitor", "monitor_name", "labels", "zones", "cause", "start", "end", "end_reason"),
    *(
        "alarm_frames",
        "max_score",
        "snapshot_ready",
        "clip_ready",
        "archived",
        "locked",
        "tags",
        "plates",
        "faces",
        "text",
        "direction",
    ),
    *("snapshot_url", "clip_url", "media_id"),
)
_LONGEST, _MOST = 1_000, 100


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show what there is, and what comes."""
    add_entities(entry, Platform.EVENT, VmsBridgeEvent, async_add_entities)


class VmsBridgeEvent(VmsBridgeEntity, EventEntity):
    """The steps in the life of one monitor's events; each has all that is known of its event, and its `id`."""

    _attr_event_types = EVENT_TYPES
    _unrecorded_attributes = frozenset(_MANY)

    async def async_added_to_hass(self) -> None:
        """Listen for events."""
        await super().async_added_to_hass()
        system, monitor = self.target.system or "", self.target.monitor or ""
        self.async_on_remove(self.coordinator.listen_events(system, monitor, self._event))

    @callback
    def _event(self, message: JsonObject, is_old: bool) -> None:  # noqa: FBT001  # as the coordinator calls it
        """Fire for a message that is news."""
        step, event = message.get("type"), EventRef.parse(message.get("id"))
        if is_old or step not in EVENT_TYPES or message.get("kind") == _CONTINUOUS or event is None or self._was_told(message):
            return
        attributes = {name: _bounded(message[name]) for name in (*_FEW, *_MANY) if name in message}
        attributes["media_id"] = media_content_id(self.coordinator.bridge_id, event.format(), CLIP)
        self._trigger_event(step, attributes)
        self.async_write_ha_state()

    def _was_told(self, message: JsonObject) -> bool:
        """Say whether the message was heard before: its numbers count up within an epoch, and are kept over a restart."""
        before = self.state_attributes
        number, last = message.get("seq"), before.get("seq")
        if message.get("epoch") != before.get("epoch") or not isinstance(number, int) or not isinstance(last, int):
            return False
        return number <= last


def _bounded(value: object) -> Any:  # noqa: ANN401  # JSON
    """Return the value of a message's field in a size that a state may have; None for what no field can be."""
    if isinstance(value, str):
        return value[:_LONGEST]
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return [_bounded(each) for each in value[:_MOST] if isinstance(each, str | int | float)]
    return None
