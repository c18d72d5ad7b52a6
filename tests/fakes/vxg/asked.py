"""One request to the simulated API, taken apart; and what is answered to all alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fakes.vxg.server import FakeVxg
    from tests.fakes.vxg.world import FakeChannel, World

_Row = TypeVar("_Row")
DEFAULT_LIMIT, MOST_LIMIT = 20, 1000


class Denied(Exception):
    def __init__(self, status: int, error_type: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.error_type, self.detail = status, error_type, detail


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: by which scheme, for which id, with which access."""

    scheme: str
    id: int
    access: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, taken apart."""

    fake: FakeVxg
    caller: Caller | None
    method: str
    path: str
    query: dict[str, str]
    body: Any
    found: dict[str, str]
    camids: set[int] = field(init=False)
    """Whose rows the caller may see."""

    @property
    def world(self) -> World:
        return self.fake.world

    def __post_init__(self) -> None:
        object.__setattr__(self, "camids", self.fake.visible(self.caller))

    def channel(self, name: str = "id") -> FakeChannel:
        """Return the channel of the path, or that of the token. Raises Denied."""
        said = self.found.get(name)
        number = int(said) if said else self.caller.id if self.caller is not None and self.caller.scheme == "Acc" else 0
        if not said and self.caller is not None and self.caller.scheme != "Acc":
            raise Denied(400, "bad_request", "a channel is to be named")
        if number not in self.camids:
            raise Denied(404, "not_found", "no such channel")
        return self.world.channels[number]

    def wants(self, name: str) -> bool:
        return self.query.get(name) == "true"


def paged(
    asked: Asked,
    rows: Sequence[_Row],
    made: Callable[[_Row], Any] = lambda row: row,
    **meta: Any,  # noqa: ANN401
) -> tuple[int, dict[str, Any]]:
    """[S][D] A list's envelope: `next` is relative to the host, with the query. `made` writes a row that is on the page."""
    limit = min(int(asked.query.get("limit") or DEFAULT_LIMIT), asked.fake.most_rows)
    offset = int(asked.query.get("offset") or 0)

    def at(where: int) -> str:
        return f"{asked.path}?{urlencode({**asked.query, 'limit': limit, 'offset': where})}"

    total = len(rows)
    return 200, {
        "meta": {
            "limit": limit,
            "offset": offset,
            "total_count": total,
            "next": at(offset + limit) if offset + limit < total else None,
            "previous": at(max(0, offset - limit)) if offset else None,
            **meta,
        },
        "objects": [made(row) for row in rows[offset : offset + limit]],
    }
