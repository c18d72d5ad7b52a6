"""Metadata on the command line: recorded from arguments and from lines of JSON, found and deleted."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.codes import COMMAND_REFUSED
from vms_bridge.cli.vxg.documents import NoDocument, batches, document_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg


def known(fake: FakeVxg) -> list[dict[str, object]]:
    return [{name: each for name, each in row.items() if name != "id"} for _, row in fake.world.documents.values()]


async def test_a_document_of_arguments(vxg: Ran, fake: FakeVxg) -> None:
    said = ("--text", "label=car = van", "--number", "count=2", "--float", "score=0.93", "--raw", "{}")
    code, out, err = await vxg("meta", "record", "Camera 1", "--at", "2026-11-20T12:00:00Z", *said)
    assert (code, out.strip(), err) == (OK, next(iter(fake.world.documents)), "")
    recorded = known(fake)[0]
    assert str(recorded.pop("timestamp")).startswith("2026-11-20T12:00:00")
    assert recorded == {"string": {"label": "car = van"}, "long": {"count": 2}, "float": {"score": 0.93}, "raw_data": "{}"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], USAGE),
        (["--number", "count=two"], USAGE),
        (["--text", "car"], USAGE),
        (["--text", "a=b", "--lines", "-"], USAGE),
        (["--lines", "not-there.jsonl"], USAGE),
        (["--float", "score=nan"], COMMAND_REFUSED),
        (["--number", f"count={2**63}"], COMMAND_REFUSED),
        (["--text", "refuse=it"], COMMAND_REFUSED),
    ],
)
async def test_a_document_that_can_not_be(arguments: list[str], code: int, vxg: Ran, fake: FakeVxg) -> None:
    assert (await vxg("meta", "record", "101", *arguments))[:2] == (code, "")
    assert not fake.world.documents


async def test_documents_of_lines(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    good = {"timestamp": "2026-11-20T12:00:00Z", "texts": {"label": "car"}, "numbers": {}, "floats": {"score": 1}, "raw": None}
    rows = [json.dumps(good), "", "no JSON", json.dumps({**good, "texts": {"refuse": "it"}}), json.dumps({**good, "id": "x"})]
    (tmp_path / "found.jsonl").write_text("\n".join(rows))
    code, out, err = await vxg("meta", "record", "101", "--lines", "found.jsonl", "--json")
    assert (code, [json.loads(line)["line"] for line in out.splitlines()]) == (FAILED, [1, 5])
    assert all(words in err for words in ("line 3: it is no JSON", "line 4: it is refused", "2 recorded, 2 failed."))
    assert len(fake.world.documents) == 2


async def test_lines_of_which_some_were_recorded_before_it_failed(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    line = json.dumps({"timestamp": "2026-11-20T12:00:00Z", "texts": {"label": "car"}})
    (tmp_path / "lines").write_text(f"{line}\n" * 150)

    def meanwhile(method: str, path: str) -> None:
        if (method, path) == ("POST", "/api/v4/meta/"):
            fake.faults.add("/api/v4/meta/", "500-html", method="POST")

    fake.between = meanwhile
    code, out, err = await vxg("meta", "record", "101", "--lines", "lines", "--json")
    recorded = len(out.splitlines())
    assert (code, 0 < recorded < 150) == (FAILED, True)
    assert f"{recorded} recorded, up to line {recorded}" in err
    assert json.loads(out.splitlines()[-1])["line"] == recorded


async def test_what_is_found_is_recorded_again(vxg: Ran, fake: FakeVxg, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        when = f"2026-11-20T12:00:0{number}Z"
        await vxg("meta", "record", "101", "--at", when, "--number", f"count={number}", "--text", "label=car")
    code, found, _ = await vxg("meta", "find", "--ndjson", "--oldest-first")
    assert (code, len(found.splitlines())) == (OK, 3)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(found.encode())))
    code, out, err = await vxg("meta", "record", "102", "--lines", "-")
    assert (code, len(out.splitlines()), err) == (OK, 3, "3 recorded.\n")
    assert known(fake)[:3] == known(fake)[3:]


async def test_documents_are_found(vxg: Ran) -> None:
    for number, label in enumerate(("car", "person", "red car")):
        said = ("--number", f"count={number}", "--text", f"label={label}", "--float", f"score={number / 2}")
        await vxg("meta", "record", f"10{number + 1}", "--at", f"2026-11-2{number}T12:00:00Z", *said)
    code, out, _ = await vxg("meta", "find", "--time-zone", "UTC")
    assert (code, "label: red car, count: 2, score: 1.0" in out, "2026-11-22 12:00:00" in out) == (OK, True, True)
    for options, counts in (
        (["--where", "string.label=person"], [1]),
        (["--where", "string.label~car"], [2, 0]),
        (["--where", "long.count>=1", "--where", "float.score<1"], [1]),
        (["--where", "long.count=0", "--where", "long.count=2", "--any"], [2, 0]),
        (["--where", "timestamp>2026-11-21T12:00:00Z"], [2]),
        (["--since", "2026-11-21T00:00:00Z", "--until", "2026-11-22T00:00:00Z", "--time-zone", "UTC"], [1]),
        (["--channel", "Camera 1"], [0]),
        (["--limit", "1"], [2]),
        (["--oldest-first", "--all"], [0, 1, 2]),
    ):
        found = json.loads((await vxg("meta", "find", "--json", *options))[1])
        assert [each["numbers"]["count"] for each in found] == counts, options


@pytest.mark.parametrize(
    "condition", ["label=car", "string.label", "long.count=many", "float.score=nan", "long.count~1", "timestamp>noon", "a.b=c"]
)
async def test_a_condition_that_is_none(condition: str, vxg: Ran) -> None:
    code, out, err = await vxg("meta", "find", "--where", condition)
    assert (code, out, "is no condition" in err) == (USAGE, "", True)


async def test_documents_are_deleted_when_that_is_wanted(vxg: Ran, fake: FakeVxg) -> None:
    for label in ("car", "car", "person"):
        await vxg("meta", "record", "101", "--text", f"label={label}")
    wanted = ("meta", "delete", "101", "--where", "string.label=car")
    code, out, err = await vxg(*wanted)
    assert (code, out, err.count("would delete document")) == (USAGE, "", 2)
    assert (await vxg(*wanted, "--dry-run", "--json"))[0] == OK
    assert len(fake.world.documents) == 3
    assert (await vxg(*wanted, "--yes"))[:2] == (OK, "2 documents of Camera 1 deleted\n")
    assert (await vxg(*wanted, "--yes"))[0] == OK, "there are none any more"
    number = next(iter(fake.world.documents))
    assert (await vxg("meta", "delete", "101", number, "-y", "--json"))[0] == OK
    assert not fake.world.documents
    assert (await vxg("meta", "delete", "101", number, "-y"))[0] == COMMAND_REFUSED
    assert (await vxg("meta", "delete", "101"))[0] == USAGE
    assert (await vxg("meta", "delete", "101", "x", "--where", "long.a=1"))[0] == USAGE


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        "{}",
        '{"timestamp": 1}',
        '{"timestamp": "noon"}',
        '{"timestamp": "2026-11-20", "label": "car"}',
        '{"timestamp": "2026-11-20", "texts": {"a": 1}}',
        '{"timestamp": "2026-11-20", "numbers": {"a": 1.5}}',
        '{"timestamp": "2026-11-20", "numbers": {"a": true}}',
        '{"timestamp": "2026-11-20", "floats": {"a": NaN}}',
        '{"timestamp": "2026-11-20", "floats": {"a": 1' + "0" * 400 + "}}",
        '{"timestamp": "2026-11-20", "raw": 1}',
        '{"timestamp": "2026-11-20", "raw": "' + "x" * 300_000 + '"}',
        "[" * 100_000,
        " " * 2_000_000,
    ],
)
def test_a_line_that_is_no_document(line: str) -> None:
    with pytest.raises(NoDocument):
        document_of(line)


@settings(max_examples=50)
@given(
    st.text() | st.recursive(st.none() | st.floats() | st.text(), lambda parts: st.dictionaries(st.text(), parts)).map(json.dumps)
)
def test_whatever_a_line_says_it_is_a_document_or_none(line: str) -> None:
    with suppress(NoDocument):
        assert document_of(line).timestamp.tzinfo is not None


def test_lines_come_with_their_numbers_each_once() -> None:
    text = "\n".join(["a", "", "b", *["c"] * 250, "x" * 2_000_000, "last"])
    found = [line for batch in batches(io.StringIO(text)) for line in batch]
    assert [(number, line[:4]) for number, line in found[:2]] == [(1, "a"), (3, "b")]
    assert [(number, line[:4]) for number, line in found[-2:]] == [(254, "xxxx"), (255, "last")]
    assert len(found) == 254


def test_lines_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with (tmp_path / "x").open(encoding="utf-8") as file, pytest.raises(Exception, match="can't be read"):
        list(batches(file))
