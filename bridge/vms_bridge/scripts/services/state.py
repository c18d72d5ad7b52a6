"""State: what a script asks to be kept for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import Field

from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.store import LONGEST_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.store import ScriptStore

Written: TypeAlias = "Callable[[object, str, Mapping[str, Any], Sequence[str]], None]"
_MOST_TTL_S = 10 * 366 * 86400.0
_Key = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY)]


class SetAsked(Asked):
    """Keep this value, for so long."""

    key: _Key
    value: Any
    ttl_s: Annotated[float, Field(gt=0, le=_MOST_TTL_S, allow_inf_nan=False)] | None = None


class DeleteAsked(Asked):
    """Forget a value."""

    key: _Key


class ClearAsked(Asked):
    """Forget all values."""


class StateService:
    """Keeps what scripts want to be kept, each its own only."""

    def __init__(self, store: ScriptStore, written: Written) -> None:
        self._store, self._written = store, written

    async def set(self, asker: Asker, asked: SetAsked, _data: bytes) -> Answered:
        """Keep a value. Raises StateRefused, StoreError."""
        await self._store.set_state(asker.name, asked.key, asked.value, ttl_s=asked.ttl_s)
        self._written(asker, asker.name, {asked.key: asked.value}, ())
        return Answered()

    async def delete(self, asker: Asker, asked: DeleteAsked, _data: bytes) -> Answered:
        """Forget a value; one that is not there is no mistake. Raises StoreError."""
        was_there = await self._store.delete_state(asker.name, asked.key)
        self._written(asker, asker.name, {}, (asked.key,))
        return Answered({"was_there": was_there})

    async def clear(self, asker: Asker, _asked: ClearAsked, _data: bytes) -> Answered:
        """Forget all values. Raises StoreError."""
        gone = await self._store.clear_state(asker.name)
        self._written(asker, asker.name, {}, gone)
        return Answered({"count": len(gone)})


def rows(store: ScriptStore, written: Written) -> Sequence[ServiceRow]:
    """Return what can be asked about state; `written` is told what has changed of whose, by whom."""
    service = StateService(store, written)
    return (
        ServiceRow(what="state.set", asked=SetAsked, do=service.set, rate=20.0, burst=100.0),
        ServiceRow(what="state.delete", asked=DeleteAsked, do=service.delete, rate=20.0, burst=100.0),
        ServiceRow(what="state.clear", asked=ClearAsked, do=service.clear, rate=1.0, burst=5.0),
    )
