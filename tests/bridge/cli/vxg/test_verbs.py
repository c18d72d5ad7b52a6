"""Channels, groups and live video on the command line, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.codes import COMMAND_REFUSED
from vms_bridge.cli.vxg.place import TOKEN

if TYPE_CHECKING:
    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg


def tokens(fake: FakeVxg) -> set[str]:
    """Return all that nobody may see unasked, cut short: a part of it is enough."""
    known = [each.token for each in fake.world.groups.values()]
    known += [token for each in fake.world.channels.values() for token in (each.token, each.watch_token)]
    return {token[10:40] for token in known} | {fake.lkey}


async def test_channels(vxg: Ran, fake: FakeVxg) -> None:
    fake.world.channels[102].name = "Haus/Tür \x1b[31m"
    fake.world.channels[102].meta = {"floor": "2"}
    fake.world.channels[103].status = "inactive"
    code, out, err = await vxg("channels", "list")
    assert (code, err) == (OK, "")
    assert all(word in out for word in ("101  Camera 1", "Haus/Tür  [31m", "floor: 2", "inactive"))
    lines = [json.loads(line) for line in (await vxg("channels", "list", "--ndjson"))[1].splitlines()]
    assert [(each["id"], each["online"], each["meta"]) for each in lines[1:]] == [(102, True, {"floor": "2"}), (103, False, {})]
    assert not any(token in out + json.dumps(lines) for token in tokens(fake))
    found = json.loads((await vxg("channels", "list", "--tag", "floor", "--json"))[1])
    assert [each["id"] for each in found] == [102]
    assert "102" not in (await vxg("channels", "list", "--without-tag", "floor"))[1]


async def test_how_a_channel_is(vxg: Ran, fake: FakeVxg) -> None:
    code, out, _ = await vxg("channels", "status", "Camera 2")
    assert (code, "record mode" in out, "active" in out) == (OK, True, True)
    fake.world.channels[102].status = "offline"
    code, out, _ = await vxg("channels", "status", "102", "--json")
    said = json.loads(out)
    assert (code, said["id"], said["online"], said["record_mode"]) == (FAILED, 102, False, "on")
    assert "camera's own" not in out, "the camera's password"


async def test_when_a_channel_records(vxg: Ran, fake: FakeVxg) -> None:
    assert (await vxg("channels", "record", "101", "by_event"))[:2] == (OK, "Camera 1: records by_event\n")
    assert fake.world.channels[101].rec_mode == "by_event"
    assert json.loads((await vxg("channels", "record", "102", "off", "--json"))[1])["record_mode"] == "off"
    assert (await vxg("channels", "record", "101", "sometimes"))[0] == USAGE


@pytest.mark.parametrize("word", ["Attic", "999"])
async def test_a_channel_that_is_not_there(word: str, vxg: Ran) -> None:
    code, out, err = await vxg("channels", "status", word)
    assert (code, out, f"no channel {word!r}" in err, "101 Camera 1" in err) == (FAILED, "", True, True)


async def test_a_channel_by_its_id_is_read_alone_however_many_there_are(vxg: Ran, fake: FakeVxg) -> None:
    assert (await vxg("images", "now", "101", "103"))[0] == OK
    assert (fake.count["GET /api/v5/channels/"], fake.count["GET /api/v5/channels/N/"]) == (0, 2)
    assert (await vxg("images", "now", "101", "Camera 2"))[0] == OK
    assert (fake.count["GET /api/v5/channels/"], fake.count["GET /api/v5/channels/N/"]) == (1, 2)


async def test_a_channel_that_is_another_ones_token(run: Ran, fake: FakeVxg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, fake.world.channels[101].token)
    code, _, err = await run("live", "urls", "102", "--url", fake.url)
    assert (code, "there is no channel '102'" in err, "101 Camera 1" in err) == (FAILED, True, True)


async def test_two_channels_of_a_name(vxg: Ran, fake: FakeVxg) -> None:
    fake.world.channels[102].name = "Camera 1"
    code, _, err = await vxg("channels", "status", "Camera 1")
    assert (code, "2 channels" in err, "101 Camera 1, 102 Camera 1" in err) == (FAILED, True, True)


async def test_a_channel_of_the_name_of_anothers_id(vxg: Ran, fake: FakeVxg) -> None:
    fake.world.channels[102].name = "101"
    assert json.loads((await vxg("channels", "status", "101", "--json"))[1])["id"] == 101


async def test_groups_are_listed_without_their_tokens(account: Ran, fake: FakeVxg) -> None:
    fake.add_group("For engines", [101], ai_targeted=True)
    code, out, err = await account("groups", "list")
    assert (code, err, "101, 102, 103" in out) == (OK, "", True)
    found = (await account("groups", "list", "--json", "--ai"))[1]
    assert [(each["name"], each["channels"]) for each in json.loads(found)] == [("For engines", [101])]
    assert not any(token in out + found for token in tokens(fake))
    code, out, _ = await account("groups", "list", "--token")
    assert (code, fake.group_token() in out) == (OK, True)


async def test_a_group_is_made_and_its_token_is_what_is_printed(account: Ran, fake: FakeVxg) -> None:
    code, out, err = await account("groups", "create", "Engine", "101", "Camera 3", "--access", "watch")
    made = list(fake.world.groups.values())[-1]
    assert (code, out, "Engine: 2 channels" in err) == (OK, f"{made.token}\n", True)
    assert (made.name, made.channels, made.access, made.ai_targeted) == ("Engine", [101, 103], "watch", True)
    said = json.loads((await account("groups", "create", "Empty", "--not-for-ai", "--json"))[1])
    made = list(fake.world.groups.values())[-1]
    assert (said["token"], said["channels"], made.ai_targeted) == (made.token, [], False)


async def test_a_group_is_changed(account: Ran, fake: FakeVxg) -> None:
    number = fake.group.id
    code, out, _ = await account("groups", "remove", "AI", "Camera 1", "--json")
    assert (code, json.loads(out)["channels"], fake.group.channels) == (OK, [102, 103], [102, 103])
    assert "token" not in json.loads(out)
    assert (await account("groups", "add", str(number), "102"))[:2] == (OK, f"group {number} AI: channels 102, 103\n")
    assert (await account("groups", "rename", "AI", "Engine"))[0] == OK
    assert fake.group.name == "Engine"
    assert (await account("groups", "rename", "Engine", " "))[0] == COMMAND_REFUSED
    code, _, err = await account("groups", "add", "AI", "101")
    assert (code, "no group 'AI'" in err) == (FAILED, True)


@pytest.mark.parametrize("verb", ["delete", "rotate"])
async def test_what_ends_a_token_is_asked_for(verb: str, account: Ran, fake: FakeVxg) -> None:
    before = fake.group_token()
    code, out, err = await account("groups", verb, "AI")
    assert (code, out, "--yes does it" in err, "good no more" in err) == (USAGE, "", True, True)
    code, out, _ = await account("groups", verb, "AI", "--dry-run")
    assert (code, out.startswith("would ")) == (OK, True)
    assert (await account("groups", verb, "AI", "--dry-run", "--json"))[0] == OK
    assert fake.group_token() == before
    assert "DELETE" not in {method for method, _ in fake.requests}


async def test_a_group_is_deleted(account: Ran, fake: FakeVxg) -> None:
    assert (await account("groups", "delete", "AI", "--yes"))[0] == OK
    assert not fake.world.groups


async def test_a_token_is_rotated(account: Ran, fake: FakeVxg) -> None:
    before = fake.group_token()
    code, out, _ = await account("groups", "rotate", "AI", "-y")
    assert (code, out, fake.group_token() != before) == (OK, f"{fake.group_token()}\n", True)


async def test_groups_take_the_accounts_key(vxg: Ran) -> None:
    code, out, err = await vxg("groups", "list")
    assert (code, out, "--lkey-file" in err) == (USAGE, "", True)


async def test_live_video(vxg: Ran, fake: FakeVxg) -> None:
    code, out, _ = await vxg("live", "urls", "Camera 1", "--time-zone", "UTC")
    assert (code, [word for word in ("rtsp://", "rtmp://", "https://", "wss://") if word in out]) == (
        OK,
        ["rtsp://", "rtmp://", "https://", "wss://"],
    )
    fake.world.channels[102].status = "offline"
    code, out, err = await vxg("live", "urls", "--json", "--protocol", "rtsp")
    found = json.loads(out)
    assert (code, [each["id"] for each in found], "102 Camera 2" in err) == (FAILED, [101, 102, 103], True)
    assert (list(found[0]["urls"]), found[0]["webrtc"], found[0]["expires"][-1]) == (["rtsp"], None, "Z")
    assert (found[1]["urls"], "offline" in found[1]["error"]["text"]) == ({}, True)
    assert "turn:" in (await vxg("live", "urls", "101", "--ndjson"))[1]


async def test_a_table_of_live_video_without_any(vxg: Ran, fake: FakeVxg) -> None:
    for each in fake.world.channels.values():
        each.status = "offline"
    code, out, err = await vxg("live", "urls")
    assert (code, out.split(), err.count("->") >= 3) == (FAILED, ["ID", "NAME", "PROTOCOL", "UNTIL", "URL"], True)
