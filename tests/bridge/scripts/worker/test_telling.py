"""What is said of a script that can't be run, or of what it raises."""

from __future__ import annotations

import sys

import pytest

from vms_bridge.scripts.worker.source import run
from vms_bridge.scripts.worker.telling import MOST_TEXT, MOST_TRACEBACK, Trouble, cut, remember, trouble

FILE = "gate.py"


def told(text: str, monkeypatch: pytest.MonkeyPatch) -> Trouble:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # a script takes its place
    remember(FILE, text)
    error = run(text, FILE)
    assert error is not None
    return trouble(error, FILE)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("x = (\n", "SyntaxError: '(' was never closed, in line 1", 1),
        ("\n  x = 1\n", "IndentationError: unexpected indent, in line 2", 2),
        ("a = 1\nb = a / 0\n", "ZeroDivisionError: division by zero", 2),
        ("import sys\nsys.exit(3)\n", "RuntimeError: the script ends itself at its top level", 0),
        ("raise KeyboardInterrupt\n", "KeyboardInterrupt", 1),
        (
            "import asyncio\nasync def f(): pass\nc = f()\ntry:\n    asyncio.create_task(c)\nfinally:\n    c.close()\n",
            "begin tasks in",
            5,
        ),
        ("from vms_bridge.script import on\non.alarm(min_scor=1)\n", "unexpected keyword argument 'min_scor'", 2),
        ("from vms_bridge.script import on\non.alarm(monitr=1)\n", "id you mean 'monitor'?", 2),
        ("from vms_bridge.script import notify\nnotify('a', titel=1)\n", "id you mean 'title'?", 2),
        ("def f(a): pass\nf(b=1)\n", "unexpected keyword argument 'b'", 2),
        ("from vms_bridge.script import on\n@on.alarm\ndef f(): pass\n", "write @on.alarm(), with parentheses", 2),
        ("from vms_bridge.script import every\nevery('5 minits')\n", "ValueError: interval is a number of seconds, or a text", 2),
        (
            "from vms_bridge.script import every\nx = 1\n@every(5)\ndef f(a, b): pass\n",
            "TypeError: f() takes a, b: a handler takes",
            3,
        ),
        ("from vms_bridge.script import monitors\nmonitors['m'].state()\n", "OutsideBridge: there is no bridge here", 2),
        ("class E(Exception):\n  def __str__(self): raise SystemExit\nraise E\n", "E: <exception str() failed>", 3),
        ("raise Exception('x' * 10**6)\n", "xxx\n ... \nxxx", 1),
        ("raise Exception('\\ud800')\n", "Exception: \\ud800", 1),
        ("f = lambda: f()\nf()\n", "RecursionError", 1),
        ("raise ExceptionGroup('both', [ValueError(1), TypeError(2)])\n", "ExceptionGroup: both (2 sub-exceptions)", 1),
        ("try:\n  1 / 0\nexcept Exception as e:\n  raise ValueError('v') from e\n", "ValueError: v", 4),
        ("import json\njson.loads('{')\n", "json.decoder.JSONDecodeError", 2),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, said: str, line: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(text, monkeypatch)
    assert said in found.text
    assert found.line == line
    assert len(found.text) <= MOST_TEXT
    assert len(found.traceback) <= MOST_TRACEBACK
    assert "/vms_bridge/" not in found.traceback


def test_the_line_and_the_caret_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told("def f(x):\n    return x +\n", monkeypatch)
    assert found.traceback.splitlines()[:3] == ['  File "gate.py", line 2', "    return x +", "              ^"]


def test_of_the_library_only_the_last_frame_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [
        line for line in told("import json\njson.loads('{')\n", monkeypatch).traceback.splitlines() if line.startswith("  File")
    ]
    assert len(frames) == 2
    assert frames[0] == '  File "gate.py", line 2, in <module>'
    assert "json/decoder.py" in frames[1]


def test_causes_are_shown_with_the_authors_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = told("try:\n  1 / 0\nexcept Exception as e:\n  raise ValueError('v') from e\n", monkeypatch).traceback
    assert "line 2" in shown
    assert "The above exception was the direct cause" in shown
    assert "raise ValueError('v') from e" in shown


def test_an_error_that_can_not_be_described_is_told_by_its_name() -> None:
    class Evil(Exception):
        @property
        def __cause__(self) -> BaseException:  # type: ignore[override]
            raise SystemExit

    found = trouble(Evil(), FILE)
    assert found.text == "Evil, which can't be described: SystemExit"
    assert found.said(cancelled=True) == {"text": found.text, "traceback": "", "line": 0, "cancelled": True}


def test_cutting_keeps_both_ends() -> None:
    assert cut("short", 100) == "short"
    assert cut("a" * 100 + "b" * 100, 60).startswith("aaaa")
    assert cut("a" * 100 + "b" * 100, 60).endswith("bbbb")
    assert len(cut("a" * 1000, 60)) <= 60
