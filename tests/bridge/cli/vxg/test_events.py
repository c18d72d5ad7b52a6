"""Events on the command line: listed, followed and tagged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.codes import COMMAND_REFUSED

if TYPE_CHECKING:
    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg

EVENTS = "/api/v2/storage/events/"
LABEL = {"Name": "Person", "Instances": [{"BoundingBox": {"Left": 0.1, "Top": 0.1, "Width": 0.2, "Height": 0.5}}]}


def lines(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


async def test_events(vxg: Ran, fake: FakeVxg) -> None:
    old = fake.world.happen(101, ago_s=120)
    new = fake.world.happen(102, "sound", ago_s=60, meta={"dog": "1"})
    code, out, err = await vxg("events", "list", "--time-zone", "UTC")
    assert (code, err) == (OK, "")
    assert [line.split()[0] for line in out.splitlines()] == ["ID", str(new.id), str(old.id)]
    assert all(word in out for word in ("Camera 2", "sound", "dog: 1", "yes"))
    for options, wanted in (
        (["--kind", "motion"], [old.id]),
        (["--tag", "dog"], [new.id]),
        (["--without-tag", "dog"], [old.id]),
        (["--channel", "Camera 1"], [old.id]),
        (["--since", "90s"], [new.id]),
        (["--until", "90s"], [old.id]),
        (["--limit", "1"], [new.id]),
        (["--oldest-first", "--all"], [old.id, new.id]),
    ):
        found = lines((await vxg("events", "list", "--ndjson", *options))[1])
        assert [each["id"] for each in found] == wanted, options
        assert "Signature" not in json.dumps(found), "no address with a ticket in it"


async def test_what_was_found_in_an_event(vxg: Ran, fake: FakeVxg) -> None:
    fake.world.happen(101, "object_and_scene_detection", ago_s=60, file=json.dumps({"Labels": [LABEL]}).encode())
    found = lines((await vxg("events", "list", "--boxes", "--ndjson"))[1])
    assert [box["label"] for box in found[0]["boxes"]] == ["Person"]  # type: ignore[attr-defined]  # JSON
    assert (await vxg("events", "list", "--boxes"))[0] == USAGE


async def test_events_are_followed(vxg: Ran, fake: FakeVxg) -> None:
    before = fake.world.happen(101, ago_s=50)
    wanted = fake.world.happen(102, ago_s=5)
    late = fake.world.happen(103, late_s=3600, thumb_s=3600)
    looks = 0

    def meanwhile(_method: str, path: str) -> None:
        nonlocal looks
        looks += path == EVENTS
        match looks:
            case 2:
                late.listed_at = fake.world.now()
            case 3:
                late.thumb_at = fake.world.now()
                fake.faults.add(EVENTS, "400")  # and with the next one it ends

    fake.between = meanwhile
    code, out, err = await vxg("events", "watch", "--since", "20s", "--interval", "0.05s", "--ndjson")
    told = [(each["change"], each["id"], each["has_picture"]) for each in lines(out)]
    assert (code, "is refused" in err) == (COMMAND_REFUSED, True)
    assert told == [("new", wanted.id, True), ("new", late.id, False), ("changed", late.id, True)]
    assert before.id not in {number for _, number, _ in told}, "it was before"


async def test_a_break_ends_no_following(vxg: Ran, fake: FakeVxg) -> None:
    event = fake.world.happen(101, ago_s=5)
    fake.faults.add(EVENTS, "500-html", 1)

    def meanwhile(_method: str, path: str) -> None:
        if path == EVENTS:
            fake.faults.add(EVENTS, "400")

    fake.between = meanwhile
    code, out, err = await vxg("events", "watch", "--since", "20s", "--interval", "0.05s")
    assert (code, str(event.id) in out, "HTTP 500" in err) == (COMMAND_REFUSED, True, True)


async def test_a_following_of_its_time(vxg: Ran) -> None:
    assert await vxg("events", "watch", "--for", "0.05s", "--json") == (OK, "[]\n", "")


async def test_events_are_tagged(vxg: Ran, fake: FakeVxg) -> None:
    one, other = fake.world.happen(101, ago_s=20), fake.world.happen(102, ago_s=10)
    code, out, _ = await vxg("events", "tag", "checked", str(one.id), str(other.id), "--text", "yes")
    assert (code, out) == (OK, f"{one.id}: tagged checked\n{other.id}: tagged checked\n")
    assert (one.meta, other.meta) == ({"checked": "yes"}, {"checked": "yes"})
    out = (await vxg("events", "tag", "checked", str(one.id), "--text", "no", "--json"))[1]
    assert json.loads(out) == {"event": one.id, "tag": "checked", "text": "no"}
    code, out, err = await vxg("events", "tag", "checked", "999999", str(other.id), "--remove")
    assert (code, out, "999999: " in err) == (FAILED, f"{other.id}: without checked\n", True)
    assert (one.meta, other.meta) == ({"checked": "no"}, {})
    assert (await vxg("events", "tag", "a,b", str(one.id)))[0] == COMMAND_REFUSED
    assert (await vxg("events", "tag", "checked", str(one.id), "--remove", "--text", "x"))[0] == USAGE
