"""Documents beside the video: recorded, found, changed and deleted; and conditions that choose them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.vxg.support import served
from tests.fakes.vxg.filters import holds

from vms_bridge.errors import TooLarge, VmsProtocolError
from vms_bridge.vxg import (
    AccessMissing,
    Changes,
    Document,
    MetadataRefused,
    PagingRefused,
    Refused,
    WrongValue,
    all_of,
    any_of,
    field,
)
from vms_bridge.vxg.conditions import Joined, Leaf
from vms_bridge.vxg.metadata import read

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def car(number: int = 0, **more: Any) -> Document:  # noqa: ANN401
    said = {"texts": {"label": "car"}, "numbers": {"count": number}, "floats": {"score": 0.5}, "raw": '{"any": "text"}'}
    return Document(timestamp=NOON + timedelta(seconds=number), **{**said, **more})


async def test_documents_are_recorded_and_found_again() -> None:
    async with served() as (vxg, fake):
        ids = await vxg.metadata.record(101, [car(1), car(2, texts={"label": "dog"})])
        await vxg.metadata.record(102, [car(3)])
        assert len(ids) == 2
        assert await vxg.metadata.list(101) == (
            car(1, id=ids[0], camera_id=101),
            car(2, texts={"label": "dog"}, id=ids[1], camera_id=101),
        )
        assert [each.numbers["count"] for each in await vxg.metadata.list()] == [1, 2, 3], "of all of the group"
        assert [each.camera_id for each in await vxg.metadata.list()] == [101, 101, 102]
        dogs = field("string.label").equals("dog")
        assert [each.id for each in await vxg.metadata.list(101, dogs)] == [ids[1]]
        since = field("timestamp").at_least(NOON + timedelta(seconds=2))
        assert [each.numbers["count"] for each in await vxg.metadata.list(where=since, newest_first=True)] == [3, 2]
        assert len(await vxg.metadata.list(where=any_of(dogs, field("long.count").above(2)))) == 2
        assert await vxg.metadata.list(where=all_of(dogs, field("long.count").above(2))) == ()
        await vxg.metadata.update(101, [Document(timestamp=NOON, numbers={"count": 9}, id=ids[0])])
        (changed,) = await vxg.metadata.list(101, field("long.count").equals(9))
        assert changed.texts == {"label": "car"}, "what was not named stays"
        await vxg.metadata.delete(101, [ids[0]])
        await vxg.metadata.delete_where(101, dogs)
        assert await vxg.metadata.list(101) == ()
        assert len(fake.world.documents) == 1


async def test_some_that_are_not_taken_are_named() -> None:
    async with served() as (vxg, _):
        bad = car(2, texts={"refuse": "this"})
        with pytest.raises(MetadataRefused, match=r"1 of 3 documents of channel 101 were not taken: timestamp") as caught:
            await vxg.metadata.record(101, [car(1), bad, car(3)])
        assert [place for place, _ in caught.value.refused] == [1]
        assert [number is None for number in caught.value.ids] == [False, True, False]
        with pytest.raises(MetadataRefused):
            await vxg.metadata.delete(101, ["nothing"])


async def test_many_documents_go_in_parts_and_come_in_pages() -> None:
    async with served() as (vxg, fake):
        ids = await vxg.metadata.record(101, [car(number) for number in range(450)])
        assert len(set(ids)) == 450
        assert fake.count["POST /api/v4/meta/"] == 5
        found = [each.numbers["count"] async for each in vxg.metadata.each(101)]
        assert found == list(range(450))
        assert fake.count["POST /api/v4/meta/filter/"] == 2
        assert len(await vxg.metadata.list(101, limit=7)) == 7
        assert [each.numbers["count"] async for each in vxg.metadata.each(newest_first=True)] == list(reversed(range(450)))


@pytest.mark.parametrize("rows", [1, 5, 1000])
async def test_what_comes_and_goes_while_pages_are_read_makes_no_other_document_slip_through(rows: int) -> None:
    async with served(channels=1) as (vxg, fake):
        fake.most_rows = rows
        ids = [fake.world.note(101, ago_s=100.0 - number // 4) for number in range(60)]
        start = fake.world.now() - timedelta(seconds=120)

        def forget_the_oldest(method: str, path: str) -> None:
            if (method, path) == ("POST", "/api/v2/storage/meta/filter/"):
                del fake.world.documents[next(iter(fake.world.documents))]

        fake.between = forget_the_oldest
        read = [each.id for each in await vxg.metadata.list(where=field("timestamp").at_least(start))]
        assert len(read) == len(set(read))
        assert set(fake.world.documents) <= set(read) <= set(ids)


async def test_documents_of_one_time_are_all_read_though_pages_are_small() -> None:
    async with served(channels=1) as (vxg, fake):
        fake.most_rows = 4
        for _ in range(21):
            number = fake.world.note(101, ago_s=5)
            fake.world.documents[number][1]["timestamp"] = "2026-11-01T12:00"
        assert len(await vxg.metadata.list()) == 21


async def test_a_document_that_is_too_large_is_passed_over_and_no_other() -> None:
    async with served(channels=1) as (vxg, fake):
        ids = [fake.world.note(101, ago_s=100.0 - number) for number in range(20)]
        fake.world.documents[ids[7]][1]["raw_data"] = "x" * 5_000_000
        before = len(fake.requests)
        assert [each.id for each in await vxg.metadata.list()] == [*ids[:7], *ids[8:]]
        assert len(fake.requests) - before < 25


async def test_where_all_that_is_answered_is_too_large_that_is_an_error() -> None:
    async with served(channels=1) as (vxg, fake):
        fake.faults.add("/api/v2/storage/meta/filter/", "huge")
        before = len(fake.requests)
        with pytest.raises(TooLarge):
            await vxg.metadata.list()
        assert len(fake.requests) - before < 20


async def test_documents_are_told_once_late_ones_too_and_again_when_they_change() -> None:
    async with served(channels=2) as (vxg, fake):
        watch = vxg.metadata.watch(fake.world.now())
        first = fake.world.note(101)
        late = fake.world.note(102, ago_s=30)
        assert {each.id for each in (await watch.poll()).new} == {first, late}
        assert (await watch.poll()) == Changes()
        fake.world.documents[first][1]["string"] = {"label": "dog"}
        (changed,) = (await watch.poll()).changed
        assert (changed.id, changed.texts) == (first, {"label": "dog"})
        assert watch.mark == changed.timestamp
        fake.faults.add("/api/v2/storage/meta/filter/", "list")
        with pytest.raises(VmsProtocolError):
            await watch.poll()


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["timestamp", "long", "float", "string", "raw_data", "id", "camid"]), json))
def test_any_document_is_read_or_not(said: dict[str, Any]) -> None:
    found = read(said, None)
    if found is not None:
        assert found.timestamp.tzinfo is not None
        assert all(math.isfinite(each) for each in found.floats.values())
        assert found.id != ""


@pytest.mark.parametrize("newest_first", [False, True])
async def test_documents_that_come_and_go_while_they_are_read_make_no_other_slip_through(newest_first: bool) -> None:  # noqa: FBT001
    async with served() as (vxg, fake):
        ids = await vxg.metadata.record(101, [car(number) for number in range(450)])
        begin, end = (449, 0) if newest_first else (0, 449)

        def meanwhile(_method: str, path: str) -> None:
            if path.endswith("/filter/") and fake.count["POST /api/v4/meta/filter/"] == 2:
                for number in range(10):
                    fake.world.documents.pop(ids[abs(begin - number)], None)

        fake.between = meanwhile
        found = [each.numbers["count"] async for each in vxg.metadata.each(101, newest_first=newest_first)]
        assert found == list(range(begin, end + (-1 if newest_first else 1), -1 if newest_first else 1))


async def test_more_documents_of_one_time_than_a_page_has_are_all_read() -> None:
    async with served() as (vxg, fake):
        await vxg.metadata.record(101, [car(number, floats={}) for number in (1, 2)])
        same = [Document(timestamp=NOON, numbers={"count": number}) for number in range(450)]
        await vxg.metadata.record(101, same)
        assert len(await vxg.metadata.list(101)) == 452
        assert len(await vxg.metadata.list(101, newest_first=True)) == 452
        assert len(await vxg.metadata.list(101, limit=430)) == 430
        assert await vxg.metadata.list(101, limit=0) == ()
        for _, row in fake.world.documents.values():
            del row["id"]
        assert len(await vxg.metadata.list(101, limit=5)) == 5, "one without an id is one, too"


async def test_documents_that_come_over_and_over_have_an_end() -> None:
    async with served() as (vxg, fake):
        await vxg.metadata.record(101, [car(number) for number in range(700)])
        fake.ignores_filters = True
        with pytest.raises(PagingRefused):
            await vxg.metadata.list(101)
        fake.faults.add("/api/v4/meta/filter/", "list")
        with pytest.raises(VmsProtocolError, match="something else than a list"):
            await vxg.metadata.list(101)


async def test_an_answer_that_says_too_little_is_told() -> None:
    async with served() as (vxg, fake):
        fake.faults.add("/api/v4/meta/", "list")
        with pytest.raises(VmsProtocolError, match="of 0 documents"):
            await vxg.metadata.record(101, [car(1)])


async def test_a_token_for_watching_records_nothing() -> None:
    async with served(by="watch") as (vxg, fake):
        with pytest.raises(AccessMissing):
            await vxg.metadata.record(101, [car(1)])
        assert not fake.world.documents


@pytest.mark.parametrize(
    "wrong",
    [
        car(1, floats={"a": math.nan}),
        car(1, floats={"a": math.inf}),
        car(1, numbers={"a": 2**63}),
        car(1, numbers={"a": 1.5}),
        car(1, raw="x" * 300_000),
    ],
)
async def test_a_document_that_can_not_be_written_is_not_sent(wrong: Document) -> None:
    async with served() as (vxg, fake):
        before = len(fake.requests)
        with pytest.raises(WrongValue):
            await vxg.metadata.record(101, [car(1), wrong])
        with pytest.raises(WrongValue, match="has an id"):
            await vxg.metadata.update(101, [car(1)])
        assert len([path for _, path in list(fake.requests)[before:] if path.startswith("/api/v4/meta")]) == 0


@pytest.mark.parametrize("name", ["", "label", "string.", "string. x", "blob.x", "string.a b", "timestamp.x"])
def test_a_field_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(WrongValue):
        field(name)


def test_a_condition_has_bounds() -> None:
    leaf = field("long.a").equals(1)
    deep: Leaf | Joined = leaf
    for _ in range(8):
        deep = all_of(deep)
    with pytest.raises(WrongValue):
        all_of(deep)
    with pytest.raises(WrongValue):
        any_of(*[leaf] * 300)
    with pytest.raises(WrongValue):
        all_of()


async def test_a_condition_that_vxg_refuses_is_told() -> None:
    async with served() as (vxg, _):
        with pytest.raises(Refused):
            await vxg.metadata.list(101, Leaf("long.a", (("near", 1),)))


leaves = st.builds(
    lambda name, operator, value: getattr(field(f"long.{name}"), operator)(value),
    st.sampled_from("abc"),
    st.sampled_from(["equals", "above", "at_least", "below", "at_most"]),
    st.integers(-3, 3),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda how, some: how(*some), st.sampled_from([all_of, any_of]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(conditions, st.dictionaries(st.sampled_from("abc"), st.integers(-3, 3)))
def test_what_is_written_means_what_was_said(condition: Leaf | Joined, values: dict[str, int]) -> None:
    def means(said: Leaf | Joined) -> bool:
        if isinstance(said, Joined):
            return (all if said.how == "and" else any)(means(each) for each in said.conditions)
        ((operator, wanted),) = said.operators
        value = values.get(said.name.removeprefix("long."))
        if value is None or not isinstance(wanted, int):
            return False
        answers = {
            "eq": value == wanted,
            "gt": value > wanted,
            "gte": value >= wanted,
            "lt": value < wanted,
            "lte": value <= wanted,
        }
        return answers[operator]

    assert holds({"timestamp": "2026-11-01T12:00:00", "long": values}, dict(condition.written())) == means(condition)
