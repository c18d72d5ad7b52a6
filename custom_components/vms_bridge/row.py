"""What a row of the entity catalogue says: the bridge's own words for an entity (`catalogue.py` has the rows)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entity: what it is called, and where its value is. Times are texts in UTC, durations seconds, sizes bytes."""

    key: str
    scope: str
    """What it is about: `bridge`, `system`, its `storage` or `server`, `monitor`, its `zone` or `object`."""
    platform: str
    name: str | None = None
    """None where the device class gives a translated one, empty for the device's own; `{}` is the part's."""
    device_class: str | None = None
    state_class: str | None = None
    unit: str | None = None
    """The unit of its value."""
    display_unit: str | None = None
    """The unit that people read, of which one is `display_divisor` of the others."""
    display_divisor: float | None = None
    category: str | None = None
    icon: str | None = None
    options: tuple[str, ...] = ()
    """The values that are known; others may come."""
    bounds: tuple[float, ...] = ()
    """The least and the most that a number may be, and its step; none: from 0 to 1."""
    enabled: bool = True
    always: bool = False
    """It is available as long as the bridge is, even while the VMS can't be asked."""
    lasts: bool = False
    """Its value holds also while the VMS can't be asked."""
    type: str | None = None
    """What its value is in JSON: `boolean`, `integer`, `number`, `string` or `time`; null is unknown beside each."""
    source: str = "state"
    """The message that its value is in: `state`, `last_event`, `event`, `snapshot`, `status`, `health` or `none`."""
    field: str = ""
    part_of: str = ""
    """The object in the message that has the value by the part's key, or a part's object with `field` in it."""
    attributes: tuple[str, ...] = ()
    """The fields of the message that are shown beside the value; `*` for all of them."""
    command: str | None = None
    press: str | None = None
    """Which value of the command a button sends; None: its command needs none."""
    level: str | None = None
    """The scope that its command takes; None: it has none, or one that only MQTT knows."""
    mode: str | None = None
    """The mode of the monitor that it is about."""
    needs: tuple[str, ...] = ()
    """What the system or monitor must be able to do to have it."""
