from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.cli import FAILED, OK, USAGE, main
from vms_bridge.scripts.trying.lint import Weight, lint

HEAD = "from vms_bridge.script import *\n"


def said(text: str) -> list[tuple[int, str, str]]:
    """Return line, rule and words of all that is said of a script."""
    return [(each.line, each.rule, f"{each.text} -> {each.hint}") for each in lint(text)[1]]


@pytest.mark.parametrize(
    ("text", "line", "rule", "words"),
    [
        ("def f(:\n", 1, "syntax", "it is no Python"),
        ("from vms_bridge.script import on, monitor\n", 1, "name", "is 'monitors' meant?"),
        ("import vms_bridge.script as vb\n\n@vb.on.alrm()\ndef f(): pass\n", 3, "name", "is 'alarm' meant?"),
        ("from vms_bridge.script import on\n@on.alarm(monitr='a')\ndef f(): pass\n", 2, "name", "is 'monitor' meant?"),
        ("from vms_bridge.script import on\n@on.alarm('front')\ndef f(): pass\n", 2, "name", "takes nothing without a name"),
        ("from vms_bridge.script import http\nasync def f(): await http.pots('a')\nf()\n", 2, "name", "is 'post' meant?"),
        ("import time\ndef f(): time.sleep(3)\nf()\n", 2, "blocking", "await sleep"),
        ("from time import sleep as nap\ndef f(): nap(3)\nf()\n", 2, "blocking", "time.sleep()"),
        ("import asyncio\nasyncio.run(None)\n", 2, "blocking", "there is an event loop already"),
        ("with open('/etc/passwd') as f: pass\n", 1, "blocking", "scripts have no files"),
        ("import requests\n", 1, "blocking", "http.get"),
        ("import socket\n", 1, "blocking", "no network of their own"),
        ("import numpy\n", 1, "import", "standard library"),
        ("async def a(): pass\ndef f():\n    await a()\nf()\n", 3, "await", "async def f"),
        ("from vms_bridge.script import sleep\nasync def f():\n    sleep('5s')\nf()\n", 3, "await", "write `await sleep(...)`"),
        ("from vms_bridge.script import sleep\ndef f():\n    sleep('5s')\nf()\n", 3, "await", "`sleep(...).result()`"),
        ("async def g(): pass\nasync def f():\n    g()\nf()\n", 3, "await", "write `await g(...)`"),
        ("async def g(): pass\ndef f():\n    g()\nf()\n", 3, "await", "make it `async def f(...)`"),
        ("async def f(m):\n    p = m.snapshot()\n    print(p)\nf()\n", 2, "await", "`p = await m.snapshot(...)`"),
        ("def f(m):\n    p = m.snapshot()\n    print(p)\nf()\n", 2, "await", "`p = m.snapshot(...).result()`"),
        (
            "from vms_bridge.script import http\nasync def f():\n    a = http.get('x')\n    print(a.ok)\nf()\n",
            3,
            "await",
            "a = await",
        ),
        ("from vms_bridge.script import on\n@on.alarm\ndef f(): pass\n", 2, "trigger", "write @on.alarm()"),
        ("from vms_bridge.script import on\n@on.alarm(to='alarmed')\ndef f(): pass\n", 2, "name", "idle, prealarm, alarm, alert"),
        ("from vms_bridge.script import settings\nsettings.limit\n", 2, "name", "write settings['limit']"),
        ("def helper(): pass\n", 1, "unused", "helper() is never called"),
        (
            "from vms_bridge.script import on\ndef f():\n    @on.alarm()\n    def g(): pass\nf()\n",
            4,
            "trigger",
            "declared at the top level",
        ),
        ("from vms_bridge.script import permissions\npermissions(mqtt=1)\n", 2, "header", "mqtt"),
        ("from vms_bridge.script import permissions\npermissions(comands=['alarm'])\n", 2, "header", "commands"),
        ("from vms_bridge.script import http\nhttp.get('https://a.example/x')\n", 2, "permission", "http"),
        ("from vms_bridge.script import http\nhttp.request('GET', f'https://a.example/{1}')\n", 2, "permission", "http"),
        ("from vms_bridge.script import mqtt\nmqtt.publish('home/siren', 'ON')\n", 2, "permission", "mqtt=['home/siren']"),
        ("from vms_bridge.script import on\n@on.mqtt('home/door')\ndef f(): pass\n", 2, "permission", "listen=['home/door']"),
        ("from vms_bridge.script import on\n@on.webhook('gate')\ndef f(): pass\n", 2, "permission", "webhooks=['gate']"),
        ("from vms_bridge.script import notify\nnotify('x')\n", 2, "permission", "notify=True"),
        ("from vms_bridge.script import entity\nentity.sensor('a')\n", 2, "permission", "entities=True"),
        ("from vms_bridge.script import monitors\nmonitors['a'].trigger()\n", 2, "permission", "alarm"),
        ("from vms_bridge.script import monitors\nmonitors['a'].command('restart')\n", 2, "permission", "restart"),
        ("from vms_bridge.script import bridge\nbridge.logs()\n", 2, "permission", "logs=True"),
    ],
)
def test_what_is_said(text: str, line: int, rule: str, words: str) -> None:
    found = said(text)
    assert any(each[:2] == (line, rule) and words in each[2] for each in found), found


@pytest.mark.parametrize(
    "text",
    [
        "@on.alarm(to='alarm')\nasync def f(alarm):\n    await sleep('5s')\n",
        "permissions(http=['https://a.example/*'])\nurl = 'https://b.example/'\n@on.alarm()\ndef f(): http.get(url).result()\n",
        "permissions(http=['https://a.example/*'])\n@on.alarm()\ndef f(a): http.get(f'https://a.example/{a.name}').result()\n",
        "permissions(commands=['trigger'])\n@on.alarm()\ndef f(a): a.monitor.trigger().result()\n",
        "permissions(commands=['*'], mqtt=['home/#'])\n@on.alarm()\nasync def f(a): mqtt.publish(f'home/{a.name}', 'x')\n",
        "def open(door): pass\n@on.alarm()\ndef f(): open('front')\n",
        "def _unused(): pass\n",
    ],
)
def test_what_is_well(text: str) -> None:
    text = HEAD.replace("*", "http, mqtt, on, permissions, sleep") + text
    assert said(text) == []


def test_advice_weighs_less() -> None:
    _, found = lint("def helper(): pass\n")
    assert [each.weight for each in found] == [Weight.ADVICE]


@settings(deadline=None)
@given(st.text(max_size=200) | st.sampled_from(["\0", "\ud800", "(" * 5000, "a = " + "-" * 5000 + "1"]))
def test_any_text_can_be_looked_at(text: str) -> None:
    header, found = lint(text)
    assert header is not None or found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text(HEAD.replace("*", "on") + "@on.alarm()\ndef f(): pass\n")
    (tmp_path / "bad.py").write_text("x = 1\n1 / 0\n")
    (tmp_path / "advised.py").write_text("def helper(): pass\n")
    (tmp_path / "loops.py").write_text("import os\nos._exit(4)\n")
    return tmp_path


def test_the_verb(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["script", "lint", str(folder / "good.py")]) == OK
    assert main(["script", "lint", str(folder / "bad.py"), str(folder / "good.py")]) == FAILED
    out = capsys.readouterr().out
    assert f"{folder}/bad.py:2: error: ZeroDivisionError: division by zero (run)" in out
    assert main(["script", "lint", str(folder / "advised.py")]) == OK
    assert main(["script", "lint", "--strict", str(folder / "advised.py")]) == FAILED
    capsys.readouterr()
    assert main(["script", "lint", "--json", str(folder / "bad.py")]) == FAILED
    [line] = capsys.readouterr().out.splitlines()
    assert {name: json.loads(line)[name] for name in ("line", "rule", "weight")} == {"line": 2, "rule": "run", "weight": "error"}
    assert main(["script", "lint", str(folder / "loops.py")]) == FAILED
    assert "has ended" in capsys.readouterr().out
    assert main(["script", "lint", str(folder / "none.py")]) == FAILED
    assert "can't be read" in capsys.readouterr().err
    assert main(["script", "lint"]) == USAGE


@pytest.mark.parametrize(
    "body",
    [
        "p = m.snapshot()\n    print(await p)",
        "p = m.snapshot()\n    q = m.clip(before=1)\n    await asyncio.gather(p, q)",
        "p = m.snapshot()\n    return p",
        "p = m.snapshot()\n    p.cancel()",
        "both = [p := m.snapshot()]\n    print(await both[0])",
        "p = m.snapshot()\n    several = [p]\n    await asyncio.gather(*several)",
        "p = d.get('a')\n    print(p)",
        "m.trigger()\n    notify('x')",
        "await sleep(1)\n    await g()",
        "timer = after('1s', g)\n    print(timer)",
        "p = m.snapshot()\n    p = 3\n    print(p)",
    ],
)
def test_what_is_awaited_elsewhere_or_need_not_be_is_not_told(body: str) -> None:
    text = f"import asyncio\n{HEAD}async def g(): pass\nasync def f(m, d):\n    {body}\nf(1, 2)\n"
    text = text.replace("import *", "import after, notify, permissions, sleep\npermissions(notify=True, commands=['trigger'])")
    assert [each for each in said(text) if each[1] == "await"] == []
