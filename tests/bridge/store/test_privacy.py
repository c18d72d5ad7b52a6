"""The state is its owner's: made so whatever the umask, mended where others can write, and no link leads out of it."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from vms_bridge.clock import SystemClock
from vms_bridge.errors import StoreError
from vms_bridge.store import Store
from vms_bridge.store.privacy import flaws, mend, root_flaw

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def opened(data_dir: Path, *, writing: bool = True) -> set[str]:
    """Open and close the store; return the names of what was in its directory meanwhile."""

    def names() -> set[str]:
        assert not writing or {mode(path) for path in data_dir.iterdir()} == {0o600}
        return {path.name for path in data_dir.iterdir()}

    async def open_and_close() -> set[str]:
        store = await asyncio.to_thread(Store.open, data_dir, SystemClock())
        try:
            if writing:
                await store.keep("test", "key", "value")
            return await asyncio.to_thread(names)
        finally:
            await store.close()

    return asyncio.run(open_and_close())


@pytest.mark.parametrize("value", [0o000, 0o022, 0o077, 0o177])
def test_all_is_made_for_the_owner_only(tmp_path: Path, value: int) -> None:
    data_dir = tmp_path / "new" / "state"
    with umask(value):
        names = opened(data_dir)
    assert mode(data_dir) == 0o700
    assert mode(data_dir.parent) == 0o755
    assert names == {"lock", "vms-bridge.sqlite", "vms-bridge.sqlite-wal", "vms-bridge.sqlite-shm"}
    assert flaws(data_dir) == []


def test_what_others_can_write_to_is_mended_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    opened(tmp_path / "state")
    data_dir = tmp_path / "state"
    data_dir.chmod(0o777)
    (data_dir / "vms-bridge.sqlite").chmod(0o666)
    (data_dir / "lock").chmod(0o660)
    (data_dir / "vms-bridge.sqlite.damaged-1").touch()
    (data_dir / "vms-bridge.sqlite.damaged-1").chmod(0o606)
    (data_dir / "somebody's").touch()
    (data_dir / "somebody's").chmod(0o666)
    assert [flaw.hint.partition(f" {tmp_path}")[0] for flaw in flaws(data_dir)] == ["chmod 700", *["chmod 600"] * 3]
    opened(data_dir, writing=False)
    assert mode(data_dir) == 0o700
    assert {mode(path) for path in data_dir.iterdir() if path.name != "somebody's"} == {0o600}
    assert mode(data_dir / "somebody's") == 0o666
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 4
    assert f"everybody can write to {data_dir} (mode 0777): that is mended (mode 0700)" in caplog.text


def test_what_others_may_read_is_told_and_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    opened(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "vms-bridge.sqlite").chmod(0o640)
    (tmp_path / "lock").chmod(0o644)
    opened(tmp_path, writing=False)
    assert (mode(tmp_path), mode(tmp_path / "vms-bridge.sqlite"), mode(tmp_path / "lock")) == (0o755, 0o640, 0o644)
    assert f"its group can read {tmp_path}/vms-bridge.sqlite (mode 0640); chmod 600" in caplog.text
    assert f"everybody can read {tmp_path}/lock" in caplog.text


def test_a_group_is_others_too(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    (flaw,) = mend(tmp_path)
    assert flaw.is_mended
    assert "its group can write" in flaw.text
    assert mode(tmp_path) == 0o700


def test_a_directory_that_is_everybodys_is_left(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (flaw,) = mend(tmp_path)
    assert not flaw.is_mended
    assert flaw.hint == "set data_dir: to a directory of its own"
    assert mode(tmp_path) == 0o1777
    assert flaws(tmp_path / "not there") == []


@pytest.mark.parametrize("name", ["lock", "vms-bridge.sqlite", "vms-bridge.sqlite-wal", "vms-bridge.sqlite-shm"])
@pytest.mark.parametrize("leads_somewhere", [True, False])
def test_no_link_is_followed(tmp_path: Path, name: str, leads_somewhere: bool) -> None:  # noqa: FBT001 - a case
    target, data_dir = tmp_path / "target", tmp_path / "state"
    data_dir.mkdir(mode=0o700)
    if leads_somewhere:
        target.write_text("somebody's")
        target.chmod(0o666)
    (data_dir / name).symlink_to(target)
    assert ["is a link" in flaw.text for flaw in flaws(data_dir)] == [True]
    with pytest.raises(StoreError, match="is a link") as caught:
        opened(data_dir)
    assert "data_dir" in caught.value.hint
    assert target.exists() is leads_somewhere
    if leads_somewhere:
        assert (target.read_text(), mode(target)) == ("somebody's", 0o666)
    (data_dir / name).unlink()
    opened(data_dir)  # nothing is left locked


@pytest.mark.parametrize("name", ["lock", "vms-bridge.sqlite"])
def test_a_pipe_in_their_place_hangs_nothing(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(StoreError, match="is no file"):
        opened(tmp_path)


def test_a_data_dir_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to(tmp_path / "there")
    opened(tmp_path / "state")
    assert (tmp_path / "there" / "lock").exists()


def test_a_directory_of_another_user_is_told(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(tmp_path, 12345, -1)
    assert [flaw.text for flaw in mend(tmp_path)] == [f"{tmp_path} belongs to another user, number 12345"]


def test_root_is_remarked() -> None:
    flaw = root_flaw()
    assert (flaw is not None) == (os.geteuid() == 0)
    assert flaw is None or "user of its own" in flaw.hint
