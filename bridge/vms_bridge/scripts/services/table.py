"""The table of what scripts may ask for: each row says what it is called, what it is asked with, how often, and who does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from vms_bridge.buckets import Buckets
from vms_bridge.errors import BodyInvalid, NotFound, TooManyRequests
from vms_bridge.foreign import mistakes_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.values import Permissions

MOST_UNDER_WAY = 64
"""How many asks of one worker may be under way, beside those that wait for something else than work."""
MOST_OF = {"timer.open": 512, "wait.open": 128, "lock.acquire": 64}
"""How many may be under way of each of those."""
MOST_DEPTH = 32
"""How deep what is asked with may be nested: pydantic makes JSON of no more than some 250 levels, and Python of some 900."""


class Asked(BaseModel):
    """What an ask is made with: the base of all such models."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a script is answered: JSON, and bytes behind it."""

    words: Mapping[str, Any] = field(default_factory=dict)
    data: bytes = b""


class Asker(Protocol):
    """The running worker that asks, as services see it: another one whenever the script is started anew."""

    @property
    def name(self) -> str:
        """The script's name."""

    @property
    def permissions(self) -> Permissions:
        """What it may do."""

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
        """Have this called when the worker ends, to let go of what it holds; what is returned takes that back."""


class Service(Protocol):
    """Does what is asked. Raises BridgeError, which the script gets by its code, message and hint."""

    async def __call__(self, asker: Asker, asked: Any, data: bytes, /) -> Answered:  # noqa: ANN401 - the row's model
        """Do it for this worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """One thing that can be asked for: each script may do so `burst` times at once, and then `rate` times a second."""

    what: str
    asked: type[Asked]
    do: Service
    rate: float = 20.0
    burst: float = 40.0
    most_bytes: int = 0
    """How much may stand behind the JSON."""


class Services:
    """All that can be asked for. One for all scripts; how often each asks is counted by its name."""

    def __init__(self, rows: Iterable[ServiceRow], clock: Clock) -> None:
        self._rows = {row.what: row for row in rows}
        self._buckets = {row.what: Buckets(clock, rate=row.rate, burst=row.burst) for row in self._rows.values()}

    @property
    def names(self) -> frozenset[str]:
        """What there is."""
        return frozenset(self._rows)

    async def answer(self, asker: Asker, what: str, words: Mapping[str, Any], data: bytes = b"") -> Answered:
        """Return the answer. Raises BridgeError: NotFound, BodyInvalid, TooManyRequests, and what the service itself raises."""
        row = self._rows.get(what)
        if row is None:
            raise NotFound(f"scripts can't ask for {what[:60]!r}", hint="is the script written for a newer bridge?")
        wait_s = self._buckets[what].take(asker.name)
        if wait_s:
            often = f"{row.rate:g} times a second" if row.rate >= 1 else f"once in {1 / row.rate:g} s"
            hint = f"it may be asked for {row.burst:g} times at once, and then {often}: wait, or do it less often"
            raise TooManyRequests(f"{what} is asked for too often", hint=hint, retry_after_s=wait_s)
        if _is_deeper_than(MOST_DEPTH, words):
            raise BodyInvalid(f"{what} is asked for with what is nested more than {MOST_DEPTH} deep")
        if len(data) > row.most_bytes:
            raise BodyInvalid(f"{what} takes at most {row.most_bytes} bytes, and not {len(data)}")
        try:
            asked = row.asked.model_validate(words)
        except ValidationError as error:
            mistakes = mistakes_in(error)
            said = "; ".join(f"{where}: {why}" if where else why for where, why in mistakes)
            raise BodyInvalid(f"{what} can't be asked for so: {said}", mistakes=mistakes) from None
        return await row.do(asker, asked, data)


def _is_deeper_than(most: int, value: Any) -> bool:  # noqa: ANN401 - JSON
    level = [value]
    for _ in range(most):
        level = [inner for each in level for inner in _inner(each) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inner(value: Any) -> Iterable[Any]:  # noqa: ANN401 - JSON
    return value.values() if isinstance(value, dict) else value
