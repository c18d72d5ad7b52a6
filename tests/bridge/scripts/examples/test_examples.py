"""Each example does what it says: its replay, in its real sandbox, has it do what is expected, and nothing else."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from vms_bridge.cli import FAILED, OK, main

FOLDER = Path(__file__).parents[4] / "examples" / "scripts"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py"))


@pytest.fixture(autouse=True)
def blockbuster() -> None:
    """Take the place of the check for blocking calls: a trial has its event loop to itself."""


def tried(name: str, folder: Path = FOLDER, *more: str) -> int:
    """Try an example as its README says, and return the exit code."""
    files = {option: folder / f"{name}.{ending}" for option, ending in FILES.items()}
    named = [word for option, file in files.items() if file.exists() for word in (option, str(file))]
    return main(["script", "test", str(folder / f"{name}.py"), *named, *more])


FILES = {"--replay": "replay.jsonl", "--answers": "answers.json", "--expect": "expected.jsonl"}


def test_there_are_five() -> None:
    assert len(NAMES) == 5
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}.py`" in page for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = tried(name)
    shown = capsys.readouterr()
    assert code == OK, shown.err + shown.out
    assert "0 failures, behind seccomp" in shown.err
    assert (FOLDER / f"{name}.expected.jsonl").read_text(encoding="utf-8").count("\n") >= 2


@pytest.mark.parametrize("name", NAMES)
def test_an_expectation_can_fail(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in FOLDER.glob(f"{name}.*"):
        shutil.copy(file, tmp_path)
    expected = tmp_path / f"{name}.expected.jsonl"
    first, *rest = expected.read_text(encoding="utf-8").splitlines()
    said = {**json.loads(first), "at_s": 1.5}
    expected.write_text("\n".join([json.dumps(said), *rest]), encoding="utf-8")
    assert tried(name, tmp_path) == FAILED
    assert '\n- {"at_s": 1.5, ' in capsys.readouterr().err


def test_nothing_is_to_be_said_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["script", "lint", "--strict", *(str(FOLDER / f"{name}.py") for name in NAMES)])
    assert (code, capsys.readouterr().out) == (OK, "")


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_is_for(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert "permissions(" in ast.unparse(tree)
