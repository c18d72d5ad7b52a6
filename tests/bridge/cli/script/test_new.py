from __future__ import annotations

import stat
from pathlib import Path  # noqa: TC003

import pytest

from vms_bridge.cli import FAILED, OK, USAGE, main
from vms_bridge.cli.script.templates import TEMPLATES


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_written_works_as_it_is(template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["script", "new", "front_door", "--template", template, "--to", str(tmp_path / "new")]) == OK
    file = tmp_path / "new" / "front_door.py"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.read_text().startswith('"""Front door: ')
    assert f"{file} is there." in capsys.readouterr().out
    assert main(["script", "lint", "--strict", str(file)]) == OK
    assert capsys.readouterr().out == ""
    assert main(["script", "test", str(file), "--for", "1h"]) == OK


def test_it_goes_into_the_bridges_folder(config: Path, folder: Path) -> None:
    assert main(["script", "new", "first", "--config", str(config)]) == OK
    assert (folder / "scripts" / "first.py").exists()


def test_nothing_that_is_there_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.py").write_text("x = 1")
    (tmp_path / "linked.py").symlink_to(tmp_path / "elsewhere.py")
    for name in ("mine", "linked"):
        assert main(["script", "new", name, "--to", str(tmp_path)]) == FAILED
    assert "can't be written" in capsys.readouterr().err
    assert (tmp_path / "mine.py").read_text() == "x = 1"
    assert not (tmp_path / "elsewhere.py").exists()


@pytest.mark.parametrize("name", ["../up", "Big", "a.py", "", "1st", "a b"])
def test_names_that_are_none(name: str, tmp_path: Path) -> None:
    assert main(["script", "new", name, "--to", str(tmp_path)]) == USAGE
    assert list(tmp_path.iterdir()) == []
