"""Scripts by the API: who may see what, and each thing by which people look after them, with the real keeper behind it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import Api, serving
from tests.bridge.scripts.site import GATE, Site
from tests.fakes.hub import FakeHub
from tests.fakes.scripts import GATE as GATE_VIEW
from tests.fakes.scripts import FakeScripts

from vms_bridge.scripting import LineLevel, LinesAsked
from vms_bridge.scripts.folder import digest_of
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SCRIPTS = "/api/v1/scripts"
ONE = f"{SCRIPTS}/gate"


@asynccontextmanager
async def with_scripts(folder: Path) -> AsyncIterator[tuple[Api, FakeScripts]]:
    hub, scripts = FakeHub(), FakeScripts()
    hub.scripts.serve(scripts)
    async with serving(folder, hub=hub) as api:
        yield api, scripts


@asynccontextmanager
async def with_a_keeper(folder: Path) -> AsyncIterator[tuple[Api, Site]]:
    hub, site = FakeHub(), Site(folder / "site")
    hub.scripts.serve(site.keeper)
    async with serving(folder, hub=hub) as api:
        yield api, site
    await site.store.close()


async def test_a_bridge_that_runs_none_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answer = await api.get(SCRIPTS, by_socket=True)
    assert (answer.status, answer.code) == (404, "unavailable")
    assert "scripts:" in answer.said["hint"]


async def test_a_script_from_its_upload_to_its_end(tmp_path: Path) -> None:
    async with with_a_keeper(tmp_path) as (api, site):
        sent = await api.ask("PUT", f"{ONE}/source", body={"text": GATE}, by_socket=True)
        assert (sent.status, sent.said["status"], sent.said["needs_approval"]) == (200, "waiting", True)
        assert sent.said["may"] == ["see the monitors zm/1", "send notifications"]
        assert sent.said["sha256"] == digest_of(GATE)
        source = await api.get(f"{ONE}/source", by_socket=True)
        assert source.said == {"name": "gate", "text": GATE, "sha256": digest_of(GATE)}
        wrong = await api.ask("PUT", f"{ONE}/approval", body={"sha256": "0" * 64}, by_socket=True)
        assert (wrong.status, wrong.code) == (409, "script")
        assert site.house.runs == {}
        admin = api.token(Scope.ADMIN, name="Ann")
        approved = await api.ask("PUT", f"{ONE}/approval", body={"sha256": digest_of(GATE)}, token=admin)
        assert (approved.status, approved.said["status"], approved.said["differences"]) == (200, "ready", [])
        assert approved.said["approval"]["by"] == f"token {admin.split('_')[1]}"
        assert (await api.ask("POST", f"{ONE}/restart", by_socket=True)).said["running_sha256"] == digest_of(GATE)
        stopped = await api.ask("PUT", f"{ONE}/enabled", body={"is_enabled": False}, by_socket=True)
        assert (stopped.said["status"], site.house.runs) == ("stopped", {})
        refused = await api.ask("POST", f"{ONE}/restart", by_socket=True)
        assert (refused.status, "disabled" in refused.said["detail"]) == (409, True)
        await api.ask("PUT", f"{ONE}/enabled", body={"is_enabled": True}, by_socket=True)
        revoked = await api.ask("DELETE", f"{ONE}/approval", by_socket=True)
        assert (revoked.said["approval"], site.house.runs) == (None, {})
        assert [one["name"] for one in (await api.get(SCRIPTS, by_socket=True)).said["scripts"]] == ["gate"]
        assert (await api.ask("DELETE", ONE, by_socket=True)).status == 204
        assert (await api.get(ONE, by_socket=True)).status == 404


async def test_a_large_source_is_taken_and_a_larger_one_is_not(tmp_path: Path) -> None:
    async with with_a_keeper(tmp_path) as (api, _):
        text = f"x = '{'a' * 93}'\n" * 2_400
        assert (await api.ask("PUT", f"{ONE}/source", body={"text": text}, by_socket=True)).said["bytes"] == 240_000
        assert (await api.ask("PUT", f"{ONE}/source", body={"text": "é" * 140_000}, by_socket=True)).status == 409
        assert (await api.ask("PUT", f"{ONE}/source", body={"text": "#" * 300_000}, by_socket=True)).status == 422
        assert (await api.ask("PUT", f"{ONE}/approval", body={"sha256": "#" * 100_000}, by_socket=True)).status == 413


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{SCRIPTS}/..%2Fgate/source", {"text": ""}, 409),
        (f"{SCRIPTS}/Gate/source", {"text": ""}, 409),
        (f"{ONE}/source", {"text": "def ("}, 409),
        (f"{ONE}/source", {"text": 3}, 422),
        (f"{ONE}/approval", {"sha256": "x"}, 422),
        (f"{ONE}/approval", {}, 422),
        (f"{ONE}/settings", {"values": {}}, 422),
        (f"{ONE}/settings", {"values": {"low": 10}}, 422),
        (f"{ONE}/settings", {"values": {"low": [1]}}, 422),
        (f"{ONE}/settings", {"values": {"Low": 1}}, 422),
        (f"{ONE}/enabled", {"is_enabled": 1}, 422),
        (f"{SCRIPTS}/nosuch/enabled", {"is_enabled": True}, 404),
    ],
)
async def test_what_makes_no_sense_is_refused(tmp_path: Path, path: str, body: object, status: int) -> None:
    async with with_a_keeper(tmp_path) as (api, site):
        await site.put()
        await site.approve()
        answer = await api.ask("PUT", path, body=body, by_socket=True)
        assert answer.status == status, answer.body
        assert [each.name for each in site.path.iterdir()] == ["gate.py"]


async def test_what_may_quote_a_script_is_for_administrators(tmp_path: Path) -> None:
    async with with_scripts(tmp_path) as (api, scripts):
        scripts.view = replace(GATE_VIEW, remarks=["line 1: there is no module hunter2"])
        read, admin = api.token(Scope.READ), api.token(Scope.ADMIN)
        for path in (ONE, SCRIPTS):
            answer = await api.get(path, token=read)
            assert (answer.status, b"ValueError" in answer.body, b"hunter2" in answer.body) == (200, False, False)
        told = (await api.get(ONE, token=admin)).said
        assert (told["trouble"]["text"], told["remarks"]) == ("ValueError: no", ["line 1: there is no module hunter2"])
        assert "gate.py" in (await api.get(ONE, token=admin)).said["trouble"]["traceback"]
        for part in ("source", "log", "state"):
            assert (await api.get(f"{ONE}/{part}", token=api.token(Scope.CONTROL))).status == 403


async def test_the_log_is_asked_for_by_its_filter(tmp_path: Path) -> None:
    async with with_scripts(tmp_path) as (api, scripts):
        page = (await api.get(f"{ONE}/log?after=0&level=warning&limit=5&wait=2.5", by_socket=True)).said
        assert (
            page["lines"] == [{"number": 1, "time": "2026-11-20T12:00:00.000Z", "level": "info", "text": "open", "line": 7}]
            or page["lines"][0]["text"] == "open"
        )
        assert (page["after"], page["lost"]) == (1, 0)
        assert scripts.asked == [("lines", LinesAsked(after=0, level=LineLevel.WARNING, limit=5, wait_s=2.5))]
        for query in ("after=-1", "level=loud", "limit=0", "wait=26", "x=1"):
            assert (await api.get(f"{ONE}/log?{query}", by_socket=True)).status == 400, query


async def test_state_and_settings(tmp_path: Path) -> None:
    async with with_a_keeper(tmp_path) as (api, site):
        await site.put()
        await site.approve()
        await site.store.set_state("gate", "a", {"x": [1]})
        await site.store.set_state("gate", "b", 2, ttl_s=60)
        state = (await api.get(f"{ONE}/state", by_socket=True)).said
        assert [(item["key"], item["value"]) for item in state["items"]] == [("a", {"x": [1]}), ("b", 2)]
        assert 0 < state["bytes"] < state["most_bytes"]
        assert (await api.ask("DELETE", f"{ONE}/state?key=c", by_socket=True)).status == 404
        assert (await api.ask("DELETE", f"{ONE}/state?key=a", by_socket=True)).status == 204
        assert (await api.ask("DELETE", f"{ONE}/state", by_socket=True)).status == 204
        assert await site.store.values("gate") == {}
        read = api.token(Scope.READ)
        assert (await api.ask("PUT", f"{ONE}/settings", body={"values": {"low": 5}}, token=read)).status == 403
        sent = await api.ask("PUT", f"{ONE}/settings", body={"values": {"low": 5, "pin": "4711"}}, by_socket=True)
        assert sent.status == 200
        shown = await api.get(f"{ONE}/settings", token=read)
        assert [(one["name"], one["value"], one["is_set"]) for one in shown.said["settings"]] == [
            ("low", 5, True),
            ("pin", None, True),
        ]
        assert b"4711" not in shown.body
        assert site.house.told[-1] == ("settings", "gate", {"low": 5, "pin": "4711"}, ["low", "pin"])


async def test_a_whole_number_stays_one(tmp_path: Path) -> None:
    async with with_a_keeper(tmp_path) as (api, site):
        await site.put()
        await site.approve()
        answer = await api.ask("PUT", f"{ONE}/settings", body={"values": {"low": 5}}, by_socket=True)
        assert (answer.status, b'"value":5,' in answer.body, b'"max":9,' in answer.body) == (200, True, True), answer.body
        assert site.house.told[-1] == ("settings", "gate", {"low": 5, "pin": None}, ["low"])
        assert type((await site.store.settings("gate"))["low"]) is int


async def test_much_state_is_told_while_others_are_answered(tmp_path: Path) -> None:
    async with with_a_keeper(tmp_path) as (api, site):
        await site.put()
        await site.store.set_state("gate", "many", [[]] * 300_000)
        answer = await api.get(f"{ONE}/state", by_socket=True)
        assert (answer.status, len(answer.said["items"][0]["value"])) == (200, 300_000)


async def test_what_is_ended_and_not_kept_is_told_so(tmp_path: Path) -> None:
    async with with_a_keeper(tmp_path) as (api, site):
        await site.put()
        await site.approve()
        with site.unwritable("approvals"):
            answer = await api.ask("DELETE", f"{ONE}/approval", by_socket=True)
        assert (answer.status, answer.code, site.house.runs) == (503, "store", {})
        assert "revoked now, but this could not be kept" in answer.said["detail"]
