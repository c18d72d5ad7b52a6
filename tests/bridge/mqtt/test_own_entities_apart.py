"""Whatever one script says of its entities, or calls itself: those of the others are announced and published all the same."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.bridge.mqtt.house import ROOT, House, until
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub
from tests.fakes.pipe import FakePipe

from vms_bridge.errors import BridgeError
from vms_bridge.hub.own_entities import HubOwnEntities
from vms_bridge.mqtt.homeassistant import Announcer, Offer
from vms_bridge.mqtt.notices import Notices
from vms_bridge.mqtt.own_entities import OwnEntityPublisher
from vms_bridge.mqtt.topics import Topics
from vms_bridge.own_entities import EntityKind, EntityState, OwnEntity, Owner

if TYPE_CHECKING:
    from collections.abc import Mapping

TOPICS = Topics("home")
CALM = OwnEntity(key="count", kind=EntityKind.SENSOR)
TEXT = st.text(st.characters(exclude_categories=()), max_size=300)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=8)
ATTRIBUTES = st.dictionaries(TEXT, JSON, max_size=3)
ENTITIES = st.builds(
    OwnEntity,
    key=TEXT,
    kind=st.sampled_from([*EntityKind, EntityKind("fan")]),
    name=TEXT,
    icon=st.none() | TEXT,
    min=st.none() | st.floats(),
    options=st.lists(TEXT, max_size=3).map(tuple),
)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


class Careless(HubOwnEntities):
    """Keeps one owner without looking at what it has, as a defect would."""

    def __init__(self, hub: FakeHub, owner: Owner) -> None:
        super().__init__(hub._own_entities_changed)
        self._wild = owner

    @property
    def owners(self) -> Mapping[str, Owner]:
        return {self._wild.name: self._wild, **super().owners}


async def published(hub: FakeHub) -> dict[str, bytes]:
    """What a broker has of all this after a second link."""
    clock, pipe = FakeClock(), FakePipe()
    subscription = hub.subscribe()
    notices = Notices(logging.getLogger(__name__), clock)
    publisher = OwnEntityPublisher(hub=hub, topics=TOPICS, outbox=pipe.outbox, clock=clock, notices=notices, retained=())
    announcer = Announcer(
        hub=hub, offer=Offer(topics=TOPICS), outbox=pipe.outbox, clock=clock, retained={}, unwanted=set(), is_on=True
    )
    changes = await subscription.changes()
    await announcer.start(changes)
    publisher.note(changes)
    publisher.repeat("wild")
    subscription.close()
    pipe.settle()
    return pipe.retained()


def is_there(broker: Mapping[str, bytes]) -> bool:
    return {TOPICS.script_discovery("calm"), TOPICS.script_state("calm", "count")} <= broker.keys()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(ENTITIES, max_size=3), st.dictionaries(TEXT, st.tuples(JSON, st.dictionaries(TEXT, JSON, max_size=3)), max_size=3)
)
@example([OwnEntity(key="deep", kind=EntityKind.SENSOR)], {"deep": ("x", nested(300))})
@example([OwnEntity(key="lone", kind=EntityKind.SENSOR, name="\ud800")], {"lone": ("\ud800", {"\ud800": "\ud800"})})
def test_of_what_the_hub_does_not_refuse_and_of_what_it_should_have(
    entities: list[OwnEntity], states: dict[str, tuple[Any, dict[str, Any]]]
) -> None:
    async def run() -> None:
        kept = FakeHub(monitors=0)
        for entity in entities:
            with suppress(BridgeError):
                kept.own_entities.add("wild", entity)
        for key, (value, attributes) in states.items():
            with suppress(BridgeError):
                kept.own_entities.say("wild", key, value, attributes)
        careless = FakeHub(monitors=0)
        wild = Owner(
            name="wild",
            is_available=True,
            entities={each.key: each for each in entities},
            states={key: EntityState(value=value, attributes=attributes) for key, (value, attributes) in states.items()},
        )
        careless.own_entities = Careless(careless, wild)
        for hub in (kept, careless):
            hub.own_entities.declare("calm", [CALM])
            assert is_there(await published(hub))

    asyncio.run(run())


async def test_the_session_goes_on_and_so_do_the_others() -> None:
    async with FakeBroker() as broker:
        house = House(broker, FakeClock())
        await house.start()
        session = house.sink._session
        bell = OwnEntity(key="bell", kind=EntityKind.EVENT, options=("pressed",))
        house.hub.own_entities.declare("wild", [CALM, bell])
        house.hub.own_entities.say("wild", "count", 1, nested(300))
        house.hub.own_entities.say("wild", "bell", "pressed", nested(300))
        house.hub.own_entities.declare("calm", [CALM])
        house.hub.own_entities.say("calm", "count", 7, {})
        topic = f"{ROOT}/script/calm/count/state"
        await until(lambda: b"7" in broker.retained.get(topic, b""), house.clock)
        assert house.sink._session is session
        house.hub.own_entities.say("wild", "count", 2, {})
        await until(lambda: f"{ROOT}/script/wild/count/state" in broker.retained, house.clock)
        await house.stop()
