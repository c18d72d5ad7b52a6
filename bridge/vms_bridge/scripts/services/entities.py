"""`entity.declare`, `entity.state`, `entity.withdraw`: entities in Home Assistant that belong to a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, ValidationError

from vms_bridge.foreign import mistakes_in
from vms_bridge.own_entities import MOST_OPTIONS, EntityKind, EntityRefused, OwnEntity, check
from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vms_bridge.own_entities import OwnEntities
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.values import Permissions


class EntityWords(Asked):
    """An entity as a script describes it."""

    kind: EntityKind
    key: str = Field(max_length=40)
    name: str = Field(default="", max_length=255)
    icon: str | None = Field(default=None, max_length=64)
    device_class: str | None = Field(default=None, max_length=40)
    unit: str | None = Field(default=None, max_length=20)
    min: int | float | None = None
    max: int | float | None = None
    step: int | float | None = None
    options: tuple[str, ...] = Field(default=(), max_length=MOST_OPTIONS)
    category: Literal["config", "diagnostic"] | None = None

    @property
    def entity(self) -> OwnEntity:
        """The entity that is meant."""
        return OwnEntity(**dict(self))


class Declare(Asked):
    """One more entity."""

    entity: EntityWords


class Say(Asked):
    """How an entity is now."""

    key: str = Field(max_length=40)
    value: StrictBool | StrictInt | StrictFloat | StrictStr | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, max_length=100)


class Withdraw(Asked):
    """One entity less."""

    key: str = Field(max_length=40)


def read_entities(raw: Iterable[Mapping[str, Any]], permissions: Permissions) -> tuple[OwnEntity, ...]:
    """Return the entities that a script declares at its top level. Raises EntityRefused, PermissionMissing."""
    found: list[OwnEntity] = []
    for words in raw:
        try:
            entity = EntityWords.model_validate(words).entity
        except ValidationError as error:
            said = "; ".join(f"{where}: {why}" if where else why for where, why in mistakes_in(error))
            raise EntityRefused(f"there can be no such entity: {said}"[:600]) from None
        check(entity)
        found.append(entity)
    if found:
        require_flag(permissions, "entities")
    return tuple(found)


class EntityService:
    """Keeps scripts' entities in the hub."""

    def __init__(self, entities: OwnEntities) -> None:
        self._entities = entities

    def rows(self) -> Sequence[ServiceRow]:
        """Return what scripts may ask for."""
        return (
            ServiceRow(what="entity.declare", asked=Declare, do=self._declare, rate=2.0, burst=60.0),
            ServiceRow(what="entity.state", asked=Say, do=self._say, rate=20.0, burst=60.0),
            ServiceRow(what="entity.withdraw", asked=Withdraw, do=self._withdraw, rate=2.0, burst=60.0),
        )

    async def _declare(self, asker: Asker, asked: Declare, _data: bytes) -> Answered:
        require_flag(asker.permissions, "entities")
        self._entities.add(asker.name, asked.entity.entity)
        self._entities.available(asker.name, is_available=True)  # who asks is at work
        return Answered()

    async def _say(self, asker: Asker, asked: Say, _data: bytes) -> Answered:
        require_flag(asker.permissions, "entities")
        self._entities.say(asker.name, asked.key, asked.value, asked.attributes)
        return Answered()

    async def _withdraw(self, asker: Asker, asked: Withdraw, _data: bytes) -> Answered:
        require_flag(asker.permissions, "entities")
        self._entities.withdraw(asker.name, asked.key)
        return Answered()
