"""`vms-bridge zm events`: found, shown, downloaded whole and once, changed and deleted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.fakes.zoneminder.media import clip_of
from tests.fakes.zoneminder.personality import V1_38_4

from vms_bridge.cli import FAILED, OK, USAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.conftest import Terminal
    from tests.bridge.cli.zm.conftest import Zm
    from tests.fakes.zoneminder import FakeZoneMinder, World

NOTES = "detected:person:92% Motion: All"


@pytest.fixture
def world(world: World) -> World:
    """A world with six events: of three hours ago to now, of all monitors; the newest goes on."""
    now = world.now()
    for number in range(1, 7):
        event = world.open_event((number - 1) % 3 + 1, start=now - timedelta(minutes=30 * (7 - number)), max_score=10 * number)
        if number < 6:
            world.close_event(event.id)
            event.end, event.length = event.start + timedelta(seconds=75), 75.0
    world.events[2].notes = NOTES
    return world


def ids(out: str) -> list[int]:
    """Return the ids of what was printed as lines of JSON."""
    return [json.loads(line)["id"] for line in out.splitlines()]


def files(folder: Path) -> list[str]:
    """Return the names of what is there."""
    return [path.name for path in folder.iterdir()]


async def test_a_table(zm: Zm) -> None:
    code, out, err = await zm("events", "list")
    assert (code, err) == (OK, "")
    rows = [line.rstrip() for line in out.splitlines()]
    assert [row.rpartition(" ")[2] for row in rows[1:]] == ["6", "5", "4", "3", "2", "1"]
    assert ("goes on" in rows[1], "1 min 15 s" in rows[2], "Camera 2" in rows[2], NOTES in rows[5]) == (True, True, True, True)
    code, out, err = await zm("events", "list", "--limit", "2")
    assert (code, len(out.splitlines()), "There may be more than these 2" in err) == (OK, 3, True)


async def test_the_issue_s_own_example(zm: Zm) -> None:
    code, out, _ = await zm("events", "list", "--from", "2 hours ago", "--monitor", "1", "--json")
    [event] = json.loads(out)
    assert (code, event["id"], event["monitor_id"], event["max_score"]) == (OK, 4, "1", 40)
    assert event["start"].endswith("Z")
    assert "raw" not in event


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--all"], [6, 5, 4, 3, 2, 1]),
        (["--oldest-first", "--limit", "2"], [1, 2]),
        (["--monitor", "Camera 1", "--monitor", "3"], [6, 4, 3, 1]),
        (["--since", "100 minutes ago", "--until", "50 minutes ago"], [5, 4]),
        (["--during", "100 minutes ago to 50 minutes ago"], [5, 4]),
        (["--min-score", "50"], [6, 5]),
        (["--objects"], [2]),
        (["--label", "person"], [2]),
        (["--notes", "92%"], [2]),
        (["--cause", "motion", "--limit", "1"], [6]),
    ],
)
async def test_filters(options: list[str], found: list[int], zm: Zm) -> None:
    code, out, err = await zm("events", "list", "--ndjson", *options)
    assert (code, ids(out), err) == (OK, found, "")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--from", "whenever"], USAGE, "whenever"),
        (["--from", "1h", "--during", "yesterday"], USAGE, "not both"),
        (["--since", "1 hour ago", "--until", "2 hours ago"], FAILED, "->"),
        (["--monitor", "Attic"], FAILED, "'Attic'"),
        (["--tag", "parcel"], 3, "1.37"),
    ],
)
async def test_questions_that_make_no_sense(options: list[str], code: int, words: str, zm: Zm) -> None:
    asked = await zm("events", "list", "--ndjson", *options)
    assert (asked[0], asked[1], words in asked[2]) == (code, "", True), asked[2]


async def test_how_many(zm: Zm) -> None:
    assert (await zm("events", "count"))[:2] == (OK, "6\n")
    assert json.loads((await zm("events", "count", "--monitor", "1", "--json"))[1]) == {"events": 2}


async def test_one_event(zm: Zm) -> None:
    code, out, _ = await zm("events", "show", "2")
    assert (code, NOTES in out, "2 Camera 2" in out) == (OK, True, True)
    said = json.loads((await zm("events", "show", "2", "--json"))[1])
    assert (said["id"], said["notes"], said["length_s"], said["path"][:10]) == (2, NOTES, 75.0, "/events/2/")
    assert json.loads((await zm("events", "show", "2", "--raw"))[1])["Notes"] == NOTES
    code, _, err = await zm("events", "show", "99")
    assert (code, "no event 99" in err) == (FAILED, True)


async def test_frames(zm: Zm) -> None:
    code, out, _ = await zm("events", "frames", "2", "--json")
    assert (code, isinstance(json.loads(out), list)) == (OK, True)
    assert (await zm("events", "frames", "2"))[0] == OK


async def test_videos_come_into_files_and_once(zm: Zm, world: World, fake: FakeZoneMinder, tmp_path: Path) -> None:
    code, out, err = await zm("events", "download", "1", "3", "1", "--to", "clips")
    assert (code, sorted(out.splitlines())) == (OK, ["clips/event-1.mp4", "clips/event-3.mp4"])
    assert err == "2 downloaded (600.0 kB).\n"
    assert (tmp_path / "clips/event-3.mp4").read_bytes() == clip_of(world.events[3])
    asked = fake.clips_asked
    code, out, err = await zm("events", "download", "--monitor", "3", "--to", "clips", "--ndjson")
    said = {each["event"]: each for each in map(json.loads, out.splitlines())}
    assert (code, said[3]["result"], said[6]["result"], said[6]["error"]["hint"] != "") == (FAILED, "there", "failed", True)
    assert fake.clips_asked == asked


async def test_what_was_broken_off_goes_on(zm: Zm, world: World, tmp_path: Path) -> None:
    whole = clip_of(world.events[1])
    (tmp_path / ".event-1.mp4.1.part").write_bytes(whole[:200_000])
    code, _, _ = await zm("events", "download", "1")
    assert (code, (tmp_path / "event-1.mp4").read_bytes()) == (OK, whole)
    assert files(tmp_path) == ["event-1.mp4"]


async def test_pictures(zm: Zm, fake: FakeZoneMinder, world: World, tmp_path: Path) -> None:
    code, out, _ = await zm("events", "download", "--pictures", "--limit", "2", "--to", "p")
    assert (code, sorted(out.splitlines())) == (OK, ["p/event-5-snapshot.jpg", "p/event-6-snapshot.jpg"])
    assert (tmp_path / "p/event-5-snapshot.jpg").read_bytes() == fake.picture
    world.events[1].is_annotated = True
    code, out, err = await zm("events", "download", "1", "2", "--frame", "objdetect")
    assert (code, out, "no detection hook" in err) == (FAILED, "event-1-objdetect.jpg\n", True)


@pytest.mark.parametrize(
    "arguments", [["1", "--monitor", "2"], ["--frame", "../../x"], ["--parallel", "9"], ["--frame", "0"], ["1", "--objects"]]
)
async def test_downloads_that_make_no_sense(arguments: list[str], zm: Zm, tmp_path: Path) -> None:
    assert (await zm("events", "download", *arguments))[:2] == (USAGE, "")
    assert files(tmp_path) == []


async def test_a_folder_that_can_not_be(zm: Zm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = await zm("events", "download", "1", "--to", "file/clips")
    assert (code, "can't be made" in err) == (FAILED, True)


async def test_notes_archive_and_lock(zm: Zm, world: World) -> None:
    assert (await zm("events", "note", "2", "a parcel, 100 %"))[:2] == (OK, "2: a parcel, 100 %\n")
    assert world.events[2].notes == "a parcel, 100 %"
    code, out, err = await zm("events", "archive", "1", "99", "2")
    assert (code, out, "99" in err) == (FAILED, "1: archived\n2: archived\n", True)
    assert (world.events[1].archived, world.events[3].archived) == (True, False)
    assert (await zm("events", "archive", "1", "--remove"))[:2] == (OK, "1: not archived\n")
    assert not world.events[1].archived
    assert ids((await zm("events", "list", "--archived", "--ndjson"))[1]) == [2]
    assert ids((await zm("events", "list", "--not-archived", "--ndjson", "--limit", "1"))[1]) == [6]
    assert (await zm("events", "lock", "1"))[:2] == (OK, "1: locked\n")
    assert (await zm("events", "lock", "1", "--remove"))[:2] == (OK, "1: unlocked\n")


async def test_events_are_deleted(zm: Zm, world: World) -> None:
    code, out, _ = await zm("events", "delete", "--monitor", "1", "--dry-run")
    assert (code, out.count("would delete event"), len(world.events)) == (OK, 2, 6)
    said = json.loads((await zm("events", "delete", "1", "--dry-run", "--json"))[1])
    assert [each["id"] for each in said] == [1]
    code, out, err = await zm("events", "delete", "--monitor", "1", "--yes")
    assert (code, out, err) == (OK, "", "2 deleted, 0 failed.\n")
    assert set(world.events) == {2, 3, 5, 6}
    code, out, _ = await zm("events", "delete", "2", "3", "--yes", "--json")
    assert (code, json.loads(out)["done"], set(world.events)) == (OK, 2, {5, 6})


@pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["1", "--monitor", "1"], ["1"]])
async def test_deletions_that_are_not_done(arguments: list[str], zm: Zm, world: World) -> None:
    assert (await zm("events", "delete", *arguments))[:2] == (USAGE, "")
    assert len(world.events) == 6


async def test_an_archived_event_stays_unless_it_is_meant(zm: Zm, world: World) -> None:
    world.events[1].archived = True
    code, _, err = await zm("events", "delete", "1", "--yes")
    assert (code, "1: it is archived" in err, "1 left alone" in err, 1 in world.events) == (OK, True, True, True)
    assert (await zm("events", "delete", "1", "--yes", "--even-archived"))[0] == OK
    assert 1 not in world.events
    code, _, err = await zm("events", "delete", "--monitor", "1", "--until", "1 day ago", "--yes")
    assert (code, "no such events" in err) == (OK, True)


async def test_tags_of_newer_versions(zm: Zm, world: World) -> None:
    world.upgrade(V1_38_4)
    assert (await zm("events", "tag", "parcel", "1", "2"))[:2] == (OK, "1: tagged parcel\n2: tagged parcel\n")
    assert ids((await zm("events", "list", "--tag", "parcel", "--ndjson"))[1]) == [2, 1]
    code, out, _ = await zm("events", "list", "--tags", "--limit", "5")
    assert (code, "parcel" in out) == (OK, True)
    assert (await zm("events", "tag", "parcel", "1", "--remove"))[:2] == (OK, "1: tagged with nothing\n")


async def test_bars_on_a_terminal(zm: Zm, terminal: Terminal, tmp_path: Path) -> None:
    terminal.take_over()
    code, out, err = await zm("events", "download", "1", "--to", "clips")
    shown = terminal.getvalue()
    assert (code, out, err, files(tmp_path / "clips")) == (OK, "", "", ["event-1.mp4"])
    assert "clips/event-1.mp4" in shown
    assert "1 downloaded (300.0 kB)." in shown
    assert (await zm("events", "delete", "2", "--yes"))[0] == OK
    assert "1 deleted, 0 failed." in terminal.getvalue()


async def test_addresses_with_a_token(zm: Zm, fake: FakeZoneMinder) -> None:
    code, out, err = await zm("events", "url", "2")
    assert (code, out.startswith(f"{fake.url}/index.php?view=view_video&eid=2"), "token" in out, "token" in err) == (
        OK,
        True,
        True,
        True,
    )
    assert "fid=21" in (await zm("events", "url", "2", "--frame", "21"))[1]
    assert (await zm("events", "url", "99"))[:2] == (FAILED, "")
