"""Large answers: they come back whole, or with one reason, from a process with bounds of its own."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.bridge.backends.zoneminder.support import config
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.clock import SystemClock
from vms_bridge.errors import TooLarge, VmsProtocolError
from vms_bridge.zoneminder.answers import MOST_ROWS, Decoded, NotJson, UnfitJson, decode, pieces
from vms_bridge.zoneminder.large_answers import LARGE_BYTES, Decoder

MONITORS = {"monitors": [{"Monitor": {"Id": number, "Name": f"Tür {number} 🚪", "Path": "x" * 3000}} for number in range(200)]}


@pytest.mark.parametrize(
    "value",
    [
        MONITORS,
        {"monitors": [], "events": [{"Event": {"Notes": "n" * 60_000}}] * 20, "pagination": {"page": 1}},
        {"one": 1.5, "two": None, "three": ["a" * LARGE_BYTES], "four": {"deep": [[1, 2], {}]}},
        [["a" * LARGE_BYTES]],
        "a" * (LARGE_BYTES + 1),
    ],
    ids=["monitors", "events", "mixed", "list", "text"],
)
async def test_a_large_answer_is_the_same_as_if_it_were_small(value: object) -> None:
    body = json.dumps(value).encode()
    assert len(body) > LARGE_BYTES
    assert (await Decoder(SystemClock()).decode(body)) == Decoded(value)


async def test_what_is_not_clean_is_used_and_remarked_on_in_the_same_words() -> None:
    body = b"<br /><b>Deprecated</b>: old in index.php on line <b>3</b><br />\n" + json.dumps(MONITORS).encode()
    found = await Decoder(SystemClock()).decode(body)
    assert found.value == MONITORS
    assert found.remarks == decode(body).remarks
    assert [remark.kind for remark in found.remarks] == ["php"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"monitors":[' + b",".join([b"{}"] * 200_000) + b"]}", f"more than {MOST_ROWS} rows"),
        (b'{"monitors":[{"Monitor":[' + b"1," * 700_000 + b"1]}]}", "a row of more than"),
        (b'{"a":' + b"[" * LARGE_BYTES + b"]" * LARGE_BYTES + b"}", "nested too deeply"),
        (b'{"a": NaN, "b": "' + b"x" * LARGE_BYTES + b'"}', "NaN in the place of a number"),
        (b'{"a": ' + b"9" * LARGE_BYTES + b"}", "thousands of digits"),
    ],
    ids=["rows", "row", "nested", "nan", "number"],
)
async def test_what_nobody_can_mean_is_refused_with_its_reason(body: bytes, said: str) -> None:
    with pytest.raises(UnfitJson, match=said):
        await Decoder(SystemClock()).decode(body)


async def test_what_is_no_json_is_told_from_what_is() -> None:
    with pytest.raises(NotJson):
        await Decoder(SystemClock()).decode(b"<html>" + b"no " * LARGE_BYTES)


async def test_small_answers_have_the_same_bounds() -> None:
    body = b'{"monitors":[' + b",".join([b"{}"] * (MOST_ROWS + 1)) + b"]}"
    assert len(body) < LARGE_BYTES
    with pytest.raises(UnfitJson, match="rows"):
        await Decoder(SystemClock()).decode(body)


async def test_a_process_that_takes_too_long_is_ended_and_said_to() -> None:
    clock = FakeClock()
    body = b"[" + b"1," * 7_000_000 + b"1]"  # takes it longer than the clock is advanced
    decoding = asyncio.ensure_future(Decoder(clock).decode(body))
    while not clock._limits:  # noqa: ASYNC110 - nobody tells when the process runs
        await asyncio.sleep(0.001)
    await clock.advance(15)
    with pytest.raises(UnfitJson, match="could not be read within 15 s"):
        await decoding


@pytest.mark.timeout(60)  # on a busy machine half a gigabyte takes its time
async def test_an_answer_that_would_take_all_memory_is_refused() -> None:
    body = b'{"a":[' + b'{"":{}},' * 2_000_000 + b"{}]}"
    assert len(body) < 16 << 20
    with pytest.raises(UnfitJson, match="too much memory"):
        await Decoder(SystemClock()).decode(body)


def test_a_large_answer_comes_back_in_small_pieces() -> None:
    lines = list(pieces(Decoded(MONITORS)))
    assert max(map(len, lines)) < 200_000
    assert len(lines) > 5


def many_of(body: bytes) -> bytes:
    return json.dumps({"monitors": json.loads(body)["monitors"][:1] * 2000}).encode()


async def test_thousands_of_monitors_pass_and_a_flood_of_them_is_one_clear_error() -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        fake.rewrite = lambda path, body: many_of(body) if path == "monitors" else body
        many = await api.get("monitors")
        assert isinstance(many, dict)
        assert len(many["monitors"]) == 2000
        fake.rewrite = lambda *_: b'{"monitors":[' + b",".join([b"{}"] * 100_000) + b"]}"  # a token is held by now
        with pytest.raises(VmsProtocolError, match="more than 10000 rows"):
            await api.get("monitors")
        fake.rewrite = lambda *_: b'{"monitors":["' + b"x" * (17 << 20) + b'"]}'
        with pytest.raises(TooLarge, match="more than 16777216 bytes"):
            await api.get("monitors")
