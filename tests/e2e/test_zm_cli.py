"""`vms-bridge zm` on a real ZoneMinder, as a person gives it: without a bridge, by an address, a user and a password."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.e2e.bridge import COMMAND

from vms_bridge.cli import FAILED, OK, main
from vms_bridge.cli.codes import COMMAND_REFUSED
from vms_bridge.cli.zm.place import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.zoneminder import ZoneMinder

_WITHIN_S = 30.0


class Shell:
    """Where somebody gives `vms-bridge zm` to that ZoneMinder: in this process, for starting it takes half a second each time."""

    def __init__(self, zoneminder: ZoneMinder, folder: Path) -> None:
        self._zoneminder, self.folder = zoneminder, folder
        self.place = ("--url", zoneminder.url, "--user", zoneminder.username)

    async def zm(self, *arguments: str, code: int = OK, password: str | None = None) -> tuple[str, str]:
        """Run it, and return what it prints on stdout and on stderr."""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
            patch.setenv(PASSWORD, self._zoneminder.password if password is None else password)
            ended = await asyncio.to_thread(main, ["zm", *arguments, *self.place])
        said = out.getvalue(), err.getvalue()
        assert ended == code, f"{arguments} ended with {ended}: {said}"
        assert self._zoneminder.password not in "".join(said)
        assert "Traceback" not in said[1]
        return said

    async def json(self, *arguments: str) -> Any:
        """Run it, and return the JSON that it prints."""
        return json.loads((await self.zm(*arguments, "--json"))[0])


def content(file: str) -> bytes:
    """Return what is in a file."""
    return Path(file).read_bytes()


@pytest_asyncio.fixture(loop_scope="session")
async def shell(zoneminder: ZoneMinder, tmp_path: Path) -> Shell:
    return Shell(zoneminder, tmp_path)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def event(zoneminder: ZoneMinder, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Any]]:
    """An event of monitor 1 that is over, made by an alarm that is forced and ended, as the library's JSON has it."""
    shell = Shell(zoneminder, tmp_path_factory.mktemp("event"))
    before = {each["id"] for each in await shell.json("events", "list", "--monitor", "1")}
    await shell.zm("monitors", "alarm", "Front Door", "on")
    await zoneminder.until_alarm(1, 3, 4)
    await shell.zm("monitors", "alarm", "Front Door", "off")
    until = time.monotonic() + _WITHIN_S
    while True:
        found = await shell.json("events", "list", "--from", "2 hours ago", "--monitor", "1")
        over = [each for each in found if each["id"] not in before and each["end"] is not None and each["video"]]
        if over:
            break
        assert time.monotonic() < until, f"there is no new event that is over: {found[:2]}"
        await asyncio.sleep(0.5)
    yield over[0]


async def test_what_it_is(shell: Shell, zoneminder: ZoneMinder) -> None:
    assert (await shell.json("version"))["version"]["zoneminder"] == await zoneminder.version()
    _, err = await shell.zm("version", code=FAILED, password="not-the-password")
    assert "refused the login" in err
    assert "not-the-password" not in err


async def test_monitors_and_the_rest_are_listed(shell: Shell) -> None:
    names = {each["id"]: each["name"] for each in await shell.json("monitors", "list")}
    assert names == {"1": "Front Door", "2": "Driveway", "3": "Back Garden"}
    table, _ = await shell.zm("monitors", "list")
    assert all(name in table for name in names.values())
    assert (await shell.zm("monitors", "status", "1"))[0].startswith("Front Door: running")
    assert (await shell.zm("configs", "get", "ZM_PATH_ZMS"))[0].strip().startswith("/")
    zones, storage = await shell.json("zones", "list"), await shell.json("storage", "list")
    logs, _ = await shell.zm("logs", "--limit", "3")
    assert {each["monitor_id"] for each in zones} == {"1", "2", "3"}
    assert storage[0]["path"].startswith("/")
    assert len(logs.splitlines()) == 4


async def test_a_camera_that_can_not_be_moved(shell: Shell) -> None:
    assert "not controllable" in (await shell.zm("ptz", "1", "preset", "2", code=COMMAND_REFUSED))[1]


async def test_a_picture_of_now(shell: Shell) -> None:
    await shell.zm("monitors", "snapshot", "1", "--to", str(shell.folder / "now.jpg"))
    assert (shell.folder / "now.jpg").read_bytes().startswith(b"\xff\xd8")


async def test_events_are_filtered_and_shown(shell: Shell, event: dict[str, Any]) -> None:
    number = str(event["id"])
    assert event["monitor_id"] == "1"
    assert event["cause"].startswith("Forced Web")
    found = await shell.json("events", "list", "--from", "2 hours ago", "--monitor", "1", "--cause", "forced", "--min-score", "1")
    assert event["id"] in {each["id"] for each in found}
    assert await shell.json("events", "list", "--until", "2 hours ago", "--monitor", "1") == []
    assert (await shell.json("events", "count", "--monitor", "1"))["events"] >= 1
    shown, _ = await shell.zm("events", "show", number)
    assert "1 Front Door" in shown
    assert (await shell.json("events", "show", number))["path"].endswith(f"/{number}")
    assert await shell.json("events", "frames", number)


async def test_the_program_itself_in_a_pipe(shell: Shell, event: dict[str, Any], zoneminder: ZoneMinder) -> None:
    reader = "jq" if shutil.which("jq") else f"{sys.executable} -m json.tool"
    given = (COMMAND, "zm", "events", "list", "--from", "2 hours ago", "--monitor", "1", "--json", *shell.place)
    process = await asyncio.create_subprocess_exec(
        *("bash", "-o", "pipefail", "-c", f"{shlex.join(map(str, given))} | {reader}"),
        env=os.environ | {PASSWORD: zoneminder.password},
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (OK, b"")
    assert event["id"] in {each["id"] for each in json.loads(out)}


async def test_a_video_and_a_picture_are_downloaded_once(shell: Shell, event: dict[str, Any]) -> None:
    number, clips = str(event["id"]), str(shell.folder / "clips")
    out, err = await shell.zm("events", "download", number, "--to", clips)
    video = content(out.strip())
    assert (out.rstrip().endswith(f"event-{number}.mp4"), video[4:8]) == (True, b"ftyp")
    assert "1 downloaded" in err
    [again] = await shell.json("events", "download", number, "--to", clips)
    assert (again["result"], again["bytes"]) == ("there", len(video))
    [picture] = await shell.json("events", "download", number, "--pictures", "--to", clips)
    assert content(picture["file"]).startswith(b"\xff\xd8")


async def test_an_event_is_noted_archived_and_deleted(shell: Shell, event: dict[str, Any]) -> None:
    number = str(event["id"])
    await shell.zm("events", "note", number, "Päckchen / 100 %")
    await shell.zm("events", "archive", number)
    assert [each["id"] for each in await shell.json("events", "list", "--archived", "--notes", "Päckchen / 100 %")] == [
        event["id"]
    ]
    assert "would delete event" in (await shell.zm("events", "delete", number, "--dry-run"))[0]
    assert "1 left alone" in (await shell.zm("events", "delete", number, "--yes"))[1]
    await shell.zm("events", "delete", number, "--even-archived", "--yes")
    assert "no event" in (await shell.zm("events", "show", number, code=FAILED))[1]


async def test_the_run_state_is_set(shell: Shell, zoneminder: ZoneMinder) -> None:
    try:
        assert (await shell.zm("states", "set", "Quiet"))[0] == "run state Quiet\n"
        assert (await zoneminder.monitor(1))["Function"] == "Monitor"
        assert "as it was already" in (await shell.zm("states", "set", "Quiet"))[0]
    finally:
        await shell.zm("states", "set", "default")
    assert (await zoneminder.monitor(1))["Function"] == "Modect"
    await zoneminder.until_alarm(1, 1)
    assert "'Nowhere'" in (await shell.zm("states", "set", "Nowhere", code=FAILED))[1]
