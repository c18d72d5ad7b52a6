"""The door by which a backend's values come in: what is not what its type says goes no further.

Sinks rely on the types of the model; one field of another type would end a sink again and again, and with it what it says of
all systems. What only needs to be converted (a state as plain text) is. What can't be is refused into the backend's own call.
"""

from __future__ import annotations

from dataclasses import fields
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from vms_bridge.archive import EventPage, Extent, FrameTimes, LogLine, VideoSource
from vms_bridge.errors import BackendDefect
from vms_bridge.hub.text import clean, shown
from vms_bridge.model import (
    MOST_GENERATIONS,
    Detection,
    Enrichment,
    Event,
    EventBatch,
    Monitor,
    MonitorState,
    OwnEvent,
    SystemState,
)

_T = TypeVar("_T")
_MOST_SHAPES = 1_000


class Gate(Generic[_T]):
    """Admits values of one kind."""

    def __init__(self, kind: type[_T]) -> None:
        self._kind = kind
        self._validator = SchemaValidator(_thorough(TypeAdapter(kind).core_schema))

    def admit(self, value: object) -> _T:
        """Return the value, with clean texts and converted where that is needed. Raises BackendDefect."""
        if type(value) is not self._kind:
            raise refused(value, self._kind.__name__)
        return self._validate(clean(value))

    def _validate(self, value: object) -> _T:
        try:
            admitted: _T = self._validator.validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise BackendDefect(
                "wrong values", f"{self._kind.__name__}.{'.'.join(map(str, first['loc']))}: {first['msg']}"
            ) from None
        return admitted


class StateGate(Gate[MonitorState]):
    """Admits monitors' states, ten thousand a second: one that looks like one that was admitted costs next to nothing."""

    def __init__(self) -> None:
        super().__init__(MonitorState)
        self._values = attrgetter(*(each.name for each in fields(MonitorState)))
        self._texts = attrgetter("cause", "detail", "source_reason", "source")
        self._shapes: set[tuple[type, ...]] = set()
        """The types of the values of those that were good as they were."""

    def admit_next(self, state: object, known: MonitorState) -> MonitorState:
        """Return the state that follows the known one of the same monitor, converted where needed. Raises BackendDefect."""
        if type(state) is not MonitorState:
            raise refused(state, MonitorState.__name__)
        shape = tuple(map(type, self._values(state)))
        is_alike = shape in self._shapes and state.modes == known.modes and state.zones == known.zones
        if is_alike and ((texts := self._texts(state)) == self._texts(known) or all(map(_reads_well, texts))):
            time = state.observed
            if time is None or time.tzinfo is not None:
                return state
        admitted = self._validate(clean(state))
        if shape == tuple(map(type, self._values(admitted))) and len(self._shapes) < _MOST_SHAPES:
            self._shapes.add(shape)
        return admitted


def admit_batch(batch: object) -> EventBatch:
    """Return the batch, each event of which has an id that differs from all others. Raises BackendDefect."""
    admitted = BATCHES.admit(batch)
    if not 1 <= admitted.generation <= MOST_GENERATIONS:
        raise BackendDefect("wrong values", f"EventBatch.generation: {admitted.generation} is not from 1 to {MOST_GENERATIONS}")
    if not all(event.id for event in admitted.events):
        raise BackendDefect("wrong values", "EventBatch.events: an event without an id")
    return admitted


def digest_of(*names: object) -> bytes:
    """Return what stands for these names together, however long they are. Raises BackendDefect for what are no texts."""
    for name in names:
        if type(name) is not str:
            raise refused(name, "text")
    return blake2b(repr(names).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def refused(value: object, wanted: str) -> BackendDefect:
    """Return the error for a value that is no such thing at all."""
    return BackendDefect("wrong values", f"a {type(value).__name__} where a {wanted} belongs")


def _reads_well(text: str | None) -> bool:
    return text is None or shown(text) is text


def _thorough(schema: Any) -> Any:  # noqa: ANN401 - pydantic's own schema in, one like it out
    """Have every value examined, whatever class it is of, and times without a zone refused."""
    if isinstance(schema, dict):
        changed = {key: _thorough(each) for key, each in schema.items()}
        if changed.get("type") == "dataclass":
            changed["revalidate_instances"] = "always"
        elif changed.get("type") == "datetime":
            changed["tz_constraint"] = "aware"
        return changed
    return [_thorough(each) for each in schema] if isinstance(schema, list) else schema


STATES = StateGate()
MONITORS, SYSTEMS, DETECTIONS, BATCHES = Gate(Monitor), Gate(SystemState), Gate(Detection), Gate(EventBatch)
PAGES, EXTENTS, LINES, ENRICHMENTS = Gate(EventPage), Gate(Extent), Gate(LogLine), Gate(Enrichment)
SOURCES = Gate(VideoSource)
FRAMES = Gate(FrameTimes)
EVENTS, OWN_EVENTS = Gate(Event), Gate(OwnEvent)
