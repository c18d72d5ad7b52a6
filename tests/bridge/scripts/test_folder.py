"""The folder: what others can write to is not run, what changes under the bridge's eyes is read once, and the rest is told."""

from __future__ import annotations

import fcntl
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from vms_bridge.script_errors import ScriptRefused
from vms_bridge.scripts.folder import MOST_SCRIPTS, MOST_SHOWN, Folder, Found, Refused, digest_of
from vms_bridge.scripts.header import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


_F_SETSIG = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scripts"
    path.mkdir(0o700)
    return path


def put(path: Path, name: str, text: str = "x = 1\n", mode: int = 0o600) -> Path:
    file = path / name
    file.write_text(text)
    file.chmod(mode)
    return file


def make_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file, 0o600)


def looked(folder: Folder) -> dict[str, Found | Refused]:
    folder.scan()
    return dict(folder.scan().files)


def test_a_script_is_found_with_its_hash(path: Path) -> None:
    put(path, "gate.py", "\ufeffprint('é')\n", 0o644)
    put(path, "notes.txt")
    put(path, ".hidden.py")
    (path / "__pycache__").mkdir()
    found = looked(Folder(path))
    assert list(found) == ["gate"]
    gate = found["gate"]
    assert isinstance(gate, Found)
    assert (gate.source.text, gate.source.name, gate.source.path) == ("print('é')\n", "gate", path / "gate.py")
    assert gate.source.sha256 == digest_of("print('é')\n")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.chmod(0o620), "group"),
        (lambda file: file.chmod(0o602), "everybody"),
        (lambda file: os.chown(file, 4242, -1), "another user, number 4242"),
        (lambda file: file.write_bytes(b"\xff\xfe"), "UTF-8"),
        (lambda file: file.write_text("#" * (MOST_BYTES + 1)), "bytes"),
        (lambda file: (file.unlink(), file.symlink_to("/etc/hostname")), "link"),
        (lambda file: (file.unlink(), file.mkdir()), "no file"),
        (make_pipe, "no file"),
        (lambda file: file.rename(file.with_name("Gate.py")), "no name"),
        (lambda file: file.rename(file.with_name("a b\n.py")), "no name"),
        (lambda file: file.rename(file.with_name(f"{'a' * 49}.py")), "no name"),
    ],
)
def test_what_may_not_be_run_is_told(path: Path, spoil: Callable[[Path], None], says: str) -> None:
    if "4242" in says and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    spoil(put(path, "gate.py"))
    (refused,) = looked(Folder(path)).values()
    assert isinstance(refused, Refused)
    assert says in refused.text
    assert "\n" not in refused.text


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(path: Path, mode: int) -> None:
    put(path, "gate.py")
    path.chmod(mode)
    problem = Folder(path).scan().problem
    assert problem is not None
    assert "written" in problem.text
    assert f"chmod go-w {path}" in problem.hint
    with pytest.raises(ScriptRefused):
        Folder(path).write("gate", "")
    with pytest.raises(ScriptRefused):
        Folder(path).remove("gate")


def test_a_folder_of_somebody_else_or_behind_a_link_is_not_used(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    problem = Folder(link).scan().problem
    assert problem is not None
    assert "link" in problem.text
    if os.geteuid() == 0:
        os.chown(path, 4242, -1)
        foreign = Folder(path).scan().problem
        assert foreign is not None
        assert "4242" in foreign.text


def test_a_file_that_is_being_written_is_not_read_yet(path: Path) -> None:
    folder = Folder(path)
    file = put(path, "gate.py", "x = ")
    assert folder.scan().files == {}
    file.write_text("x = 1")
    assert folder.scan().files == {}
    found = folder.scan().files["gate"]
    assert isinstance(found, Found)
    file.write_text("x = 2, ")
    again = folder.scan().files["gate"]
    assert again is found, "the version of before stays until the new one is settled"
    now = folder.scan().files["gate"]
    assert isinstance(now, Found)
    assert now.source.text == "x = 2, "
    file.unlink()
    assert folder.scan().files == {}


def test_a_mode_that_changes_is_seen(path: Path) -> None:
    folder = Folder(path)
    file = put(path, "gate.py")
    assert isinstance(looked(folder)["gate"], Found)
    file.chmod(0o666)
    assert isinstance(looked(folder)["gate"], Refused)


def test_a_look_that_fails_changes_nothing(path: Path, tmp_path: Path) -> None:
    missing = Folder(tmp_path / "missing").scan()
    assert (missing.problem, missing.names, missing.files) == (None, None, {})
    assert missing.unread is not None
    folder = Folder(path)
    put(path, "gate.py")
    before = looked(folder)
    path.rename(tmp_path / "elsewhere")
    scan = folder.scan()
    assert (scan.files, scan.names, scan.problem) == (before, None, None)
    assert scan.unread is not None
    assert "No such file" in scan.unread.text
    (tmp_path / "elsewhere").rename(path)
    scan = folder.scan()
    assert (scan.files, scan.names, scan.unread) == (before, frozenset({"gate"}), None)


def test_a_file_that_can_not_be_read_for_now_is_what_it_was(path: Path) -> None:
    folder = Folder(path)
    file = put(path, "gate.py", "x = 1")
    before = looked(folder)["gate"]
    put(path, "bell.py", "x = 1")
    file.write_text("x = 22")
    folder.scan()
    with unreadable(file):
        scan = folder.scan()
        again = folder.scan()
    assert scan.files["gate"] is again.files["gate"] is before
    assert isinstance(scan.files["bell"], Found), "one that can't be read is no reason to read no other"
    assert scan.names == frozenset({"bell", "gate"})
    assert scan.unread is not None
    assert f"{file} can't be read" in scan.unread.text
    scan = folder.scan()
    assert isinstance(found := scan.files["gate"], Found)
    assert (found.source.text, isinstance(scan.files["bell"], Found), scan.unread) == ("x = 22", True, None)


@contextmanager
def unreadable(file: Path) -> Iterator[None]:
    """Have a file not be opened for reading, whoever asks, by a lease on it."""
    handle = os.open(file, os.O_WRONLY)
    try:
        fcntl.fcntl(handle, _F_SETSIG, signal.SIGURG)  # which does nothing
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(handle)


def test_what_is_known_of_a_folder_has_a_bound(path: Path) -> None:
    folder = Folder(path)
    for number in range(MOST_SHOWN + 50):
        put(path, f"s{number:03}.py")
    looked(folder)
    put(path, "a.py")
    scan = folder.scan()
    assert len(scan.files) == MOST_SHOWN
    assert len(folder._known) == MOST_SCRIPTS
    assert len(scan.names or ()) == MOST_SHOWN + 51
    assert isinstance(folder.scan().files["s000"], Found), "what was there before is not pushed out"


def test_there_is_a_most(path: Path) -> None:
    for number in range(MOST_SCRIPTS + 2):
        put(path, f"s{number:03}.py")
    found = looked(Folder(path))
    assert [name for name, each in found.items() if isinstance(each, Refused)] == ["s128", "s129"]
    with pytest.raises(ScriptRefused, match="128 scripts"):
        Folder(path).write("one_more", "")
    Folder(path).write("s001", "x = 2")


def test_an_upload_replaces_the_file_and_follows_no_link(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("dear")
    (path / "gate.py").symlink_to(victim)
    folder = Folder(path)
    folder.write("gate", "x = 1")
    assert victim.read_text() == "dear"
    assert (path / "gate.py").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.iterdir()] == ["gate.py"]
    assert isinstance(looked(folder)["gate"], Found)
    assert folder.remove("gate")
    assert not folder.remove("gate")


def test_an_upload_makes_the_folder(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new")
    folder.write("gate", "x = 1")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["", "../gate", "Gate", "gate.py", "a" * 49, "g\0", "1a"])
def test_nothing_is_written_by_another_name(path: Path, name: str) -> None:
    with pytest.raises(ScriptRefused):
        Folder(path).write(name, "")
    with pytest.raises(ScriptRefused):
        Folder(path).remove(name)
    assert list(path.iterdir()) == []


def test_what_is_too_large_is_not_uploaded(path: Path) -> None:
    with pytest.raises(ScriptRefused, match="bytes"):
        Folder(path).write("gate", "#" * (MOST_BYTES + 1))
