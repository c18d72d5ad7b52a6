"""docs/scripting.md: its scripts, files and command lines are what they are said to be."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from vms_bridge.cli import OK, main
from vms_bridge.cli.script import VERBS
from vms_bridge.scripts.triggers.record import read
from vms_bridge.scripts.trying.answers import read_answers
from vms_bridge.scripts.trying.expected import read_expected
from vms_bridge.scripts.trying.lint import lint

PAGE = (Path(__file__).parents[4] / "docs/scripting.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
HAPPENS, EXPECTED, ANSWERS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^vms-bridge script (.+?)(?:\s+#.*)?$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("text", SCRIPTS)
def test_there_is_nothing_to_say_of_a_script(text: str) -> None:
    header, findings = lint(text)
    assert header is not None
    assert findings == []


def test_the_first_script_is_tried_as_the_page_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hello.py"
    file.write_text(SCRIPTS[0], encoding="utf-8")
    (line,) = (each for each in COMMANDS if each.startswith("test") and "hello" in each)
    assert main(["script", *(str(file) if word.endswith("hello.py") else word for word in shlex.split(line))]) == OK
    assert "3,600 s, 0 failures" in capsys.readouterr().err


def test_what_happens_is_expected_and_answered_can_be_read(tmp_path: Path) -> None:
    assert len(list(read(HAPPENS.splitlines(), file="page"))) == 3
    for name, text in (("expected", EXPECTED), ("answers", ANSWERS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert len(read_expected(tmp_path / "expected")) == 3
    assert read_answers(tmp_path / "answers").notify == "nobody"


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_line_is_understood(line: str) -> None:
    verb, *arguments = shlex.split(line)
    assert import_module(VERBS[verb].module).command.make_context(verb, arguments)
