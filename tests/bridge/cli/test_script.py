"""`vms-bridge script`: what is shown of scripts, and that nothing is approved or forgotten unasked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import click
import pytest
from tests.fakes.scripts import SHA256, FakeScripts

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.script.logs import following
from vms_bridge.cli.script.settings import change_of
from vms_bridge.scripting import ScriptCounts, SettingView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask

    from vms_bridge.cli.client import Api

BY = "user 0 by the socket"


@pytest.fixture
def scripts(world: World) -> FakeScripts:
    scripts = FakeScripts()
    world.scripts.serve(scripts)
    return scripts


async def test_a_bridge_without_scripts_says_how_to_have_them(ask: Ask) -> None:
    code, _, err = await ask("script", "list")
    assert code == FAILED
    assert "this bridge runs no scripts" in err
    assert "scripts:" in err


async def test_scripts_are_listed_and_shown(ask: Ask, scripts: FakeScripts) -> None:
    assert scripts.view is not None
    code, out, _ = await ask("script", "list")
    assert (code, "gate" in out, "ready" in out, "Open the gate." in out) == (OK, True, True, True)
    code, out, _ = await ask("script", "list", "--json")
    assert [one["name"] for one in json.loads(out)] == ["gate"]
    code, out, _ = await ask("script", "show", "gate")
    assert (code, "see the monitors zm/1; send notifications" in out) == (OK, True)
    assert "ValueError: no" in out
    assert '  | File "gate.py", line 3' in out
    assert json.loads((await ask("script", "show", "gate", "--json"))[1])["sha256"] == SHA256
    assert (await ask("script", "show", "gate", "--source"))[1] == "# gate\n"
    assert json.loads((await ask("script", "show", "gate", "--source", "--json"))[1])["text"] == "# gate\n"
    code, _, err = await ask("script", "show", "bell")
    assert (code, "no script 'bell'" in err) == (FAILED, True)


async def test_who_shows_a_script_whose_handlers_fail_is_sent_to_its_log(ask: Ask, scripts: FakeScripts) -> None:
    view = scripts.get("gate")
    assert "--level error" not in (await ask("script", "show", "gate"))[1]
    scripts.view = replace(view, life=replace(view.life, counts=ScriptCounts(calls=3, failures=2)))
    assert "vms-bridge script logs gate --level error" in (await ask("script", "show", "gate"))[1]


async def test_what_is_approved_is_shown_before(ask: Ask, scripts: FakeScripts) -> None:
    code, out, err = await ask("script", "approve", "gate")
    assert (code, out, scripts.asked) == (USAGE, "", [])
    assert SHA256 in err
    assert "    see the monitors zm/1\n" in err
    assert "never approved" in err
    assert "say --yes" in err
    code, out, _ = await ask("script", "approve", "gate", "--yes", "--sha256", "0" * 64)
    assert (code, scripts.asked) == (FAILED, [])
    code, out, _ = await ask("script", "approve", "gate", "--yes", "--sha256", SHA256)
    assert (code, out) == (OK, "The script gate is approved: it is ready.\n")
    assert scripts.asked[0][:2] == ("approve", "gate")
    code, out, _ = await ask("script", "approve", "gate")
    assert (code, out) == (OK, "The script gate was approved before: it is ready.\n")
    code, _, err = await ask("script", "approve", "gate", "--sha256", "0" * 64)
    assert (code, "vms-bridge script show gate --source" in err) == (FAILED, True), "it is another source than that"
    assert len(scripts.asked) == 1


async def test_what_differs_is_shown(ask: Ask, scripts: FakeScripts) -> None:
    view = await scripts.approve("gate", sha256=SHA256, by=BY)
    scripts.view = type(view)(
        **{each: getattr(view, each) for each in view.__dataclass_fields__}
        | {"needs_approval": True, "sha256": "b6" * 32, "differences": type(view.differences)()}
    )
    code, out, err = await ask("script", "approve", "gate", "--yes", "--json")
    assert (code, json.loads(out)["needs_approval"]) == (OK, False)
    assert f"by {BY}" in err
    assert f"its source has changed (it was {SHA256})" in err


async def test_revoke_stop_restart_delete(ask: Ask, scripts: FakeScripts) -> None:
    assert (await ask("script", "revoke", "gate"))[0] == OK
    assert (await ask("script", "restart", "gate"))[0] == OK
    assert (await ask("script", "stop", "gate"))[0] == OK
    assert (await ask("script", "restart", "gate"))[0] == OK
    assert (await ask("script", "delete", "gate"))[0] == USAGE
    assert (await ask("script", "delete", "gate", "--yes"))[0] == OK
    assert [one[:-1] for one in scripts.asked] == [
        ("revoke", "gate"),
        ("restart", "gate"),
        ("enable", "gate", False),
        ("enable", "gate", True),
        ("delete", "gate"),
    ]


async def test_a_file_is_uploaded(ask: Ask, scripts: FakeScripts, tmp_path: Path) -> None:
    file = tmp_path / "bell.py"
    file.write_text("\ufeffx = 'é'\n", encoding="utf-8")
    code, out, _ = await ask("script", "upload", str(file))
    assert (code, out) == (OK, "The script bell is there, and it is ready: `vms-bridge script approve bell` lets it run.\n")
    assert scripts.asked[0][:3] == ("upload", "bell", "x = 'é'\n")
    file.write_bytes(b"\xff")
    assert (await ask("script", "upload", str(file)))[0] == USAGE
    file.write_bytes(b"#" * 300_000)
    code, _, err = await ask("script", "upload", str(file))
    assert (code, "bytes" in err) == (USAGE, True)
    assert (await ask("script", "upload", str(tmp_path / "missing.py")))[0] == USAGE


async def test_the_log_is_shown(ask: Ask, scripts: FakeScripts) -> None:
    code, out, _ = await ask("script", "logs", "gate", "--level", "info", "--limit", "5")
    assert (code, "info" in out, "open" in out, "7" in out) == (OK, True, True, True)
    assert scripts.asked
    assert (await ask("script", "logs", "gate", "--follow", "--json"))[0] == USAGE
    assert json.loads((await ask("script", "logs", "gate", "--ndjson"))[1])["text"] == "open"


async def test_a_traceback_in_the_log_has_a_line_for_each_of_its_lines(ask: Ask, scripts: FakeScripts) -> None:
    text = 'began: Traceback\n  File "gate.py", line 7, in began\nZeroDivisionError: \x1b[1m'
    scripts.said = [replace(scripts.said[0], text=text)]
    _, *lines = (await ask("script", "logs", "gate"))[1].splitlines()
    at = lines[0].index("began:")
    assert [line[at:].rstrip() for line in lines] == [*text.split("\n")[:2], "ZeroDivisionError:  [1m"]
    assert not lines[1][:at].strip()
    assert json.loads((await ask("script", "logs", "gate", "--ndjson"))[1])["text"] == text


def test_what_is_said_later_follows() -> None:
    pages = [{"lines": [{"text": "a"}], "after": 3, "lost": 2}, {"lines": [], "after": 3, "lost": 0}]
    asked: list[dict[str, str]] = []

    class FakeApi:
        def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> Any:  # noqa: ANN401 - JSON
            asked.append({"path": path, **dict(query)})
            return pages[len(asked) - 1]

    new = following(cast("Api", FakeApi()), "/scripts/gate/log", "info", 1)
    assert [next(new), next(new)] == [[{"text": "a"}], []]
    assert [(each["after"], each["level"], each["wait"]) for each in asked] == [("1", "info", "20"), ("3", "info", "20")]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("duration", 1_209_600.0, "14d"),
        ("duration", 90.5, "1m30.5s"),
        ("number", 1_234_567.5, "1234567.5"),
        ("number", 3.0, "3"),
        ("number", 0.1, "0.1"),
        ("switch", True, "on"),
    ],
)
async def test_values_are_shown_as_people_write_them(
    kind: str, value: float, shown: str, ask: Ask, scripts: FakeScripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = SettingView(name="it", kind=kind, value=value, is_set=True, min=None if kind == "switch" else value)

    async def settings(_name: str) -> list[SettingView]:
        return [one]

    monkeypatch.setattr(scripts, "settings", settings)
    row = (await ask("script", "settings", "gate"))[1].splitlines()[1].split()
    assert row == ["it", shown, kind, *([] if kind == "switch" else [f"{shown}.."])]


def test_settings_are_read_by_their_kinds() -> None:
    kinds = {"loud": "switch", "wait": "duration", "low": "number", "mode": "choice"}
    assert [change_of(each, kinds) for each in ("loud=on", "loud=No", "wait=5m", "low=-1.5", "mode=a=b")] == [
        ("loud", True),
        ("loud", False),
        ("wait", "5m"),
        ("low", -1.5),
        ("mode", "a=b"),
    ]
    assert type(change_of("low=5", kinds)[1]) is int
    with pytest.raises(click.UsageError, match="takes a number"):
        change_of("low=five", kinds)
    with pytest.raises(click.UsageError, match="on or off"):
        change_of("loud=maybe", kinds)


async def test_state_is_shown_exported_and_cleared(ask: Ask, scripts: FakeScripts) -> None:
    code, out, err = await ask("script", "state", "gate")
    assert (code, "count" in out, " of 1" in err) == (OK, True, True)
    assert json.loads((await ask("script", "state", "gate", "--export"))[1]) == {"count": 3}
    assert (await ask("script", "state", "gate", "--clear"))[0] == USAGE
    assert (await ask("script", "state", "gate", "--key", "count"))[0] == USAGE
    assert (await ask("script", "state", "gate", "--clear", "--key", "no such", "--yes"))[0] == FAILED
    assert (await ask("script", "state", "gate", "--clear", "--key", "count", "--yes"))[0] == OK
    assert (await ask("script", "state", "gate", "--clear", "--yes"))[0] == OK
    assert [one[:2] for one in scripts.asked] == [("clear", "count"), ("clear", None)]


async def test_settings_are_shown_and_set(ask: Ask, scripts: FakeScripts) -> None:
    code, out, _ = await ask("script", "settings", "gate")
    assert (code, "low" in out, "number ..9" in out, "pin" in out) == (OK, True, True, True)
    code, out, _ = await ask("script", "settings", "gate", "low=5", "--json")
    assert (code, json.loads(out)[0]["value"]) == (OK, 5)
    assert (await ask("script", "settings", "gate", "--reset", "low"))[0] == OK
    for wrong in ("low", "low=x", "lower=1", "pin=4711"):
        assert (await ask("script", "settings", "gate", wrong))[0] == USAGE, wrong
    assert [one[1] for one in scripts.asked] == [{"low": 5.0}, {"low": None}]
