"""Lists in pages, whatever is said of them and whatever happens to their rows meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.errors import VmsError
from vms_bridge.vxg import PagingRefused
from vms_bridge.vxg.paging import Seen, rows

if TYPE_CHECKING:
    from vms_bridge.vxg.border import Query

PATH = "/api/v5/channels/"


class Listed:
    """A list that is given three rows at a time; between two pages rows come and go."""

    def __init__(self, there: list[int], changes: list[tuple[str, int]]) -> None:
        self.there, self.changes, self.asked = there, changes, 0

    async def ask(self, query: Query) -> object:
        offset = int(dict(query)["offset"])
        if self.asked and self.changes:
            what, place = self.changes.pop(0)
            if what == "add":
                self.there.insert(place % (len(self.there) + 1), 1000 + self.asked)
            elif self.there:
                del self.there[place % len(self.there)]
        self.asked += 1
        page = self.there[offset : offset + 3]
        following = f"{PATH}?limit=3&offset={offset + 3}" if offset + 3 < len(self.there) else None
        return {"meta": {"total_count": len(self.there), "next": following}, "objects": [{"id": number} for number in page]}


async def read(listed: Listed, seen: Seen, limit: int | None = None) -> list[int]:
    return [row["id"] async for row in rows(listed.ask, PATH, (), seen=seen, limit=limit)]


changes = st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.integers(0, 40)), max_size=8)


@given(st.integers(0, 30), changes)
def test_no_row_comes_twice_and_what_slips_through_is_noticed(count: int, meanwhile: list[tuple[str, int]]) -> None:
    listed, seen = Listed(list(range(count)), list(meanwhile)), Seen()
    found = asyncio.run(read(listed, seen))
    assert len(found) == len(set(found))
    removed = {number for number in range(count) if number not in listed.there}
    missing = {number for number in range(count) if number not in found} - removed
    adds, removes = ([what for what, _ in meanwhile].count(name) for name in ("add", "remove"))
    # One that comes while another one goes leaves the total as it is; all else is seen.
    assert seen.changed or not missing or (adds and removes)
    if not meanwhile:
        assert found == list(range(count))
        assert not seen.changed


@given(st.integers(0, 30), st.integers(0, 40))
def test_no_more_rows_come_than_are_wanted(count: int, limit: int) -> None:
    listed = Listed(list(range(count)), [])
    assert asyncio.run(read(listed, Seen(), limit)) == list(range(min(count, limit)))


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example/api/v5/channels/?offset=3",
        "//evil.example/api/v5/channels/?offset=3",
        "http://[/api/v5/channels/",
        "/api/v5/other/?offset=3",
        5,
        ["x"],
        "/api/v5/channels/?offset=" + "1" * 5000,
        "/api/v5/channels/?" + "&".join(f"a{number}=1" for number in range(100)),
    ],
)
async def test_a_next_page_that_is_none_is_not_asked(following: object) -> None:
    asked: list[Query] = []

    async def ask(query: Query) -> object:
        asked.append(query)
        return {"meta": {"next": following}, "objects": [{"id": 1}]}

    with pytest.raises(VmsError):
        _ = [row async for row in rows(ask, PATH, ())]
    assert len(asked) == 1


async def test_a_list_without_end_has_one() -> None:
    async def ask(query: Query) -> object:
        offset = int(dict(query)["offset"])
        return {"meta": {"next": f"/prefix{PATH}?offset={offset + 1}"}, "objects": []}

    with pytest.raises(PagingRefused, match="more than 10000 pages"):
        _ = [row async for row in rows(ask, PATH, ())]


plain = st.none() | st.integers() | st.text(max_size=5)
names = st.sampled_from(["meta", "objects", "next", "id", "total_count"])
answers = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(names, inner), max_leaves=12)


@given(answers)
def test_any_answer_is_rows_or_none(answer: Any) -> None:  # noqa: ANN401
    async def ask(_: Query) -> object:
        return answer

    async def look() -> list[dict[str, Any]]:
        return [row async for row in rows(ask, PATH, ())]

    try:
        assert all(isinstance(row, dict) for row in asyncio.run(look()))
    except VmsError:
        return
