"""The header: read as it stands, never run, and refused with line and remedy where it is no literal."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.script_errors import ScriptRefused, StateRefused
from vms_bridge.scripts.header import MOST_BYTES, read_header
from vms_bridge.scripts.settings import SettingKind
from vms_bridge.scripts.values import Permissions

IMPORTS = "from vms_bridge.script import *\n"
FULL = '''"""Open the gate.

More."""
import json
from vms_bridge.script import permissions, settings, Number, Text, Choice, Switch, Secret, Duration, on
permissions(
    monitors=["zm/*"], commands=("trigger",), http=["https://api.example/*"], notify=True,
    mqtt=["home/gate/#"], secrets=["gate_token", "gate_token"],
)
settings(
    threshold=Number(0.5, min=0, max=1, step=0.1, title="Threshold"),
    text=Text(max_length=10), mode=Choice("day", options=["day", "night"]), on=Switch(True),
    pin=Secret(title="PIN"), wait=Duration("5m", min="5s", max=600), low=Number(default=-3),
)
print(open("/etc/passwd"))
'''


def test_a_whole_header() -> None:
    header = read_header(FULL)
    assert header.doc == "Open the gate."
    assert header.permissions == Permissions(
        monitors=("zm/*",),
        commands=("trigger",),
        http=("https://api.example/*",),
        mqtt=("home/gate/#",),
        secrets=("gate_token",),
        notify=True,
    )
    assert [(each.name, each.kind, each.default) for each in header.settings] == [
        ("threshold", SettingKind.NUMBER, 0.5),
        ("text", SettingKind.TEXT, ""),
        ("mode", SettingKind.CHOICE, "day"),
        ("on", SettingKind.SWITCH, True),
        ("pin", SettingKind.SECRET, None),
        ("wait", SettingKind.DURATION, "5m"),
        ("low", SettingKind.NUMBER, -3),
    ]
    assert (header.settings[5].min, header.settings[5].max) == (5.0, 600)
    assert (header.settings[0].min, header.settings[0].max, header.settings[0].title) == (0, 1, "Threshold")


def test_without_a_header_a_script_sees_and_does_nothing_else() -> None:
    assert read_header("").permissions == Permissions()


@pytest.mark.parametrize(
    "text",
    [
        "import vms_bridge.script\nvms_bridge.script.permissions(notify=True)",
        "import vms_bridge.script as s\ns.permissions(notify=True)",
        "from vms_bridge import script\nscript.permissions(notify=True)",
        "from vms_bridge.script import permissions as p\np(notify=True)",
        "from vms_bridge.script import *\npermissions(notify=True)",
    ],
)
def test_the_api_may_be_imported_in_any_way(text: str) -> None:
    assert read_header(text).permissions.notify


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        ("permissions(notify=not False)", 2, "literal", "read without being run"),
        ("permissions(http=[f'https://{x}/*'])", 2, "literal", ""),
        ("permissions(http=['https://a.example/*'] + [])", 2, "literal", ""),
        ("permissions(\n http=[\n  HOST])", 4, "literal", ""),
        ("permissions(commands=['a', *b])", 2, "literal", ""),
        ("permissions(**{'notify': True})", 2, "**", ""),
        ("permissions(['*'])", 2, "by name", "monitors"),
        ("permissions(notify='yes')", 2, "True or False", ""),
        ("permissions(commands='trigger')", 2, "list of texts", ""),
        ("permissions(commands=[1])", 2, "list of texts", ""),
        ("permissions(comands=['trigger'])", 2, "comands", "commands is meant?"),
        ("permissions(zzz=['trigger'])", 2, "zzz", "there are:"),
        ("permissions(notify=True)\npermissions(logs=True)", 3, "twice", "line 2"),
        ("permissions(notify=True, notify=True)", 2, "twice", ""),
        ("def f():\n    permissions(notify=True)", 3, "top", ""),
        ("if True:\n    permissions(notify=True)", 3, "top", ""),
        ("x = permissions(notify=True)", 2, "top", ""),
        ("print(permissions(notify=True))", 2, "top", ""),
        ("permisions(notify=True)", 2, "permisions", "permissions(...) is meant?"),
        ("permissions(mqtt=['vms_bridge/x'])", 2, "the bridge's own", ""),
        ("permissions(http=['https://*/*', 'https://x'])", 2, "1 more", ""),
        ("settings(x=3)", 2, "x is none", "Number(...)"),
        ("settings(x=Nmber(3))", 2, "none of the API's", ""),
        ("settings(x=Number(3, maximum=3))", 2, "maximum", ""),
        ("settings(x=Number(3, max=2))", 2, "default", ""),
        ("settings(x=Number(3, max='a'))", 2, "max is a number", ""),
        ("settings(x=Number())", 2, "default", ""),
        ("settings(x=Number(1, default=2))", 2, "two defaults", ""),
        ("settings(x=Number(1, 2))", 2, "without a name", ""),
        ("settings(x=Number(1e999))", 2, "too large", ""),
        ("settings(X=Number(1))", 2, "no name", ""),
        ("settings(x=Choice('a'))", 2, "options", ""),
        ("settings(x=Choice('a', options='ab'))", 2, "list of texts", ""),
        ("settings(x=Choice('a', options=['b']))", 2, "default", ""),
        ("settings(x=Text('a', title=3))", 2, "title is a text", ""),
        ("settings(pin=Secret('1234'))", 2, "secret in the source", "--secret pin"),
        ("settings(pin=Secret(default='1234'))", 2, "secret in the source", "--secret pin"),
        ("settings(x=Number(0.25, step=0.1))", 2, "takes steps of 0.1 from 0 on", ""),
        ("settings(x=Number(1" + "0" * 400 + "))", 2, "too large", ""),
        ("settings(x=Duration('soon'))", 2, "duration", ""),
        ("settings(x=Duration('5s', min='soon'))", 2, "min is a number of seconds", ""),
        ("settings(" + ",".join(f"x{n}=Switch()" for n in range(65)) + ")", 2, "more than 64", ""),
        ("permissions(secrets=[" + "'a'," * 300 + "])", 2, "300", ""),
        ("def f(:", 2, "no Python", "def f(:"),
        ("x = 1\x00", None, "", ""),
        ("x = " + "-" * 9000 + "1", None, "nested", ""),
        ("x = " + "(" * 900 + ")" * 900, 2, "", ""),
        ("x" + "()" * 9000, None, "nested", ""),
    ],
)
def test_what_is_no_header_is_refused(text: str, line: int | None, says: str, hint: str) -> None:
    with pytest.raises(ScriptRefused) as refused:
        read_header(IMPORTS + text)
    assert says in str(refused.value)
    assert hint in refused.value.hint
    assert line is None or refused.value.line == line


def test_what_is_not_imported_is_no_header() -> None:
    with pytest.raises(ScriptRefused, match="not imported"):
        read_header("permissions(notify=True)")


def test_a_function_of_the_scripts_own_may_be_called_nearly_so() -> None:
    assert read_header("def permission():\n    pass\npermission()\n").permissions == Permissions()


@pytest.mark.parametrize("text", ["x" + "()" * 600, "x" + ".a" * 600, "if 1:\n  pass\n" + "elif 1:\n  pass\n" * 600])
def test_nesting_is_bounded_for_every_python(text: str) -> None:
    with pytest.raises(ScriptRefused, match="nested"):
        read_header(text)


def test_an_ordinary_long_source_is_read() -> None:
    text = "def handler(event):\n    if event.label in ('person', 'dog') and event.score > 0.5:\n        print(event)\n\n"
    assert len(text * 2_000) > 200_000
    assert read_header(text * 2_000).permissions == Permissions()


def test_a_source_is_bounded() -> None:
    with pytest.raises(ScriptRefused, match="words"):
        read_header("x = [" + "1," * 100_000 + "]")
    with pytest.raises(ScriptRefused, match="bytes"):
        read_header("#" * (MOST_BYTES + 1))


def test_modules_are_told() -> None:
    imports = read_header(
        "import json, os.path, numpy\nfrom xml.etree import ElementTree\nfrom . import other\nimport antigravity\n"
        "from vms_bridge.hub import hub\nfrom vms_bridge.script import on\nimport vms_bridge.script\nimport own.part\n"
        "def f():\n    import sqlite3\n    __import__('socket')\nimport unittest.__main__\nimport _ctypes\n",
        extra={"own"},
    ).imports
    assert imports.modules == ("json", "os.path", "xml.etree", "xml.etree.ElementTree", "own.part", "sqlite3")
    assert [remark.line for remark in imports.remarks] == [1, 3, 4, 5, 11, 12, 13]


@given(st.text(max_size=80), st.sampled_from(("permissions(notify={})", "permissions(http=[{}])", "settings(x={})", "{}")))
def test_any_text_is_read_or_refused(text: str, form: str) -> None:
    with suppress(ScriptRefused):
        read_header(IMPORTS + form.format(text))


@pytest.mark.parametrize(
    ("declared", "given", "kept"),
    [
        ("Number(3, max=9)", 5, 5),
        ("Number(3, max=9)", 5.5, 5.5),
        ("Number(3, step=1)", 5.0, 5),
        ("Number(2, min=0.5, step=1.5)", 3.5, 3.5),
        ("Number(0, step=0.1)", 0.3, 0.3),
        ("Number(0, step=0.1)", 1e9 + 0.1, 1e9 + 0.1),
    ],
)
def test_a_number_that_is_set_stays_what_it_is(declared: str, given: float, kept: float) -> None:
    (setting,) = read_header(f"{IMPORTS}settings(x={declared})").settings
    value = setting.checked(given)
    assert (value, type(value)) == (kept, type(kept))


@pytest.mark.parametrize("given", [5.5, 0.3, 10**400, -(10**400), math.nan, math.inf, True, "1"])
def test_a_number_that_is_none_of_its_steps_is_refused(given: object) -> None:
    (setting,) = read_header(f"{IMPORTS}settings(x=Number(3, step=1))").settings
    with pytest.raises(StateRefused):
        setting.checked(given)
