"""What the sink keeps from one link to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.mqtt.counters import Counters, Timings
from vms_bridge.mqtt.dialect import Dialect
from vms_bridge.mqtt.events import Confirmations
from vms_bridge.mqtt.pictures import PictureMemory
from vms_bridge.mqtt.published import Published

if TYPE_CHECKING:
    from vms_bridge.mqtt.absence import Absence
    from vms_bridge.mqtt.for_others import ForOthers


@dataclass(slots=True)
class Memory:
    """What outlives a link."""

    absence: Absence
    confirmations: Confirmations = field(default_factory=Confirmations)
    snapshots: PictureMemory = field(default_factory=PictureMemory)
    dialect: Dialect = field(default_factory=Dialect)
    counters: Counters = field(default_factory=Counters)
    timings: Timings = field(default_factory=Timings)
    published: Published = field(default_factory=Published)
    unwanted: set[str] = field(default_factory=set)
    established: bool = False
    for_others: ForOthers | None = None
    """From when the hub is known."""
