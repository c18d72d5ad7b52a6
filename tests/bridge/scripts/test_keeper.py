"""Which scripts run: those alone that an administrator has approved as they are, and that nobody else can change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.house import FakeLog
from tests.bridge.scripts.site import ANN, GATE, Site
from tests.fakes.clock import settle

from vms_bridge.errors import NotFound, StoreError
from vms_bridge.notices import NoticeKind
from vms_bridge.script_errors import ScriptRefused, StateRefused
from vms_bridge.scripting import LineLevel, LinesAsked, ScriptStatus
from vms_bridge.scripts.approvals import ApprovalOf
from vms_bridge.scripts.folder import digest_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MORE = GATE.replace("notify=True", "logs=True")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    yield site
    await site.store.close()


async def test_a_script_waits_until_it_is_approved(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await site.put()
    view = site.keeper.get("gate")
    assert (view.life.status, view.needs_approval, site.house.runs) == (ScriptStatus.WAITING, True, {})
    changes: list[str] = []
    site.keeper.tell(changes.append)
    assert list(view.may) == ["see the monitors zm/1", "send notifications"]
    assert [each.is_more for each in view.differences] == [True, True]
    view = await site.keeper.approve("gate", sha256=view.sha256, by=ANN)
    assert (view.life.status, view.needs_approval, list(view.differences)) == (ScriptStatus.READY, False, [])
    assert view.approval is not None
    assert (view.approval.by, view.approval.sha256) == (ANN, digest_of(GATE))
    assert site.house.told == [("take", "gate", GATE)]
    assert f"{ANN} has approved the script gate" in caplog.text
    assert changes == ["gate"]
    await site.look()
    assert len(site.house.told) == 1, "what runs is not begun again"
    assert changes == ["gate"], "what has not changed is not told"
    await site.put(MORE)
    assert changes == ["gate"] * 2
    await site.put(name="bell")
    assert changes[2:] == [""]


async def test_an_approval_outlives_a_restart(site: Site, tmp_path: Path) -> None:
    await site.put()
    await site.approve()
    again = Site(tmp_path)
    await again.look()
    assert again.house.told == [("take", "gate", GATE)]
    await again.store.close()


async def test_what_was_not_looked_at_is_not_approved(site: Site) -> None:
    await site.put()
    seen = site.keeper.get("gate").sha256
    await site.put(MORE)
    with pytest.raises(ScriptRefused, match="another one"):
        await site.keeper.approve("gate", sha256=seen, by=ANN)
    assert site.house.runs == {}


async def test_a_changed_script_waits_and_the_one_before_goes_on(site: Site) -> None:
    await site.put()
    await site.approve()
    await site.put(MORE)
    view = site.keeper.get("gate")
    assert view.needs_approval
    assert [(each.is_more, each.text) for each in view.differences] == [
        (False, "send notifications"),
        (True, "read the logs of the systems and of the bridge"),
    ]
    assert view.life.status is ScriptStatus.READY
    assert "version before" in view.life.reason
    assert site.house.runs["gate"].source.text == GATE
    await site.approve()
    assert site.house.told[1:] == [("take", "gate", MORE)]


async def test_a_letter_is_enough_to_wait_again_unless_permissions_alone_are_approved(site: Site, tmp_path: Path) -> None:
    await site.put()
    await site.approve()
    await site.put(f"{GATE}# more\n")
    assert site.keeper.get("gate").needs_approval
    other = tmp_path / "other"
    other.mkdir()
    loose = Site(other, ApprovalOf.PERMISSIONS)
    await loose.put()
    await loose.approve()
    await loose.put(f"{GATE}# more\n")
    assert not loose.keeper.get("gate").needs_approval
    assert len(loose.house.told) == 2
    await loose.put(MORE)
    assert loose.keeper.get("gate").needs_approval
    assert loose.keeper.approval == "permissions"
    await loose.store.close()


async def test_a_header_that_can_not_be_read_is_told_with_its_line(site: Site) -> None:
    await site.put()
    await site.approve()
    await site.put(GATE.replace("notify", "notfy"))
    view = site.keeper.get("gate")
    assert "line 2" in view.life.reason
    assert view.life.trouble is not None
    assert "permissions has no notfy" in view.life.trouble.text
    assert "notify is meant?" in view.life.trouble.hint
    assert "gate" in site.house.runs, "the one before stays at work"
    with pytest.raises(ScriptRefused):
        await site.keeper.approve("gate", sha256=view.sha256, by=ANN)


async def test_a_file_that_others_could_change_ends_its_script(site: Site) -> None:
    await site.put()
    await site.approve()
    (site.path / "gate.py").chmod(0o666)
    await site.look()
    assert (site.status(), site.house.runs) == (ScriptStatus.REFUSED, {})
    (site.path / "gate.py").chmod(0o644)
    await site.look()
    assert site.status() is ScriptStatus.READY
    site.path.chmod(0o777)
    await site.look()
    assert (site.status(), site.house.runs) == (ScriptStatus.REFUSED, {})
    with pytest.raises(ScriptRefused):
        await site.keeper.source("gate")


async def test_topics_that_become_the_bridges_own_are_refused_at_the_next_look(site: Site) -> None:
    await site.put('from vms_bridge.script import *\npermissions(mqtt=["house/x"])\n')
    await site.approve()
    site.reserved = ("house",)
    await site.look()
    trouble = site.keeper.get("gate").life.trouble
    assert trouble is not None
    assert "house" in trouble.text


async def test_a_file_that_is_gone_ends_its_script_and_keeps_its_approval(site: Site) -> None:
    await site.put()
    await site.approve()
    (site.path / "gate.py").unlink()
    await site.look()
    assert site.house.runs == {}
    with pytest.raises(NotFound):
        site.keeper.get("gate")
    await site.put()
    assert site.status() is ScriptStatus.READY


async def test_revoke_disable_restart(site: Site) -> None:
    await site.put()
    with pytest.raises(ScriptRefused, match="approval"):
        await site.keeper.restart("gate", by=ANN)
    await site.approve()
    await site.keeper.restart("gate", by=ANN)
    view = await site.keeper.enable("gate", is_enabled=False, by=ANN)
    assert (view.life.status, view.is_enabled, site.house.runs) == (ScriptStatus.STOPPED, False, {})
    await site.look()
    assert site.house.runs == {}
    await site.keeper.enable("gate", is_enabled=True, by=ANN)
    assert "gate" in site.house.runs
    view = await site.keeper.revoke("gate", by=ANN)
    assert (view.life.status, view.approval, site.house.runs) == (ScriptStatus.WAITING, None, {})


async def test_upload_and_delete(site: Site) -> None:
    view = await site.keeper.upload("gate", GATE, by=ANN)
    assert (view.life.status, view.sha256, await site.keeper.source("gate")) == (ScriptStatus.WAITING, digest_of(GATE), GATE)
    await site.approve()
    await site.store.set_state("gate", "a", 1)
    with pytest.raises(ScriptRefused):
        await site.keeper.upload("gate", "def (", by=ANN)
    with pytest.raises(ScriptRefused):
        await site.keeper.upload("../gate", GATE, by=ANN)
    await site.keeper.delete("gate", by=ANN)
    assert (site.keeper.all(), site.house.runs, list(site.path.iterdir())) == ([], {}, [])
    assert (await site.store.kept()).approvals == {}
    assert await site.store.values("gate") == {}
    for work in (site.keeper.delete("gate", by=ANN), site.keeper.source("gate"), site.keeper.state("gate")):
        with pytest.raises(NotFound):
            await work


async def test_settings_are_shown_set_and_told(site: Site) -> None:
    await site.put()
    await site.approve()
    low, pin = await site.keeper.settings("gate")
    assert (low.value, low.is_set, low.max, pin.value, pin.is_set) == (3, False, 9, None, False)
    low, pin = await site.keeper.set_settings("gate", {"low": 5, "pin": "1234"}, by=ANN)
    assert (low.value, low.is_set, pin.value, pin.is_set) == (5, True, None, True)
    assert site.house.told[-1] == ("settings", "gate", {"low": 5, "pin": "1234"}, ["low", "pin"])
    for wrong in ({"low": 10}, {"low": "x"}, {"lower": 1}, {"low": 4, "pin": 5}):
        with pytest.raises(StateRefused):
            await site.keeper.set_settings("gate", wrong, by=ANN)
    low, _ = await site.keeper.set_settings("gate", {"low": None}, by=ANN)
    assert (low.value, low.is_set) == (3, False)
    beginning = await site.keeper.beginning(site.house.runs["gate"])
    assert beginning.settings == {"low": 3, "pin": "1234"}


async def test_state_is_shown_and_cleared(site: Site) -> None:
    await site.put()
    await site.approve()
    await site.store.set_state("gate", "a", 1)
    await site.store.set_state("gate", "b", 2)
    assert [item.key for item in (await site.keeper.state("gate")).items] == ["a", "b"]
    await site.keeper.clear_state("gate", "a", by=ANN)
    assert site.house.told[-1] == ("state", "gate", ["a"])
    with pytest.raises(NotFound):
        await site.keeper.clear_state("gate", "a", by=ANN)
    await site.keeper.clear_state("gate", None, by=ANN)
    assert (await site.keeper.beginning(site.house.runs["gate"])).state == {}


async def test_what_expires_and_when_schedules_ran_is_tended(site: Site) -> None:
    await site.put()
    await site.approve()
    await site.store.set_state("gate", "a", 1, ttl_s=30)
    beginning = await site.keeper.beginning(site.house.runs["gate"])
    assert beginning.state == {"a": 1}
    due = site.clock.now()
    beginning.runs.ran("noon", due)
    assert beginning.runs.last("noon") == due
    task = asyncio.create_task(site.keeper.run())
    for _ in range(10_000):
        if ("state", "gate", ["a"]) in site.house.told and await site.store.runs("gate"):
            break
        await site.clock.advance(1.0)
        await site.store.kept()  # which comes after what the keeper has asked for
    task.cancel()
    assert await site.store.runs("gate") == {"noon": due}


async def test_lines_are_paged_and_waited_for(site: Site) -> None:
    await site.put()
    empty = await site.keeper.lines("gate", LinesAsked())
    assert (list(empty.lines), empty.after) == ([], 0)
    site.house.logs["gate"] = FakeLog()
    heard: list[str] = []
    end = site.keeper.listen(lambda line: heard.append(line.text))
    for number in range(3):
        site.house.say("gate", f"line {number}")
    end()
    page = await site.keeper.lines("gate", LinesAsked(limit=2))
    assert ([line.text for line in page.lines], page.after) == (["line 1", "line 2"], 3)
    page = await site.keeper.lines("gate", LinesAsked(after=0, limit=2))
    assert ([line.text for line in page.lines], page.after, page.lost) == (["line 0", "line 1"], 2, 0)
    nothing = await site.keeper.lines("gate", LinesAsked(after=3, level=LineLevel.ERROR))
    assert (list(nothing.lines), nothing.after) == ([], 3)
    site.house.logs["gate"].forget(1)
    assert (await site.keeper.lines("gate", LinesAsked(after=0))).lost == 1
    assert list((await site.keeper.lines("gate", LinesAsked(after=3))).lines) == []
    waiting = asyncio.create_task(site.keeper.lines("gate", LinesAsked(after=3, wait_s=20)))
    await settle()
    site.house.say("gate", "at last")
    assert [line.text for line in (await waiting).lines] == ["at last"]
    before = await site.keeper.lines("gate", LinesAsked(after=99))
    assert len(before.lines) == 3, "a number of before a restart of the bridge"
    assert site.house.logs["gate"].followers == 0
    assert heard == ["line 0", "line 1", "line 2"]


async def test_nothing_runs_while_approvals_are_not_known(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await site.put()
    await site.approve()
    database = site.path.parent / "kept" / "scripts.db"
    again = Site(site.path.parent)
    await site.store.close()
    content = database.read_bytes()
    database.unlink()
    database.mkdir()
    await again.look()
    assert again.house.runs == {}
    assert "approved" in again.keeper.get("gate").life.reason
    with pytest.raises(StoreError):
        await again.approve()
    database.rmdir()
    database.write_bytes(content)
    await again.look()
    assert "gate" in again.house.runs
    await again.store.close()


async def test_what_is_taken_away_holds_at_once_whatever_the_store_does(site: Site, tmp_path: Path) -> None:
    for name in ("gate", "bell"):
        await site.put(name=name)
        await site.approve(name)
    with site.unwritable("approvals", "stopped"):
        with pytest.raises(StoreError, match="revoked now, but this could not be kept"):
            await site.keeper.revoke("gate", by=ANN)
        with pytest.raises(StoreError, match="stopped now"):
            await site.keeper.enable("bell", is_enabled=False, by=ANN)
        assert site.house.runs == {}
        await site.look()
        assert (site.status("gate"), site.status("bell")) == (ScriptStatus.WAITING, ScriptStatus.STOPPED)
        assert site.keeper.get("gate").approval is None
        with pytest.raises(StoreError):
            await site.approve("gate")
    assert {("drop", "gate", True), ("drop", "bell", False)} <= set(site.house.told)
    await tended(site)
    again = Site(tmp_path)
    await again.look()
    assert (again.status("gate"), again.status("bell"), again.house.runs) == (ScriptStatus.WAITING, ScriptStatus.STOPPED, {})
    await again.store.close()
    await site.approve("gate")
    await site.keeper.enable("bell", is_enabled=True, by=ANN)
    assert set(site.house.runs) == {"gate", "bell"}


async def tended(site: Site) -> None:
    """Have the keeper do once what it does again and again."""
    await site.keeper._tidy()


async def test_what_is_taken_away_waits_for_no_look_at_the_folder(site: Site) -> None:
    await site.put()
    await site.approve()
    await site.keeper._turn.acquire()
    revoking = asyncio.create_task(site.keeper.revoke("gate", by=ANN))
    await settle()
    assert (site.house.runs, revoking.done()) == ({}, False)
    site.keeper._turn.release()
    assert (await revoking).life.status is ScriptStatus.WAITING


async def test_a_folder_that_can_not_be_read_changes_nothing_and_is_told(site: Site, tmp_path: Path) -> None:
    names = site.keeper.names
    assert names is None
    await site.put()
    await site.approve()
    assert (site.keeper.names, dict(site.keeper.concerns)) == (frozenset({"gate"}), {})
    site.path.rename(tmp_path / "elsewhere")
    await site.look()
    assert (site.status(), set(site.house.runs), site.keeper.names) == (ScriptStatus.READY, {"gate"}, frozenset({"gate"}))
    assert "can't be read" in site.keeper.concerns["folder"].text
    (tmp_path / "elsewhere").rename(site.path)
    await site.look()
    assert site.keeper.concerns == {}
    assert len(site.house.told) == 1


@pytest.mark.parametrize("text", [MORE, "def (", f"{GATE}permissions()\n"], ids=["another", "no Python", "no header"])
async def test_after_a_restart_the_approved_version_runs_while_an_edit_waits(site: Site, tmp_path: Path, text: str) -> None:
    await site.put()
    await site.approve()
    await site.keeper.set_settings("gate", {"low": 5}, by=ANN)
    (site.path / "gate.py").write_text(text)
    again = Site(tmp_path)
    await again.look()
    assert again.house.runs["gate"].source.text == GATE
    view = again.keeper.get("gate")
    assert (view.life.status, view.life.sha256, view.sha256) == (ScriptStatus.READY, digest_of(GATE), digest_of(text))
    assert "version before" in view.life.reason
    concern = again.keeper.concerns["gate"]
    assert (concern.kind, "gate was changed" in concern.text) == (NoticeKind.SCRIPT_WAITING, True)
    await again.look()
    assert len(again.house.told) == 1
    await again.keeper.enable("gate", is_enabled=False, by=ANN)
    low, _ = await again.keeper.settings("gate")
    assert (low.value, again.house.runs) == (5, {})
    await again.keeper.enable("gate", is_enabled=True, by=ANN)
    assert again.house.runs["gate"].source.text == GATE
    await again.keeper.revoke("gate", by=ANN)
    assert (again.house.runs, again.keeper.concerns, await again.store.source("gate")) == ({}, {}, None)
    await again.store.close()


async def test_where_permissions_alone_are_approved_the_version_that_ran_last_runs_again(tmp_path: Path) -> None:
    site = Site(tmp_path, ApprovalOf.PERMISSIONS)
    await site.put()
    await site.approve()
    await site.put(f"{GATE}# newer\n")
    await tended(site)
    (site.path / "gate.py").write_text(MORE)
    again = Site(tmp_path, ApprovalOf.PERMISSIONS)
    await again.look()
    assert again.house.runs["gate"].source.text == f"{GATE}# newer\n"
    await site.store.close()
    await again.store.close()


async def test_a_source_that_was_kept_and_is_not_what_was_approved_does_not_run(site: Site, tmp_path: Path) -> None:
    await site.put()
    await site.approve()
    await site.store.keep_source("gate", f"{GATE}# another\n")
    (site.path / "gate.py").write_text(MORE)
    again = Site(tmp_path)
    await again.look()
    assert (again.house.runs, again.status()) == ({}, ScriptStatus.WAITING)
    await again.store.close()


async def test_a_draft_neither_reads_nor_sets_what_the_approved_version_is_set_to(site: Site) -> None:
    await site.put()
    assert [one.is_set for one in await site.keeper.settings("gate")] == [False, False]
    with pytest.raises(ScriptRefused, match="not approved"):
        await site.keeper.set_settings("gate", {"low": 5}, by=ANN)
    await site.approve()
    await site.keeper.set_settings("gate", {"pin": "1234"}, by=ANN)
    draft = GATE.replace("pin=Secret()", "pin=Text(), more=Number(1)")
    await site.put(draft)
    low, pin = await site.keeper.settings("gate")
    assert (low.kind, pin.kind, pin.value, pin.is_set) == ("number", "secret", None, True)
    with pytest.raises(StateRefused, match="no setting"):
        await site.keeper.set_settings("gate", {"more": 5}, by=ANN)
    await site.approve()
    shown = {one.name: (one.value, one.is_set) for one in await site.keeper.settings("gate")}
    assert shown == {"low": (3, False), "pin": ("", False), "more": (1, False)}, "a secret is none but for a secret"
    assert (await site.keeper.beginning(site.house.runs["gate"])).settings == {"low": 3, "pin": "", "more": 1}
    await site.keeper.revoke("gate", by=ANN)
    assert [(one.value, one.is_set) for one in await site.keeper.settings("gate")] == [(3, False), ("", False), (1, False)]


async def test_nothing_is_left_of_a_script_that_is_deleted_not_even_what_it_did_at_last(site: Site) -> None:
    await site.put()
    await site.approve()
    beginning = await site.keeper.beginning(site.house.runs["gate"])

    async def say_goodbye() -> None:
        await site.store.set_state("gate", "bye", 1)
        beginning.runs.ran("noon", site.clock.now())

    site.house.leaving = say_goodbye
    await site.keeper.delete("gate", by=ANN)
    await tended(site)
    assert site.house.told[-2:] == [("drop", "gate", True), ("forget", "gate")]
    assert (await site.store.values("gate"), await site.store.runs("gate")) == ({}, {})


async def test_a_script_whose_deletion_could_not_be_kept_is_not_approved_when_it_comes_back(site: Site) -> None:
    await site.put()
    await site.approve()
    await site.store.set_state("gate", "a", 1)
    with site.unwritable("approvals"), pytest.raises(StoreError, match="forgotten now"):
        await site.keeper.delete("gate", by=ANN)
    await site.put()
    assert (site.status(), site.house.runs) == (ScriptStatus.WAITING, {})
    await site.approve()
    assert await site.store.values("gate") == {}


async def test_what_is_shown_of_a_script_is_made_when_something_of_it_changes(site: Site) -> None:
    await site.put()
    await site.put(MORE, "bell")
    before = {view.name: view for view in site.keeper.all()}
    await site.look()
    await site.approve("bell")
    after = {view.name: view for view in site.keeper.all()}
    assert after["gate"] is before["gate"]
    assert not after["bell"].needs_approval
    assert site.keeper.get("bell").may is after["bell"].may


SAYINGS = (
    "x = 'hunter2",
    "hunter2(",
    "hunter2 = = 1",
    "permissions(hunter2=True)",
    "permissions(notify='hunter2')",
    "permissions(http=['hunter2'])",
    "settings(low=Number('hunter2'))",
    "settings(hunter2=Hunter2())",
    "settings(low=Choice('a', options=['b'], help=hunter2))",
    "import hunter2",
    "x = '\\ud800hunter2' + f'{hunter2!}'",
)


@pytest.mark.parametrize("text", SAYINGS)
async def test_who_may_only_read_is_told_nothing_of_a_source(site: Site, text: str, caplog: pytest.LogCaptureFixture) -> None:
    await site.put(f"from vms_bridge.script import *\n{text}\n")
    life = site.keeper.get("gate").life
    assert "hunter2" not in f"{life.reason} {life.hint} {caplog.text}"
    if life.status is ScriptStatus.REFUSED:
        assert life.trouble is not None
        assert life.trouble.line == 2
