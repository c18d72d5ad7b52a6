from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError
from tests.fakes.clock import FakeClock

from vms_bridge.clock import SystemClock
from vms_bridge.scripts import joints
from vms_bridge.scripts.check import check
from vms_bridge.scripts.config import ScriptsConfig
from vms_bridge.scripts.joints import Users
from vms_bridge.scripts.life.values import Cause, Ending
from vms_bridge.scripts.probe import probe
from vms_bridge.sinks import BridgeIdentity, Trial

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.clock import Clock


def trial(data_dir: Path | None, *, clock: Clock | None = None, limit_s: float = 30.0) -> Trial:
    bridge = BridgeIdentity(instance="home", name="Home", version="1", data_dir=data_dir)
    return Trial(bridge=bridge, clock=clock or SystemClock(), limit_s=limit_s, is_at_work=lambda: False, kept=lambda _: None)


async def test_a_check_locks_a_worker_in_and_looks_at_the_folder(tmp_path: Path) -> None:
    found = await check(ScriptsConfig(), trial(tmp_path))
    assert [finding.problem for finding in found] == [False, False]
    assert found[0].text.startswith("scripts are locked in by seccomp")
    assert found[1].text == f"{tmp_path / 'scripts'} will be created"
    (tmp_path / "scripts").mkdir(mode=0o700)
    assert (await check(ScriptsConfig(), trial(tmp_path)))[1].text.endswith("can be used")
    (tmp_path / "scripts").chmod(0o777)
    assert (await check(ScriptsConfig(), trial(tmp_path)))[1].problem
    assert not (tmp_path / "scripts" / "scripts.db").exists()


async def test_a_folder_that_can_not_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "scripts").write_text("no folder")
    finding = (await check(ScriptsConfig(), trial(tmp_path)))[1]
    assert finding.problem
    assert finding.text == f"{tmp_path / 'scripts'} can't be read: Not a directory"


async def test_that_there_is_no_sandbox_is_said() -> None:
    (finding,) = await check(ScriptsConfig.model_validate({"sandbox": "process"}), trial(None))
    assert "without a sandbox" in finding.text
    assert finding.hint


async def test_what_can_not_be_started_is_tried_again_and_then_a_problem() -> None:
    found = await probe(ScriptsConfig(), SystemClock(), program=("/nonexistent/python",))
    assert isinstance(found, Ending)
    assert found.cause is Cause.NOT_STARTED


async def test_a_check_ends_in_time() -> None:
    (finding,) = await check(ScriptsConfig(), trial(None, clock=FakeClock(), limit_s=0.0))
    assert finding.problem
    assert "within 0 s" in finding.text


def test_each_script_is_a_user_of_its_own_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    users = Users(70_000)
    assert [users.of(name) for name in ("a", "b", "a")] == [70_000, 70_001, 70_000]
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert users.of("a") is None


@pytest.mark.parametrize(
    "options",
    [
        {"sandbox": "none"},
        {"memory_mb": 1},
        {"processor": 0},
        {"uid_base": 0},
        {"time_zone": "Nowhere/At_all"},
        {"time_zone": "../../etc/passwd"},
        {"location": {"latitude": 91, "longitude": 0}},
        {"secrets": {"Token": {"value": "x", "for": ["https://api.example/*"]}}},
        {"secrets": {"token": {"value": "x", "for": []}}},
        {"secrets": {"token": {"value": "x", "for": ["not a URL"]}}},
        {"modules": ["os; import ctypes"]},
        {"unknown": 1},
    ],
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ScriptsConfig.model_validate(options)


def test_a_secret_is_not_shown() -> None:
    settings = ScriptsConfig.model_validate({"secrets": {"token": {"value": "geheim", "for": ["https://api.example/*"]}}})
    assert "geheim" not in repr(settings)
    assert joints.begin("a", settings, Users(1000)).memory_bytes == 256 * 1024**2
