"""Exports: into the folder for them and nowhere else, whatever a name says and whatever lies there already."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.scripts.services.lab import Worker
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BodyInvalid, BridgeError, NoRoom, NotFound
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services import handles
from vms_bridge.scripts.services.exports import ExportLimits, Exports
from vms_bridge.scripts.services.media import Media, Medium
from vms_bridge.scripts.services.refusals import ExportRefused
from vms_bridge.scripts.services.table import Services

LIMITS = ExportLimits(most_bytes=1_000, most_files=4, free_bytes=0)


class Lab:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "exports"
        self.folder.mkdir()
        self.worker = Worker().may(export=True)
        self.media = Media(FakeClock(), folder / "spool")
        self.services = Services(handles.rows(self.media, Exports(self.folder, LIMITS)), FakeClock())
        self.medium: Medium

    async def export(self, **words: object) -> str:
        said = await self.services.answer(self.worker, "media.export", {"media": self.medium.id, **words})
        return str(said.words["path"])

    @property
    def there(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if not path.is_dir())


@pytest.fixture
async def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.medium = await lab.media.add(lab.worker, "video/mp4", "front.mp4", b"clip" * 25)
    return lab


async def test_a_clip_is_written_under_its_name_or_another_into_a_folder_of_its_own(lab: Lab) -> None:
    assert await lab.export() == str(lab.folder / "front.mp4")
    assert await lab.export(name="Gate 1", folder="2026-11-29") == str(lab.folder / "2026-11-29" / "Gate 1.mp4")
    assert lab.there == ["2026-11-29/Gate 1.mp4", "front.mp4"]
    assert (lab.folder / "front.mp4").read_bytes() == b"clip" * 25
    assert (lab.folder / "front.mp4").stat().st_mode & 0o777 == 0o640 & ~_umask()


async def test_a_large_one_comes_from_its_file(lab: Lab) -> None:
    lab.services = Services(handles.rows(lab.media, Exports(lab.folder, ExportLimits(free_bytes=0))), FakeClock())
    content = os.urandom(3_000_000)
    lab.medium = await lab.media.add(lab.worker, "video/mp4", "long.mp4", content)
    await lab.export()
    assert (lab.folder / "long.mp4").read_bytes() == content
    lab.worker.end()


async def test_nothing_is_overwritten_unless_that_is_said(lab: Lab) -> None:
    await lab.export()
    (lab.folder / "front.mp4").write_bytes(b"another")
    with pytest.raises(ExportRefused, match=r"there is a file 'front\.mp4' already"):
        await lab.export()
    assert (lab.folder / "front.mp4").read_bytes() == b"another"
    await lab.export(overwrite=True)
    assert (lab.folder / "front.mp4").read_bytes() == b"clip" * 25
    assert lab.there == ["front.mp4"]


async def test_links_are_not_followed(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (lab.folder / "front.mp4").symlink_to(outside / "secret")
    (lab.folder / "sub").symlink_to(outside)
    with pytest.raises(ExportRefused, match="already"):
        await lab.export()
    with pytest.raises(ExportRefused, match="can't be used"):
        await lab.export(folder="sub")
    await lab.export(overwrite=True)
    assert not (lab.folder / "front.mp4").is_symlink()
    assert (outside / "secret").read_text() == "secret"
    assert [each.name for each in outside.iterdir()] == ["secret"]


async def test_a_folder_that_is_a_link_or_not_there(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(lab.folder)
    for name in ("link", "missing"):
        lab.services = Services(handles.rows(lab.media, Exports(tmp_path / name)), FakeClock())
        with pytest.raises(ExportRefused, match="can't be used"):
            await lab.export()
    lab.services = Services(handles.rows(lab.media, Exports(None)), FakeClock())
    with pytest.raises(ExportRefused, match="there is no folder") as refusal:
        await lab.export()
    assert "export_folder" in refusal.value.hint


async def test_it_takes_the_permission_and_a_handle(lab: Lab) -> None:
    asked = {"media": lab.medium.id}
    with pytest.raises(PermissionMissing, match="permission export"):
        await lab.services.answer(Worker(), "media.export", asked)
    with pytest.raises(NotFound):
        await lab.services.answer(Worker().may(export=True), "media.export", asked)
    assert lab.there == []


async def test_the_folder_holds_so_much(lab: Lab) -> None:
    for number in range(4):
        await lab.export(name=f"{number}", folder="sub" if number % 2 else "")
    with pytest.raises(NoRoom, match="may have 4 files"):
        await lab.export(name="5")
    assert len(lab.there) == 4
    lab.medium = await lab.media.add(lab.worker, "video/mp4", "front.mp4", b"x" * 901)
    (lab.folder / "0.mp4").unlink()
    with pytest.raises(NoRoom):
        await lab.export(name="5")
    lab.services = Services(handles.rows(lab.media, Exports(lab.folder, ExportLimits(free_bytes=2**60))), FakeClock())
    with pytest.raises(NoRoom, match="the disk"):
        await lab.export(name="5")


async def test_what_is_refused_keeps_no_file_open(lab: Lab) -> None:
    """A script that exports under one name again and again must not take the bridge's descriptors."""
    lab.medium = await lab.media.add(lab.worker, "video/mp4", "long.mp4", os.urandom(300_000))
    before = _open_files(lab)
    assert before == 1
    for _ in range(5):
        with pytest.raises(NoRoom, match="may have 4 files"):
            await lab.export()
    assert _open_files(lab) == before
    lab.worker.end()
    assert _open_files(lab) == 0


async def test_what_a_kill_has_left_behind_is_taken_away(lab: Lab) -> None:
    for name, age_s in ((".draft-old", 7_200), (".draft-new", 0)):
        (lab.folder / name).write_bytes(b"half")
        stamp = (lab.folder / name).stat().st_mtime - age_s
        os.utime(lab.folder / name, (stamp, stamp))
    await lab.export()
    assert lab.there == [".draft-new", "front.mp4"]


async def test_what_can_not_be_written_leaves_nothing(lab: Lab) -> None:
    (lab.folder / "front.mp4").mkdir()
    with pytest.raises(ExportRefused):
        await lab.export()
    with pytest.raises(ExportRefused, match="could not be written"):
        await lab.export(overwrite=True)
    assert lab.there == []


@pytest.mark.parametrize(
    "name",
    ["..", ".", "../x", "a/b", "/etc/passwd", ".hidden", "a\x00b", "a\nb", " a", "a ", "a.", "x" * 161, "a\\b", "c:x", "\udcff"],
)
async def test_names_that_can_not_be(lab: Lab, name: str) -> None:
    for words in ({"name": name}, {"folder": name}):
        with pytest.raises(BodyInvalid):
            await lab.export(**words)
    assert lab.there == []


async def test_an_ending_says_what_it_is(lab: Lab) -> None:
    assert (await lab.export(name="a.MP4")).endswith("a.MP4")
    assert (await lab.export(name="script.sh")).endswith("script.sh.mp4")
    with pytest.raises(BodyInvalid, match=r"ends with \.mp4"):
        await lab.export(name="a.jpg")


@given(name=st.text(max_size=300), folder=st.text(max_size=40))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_whatever_a_name_says_it_is_one_file_in_the_folder(
    tmp_path_factory: pytest.TempPathFactory, name: str, folder: str
) -> None:
    base = tmp_path_factory.mktemp("any")
    lab = Lab(base)
    lab.medium = await lab.media.add(lab.worker, "video/mp4", "front.mp4", b"clip")
    try:
        await lab.export(name=name, folder=folder)
    except BridgeError:
        assert lab.there == []
    else:
        (there,) = lab.there
        assert there.count("/") == bool(folder)
        assert there.endswith(".mp4")
    assert [each.name for each in base.iterdir()] == ["exports"]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _open_files(lab: Lab) -> int:
    """Return how many descriptors lead to pictures and clips."""
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # of other threads, closed meanwhile
            found += str(each.readlink()).startswith(str(lab.folder.parent / "spool"))
    return found
