"""The command line: what it prints, which code it ends with, and what it does not import."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from tests.bridge.config.samples import PLUGIN

from vms_bridge import __version__
from vms_bridge.cli import FAILED, INTERNAL, INTERRUPTED, MISCONFIGURED, OK, REFUSED, USAGE, main
from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT
from vms_bridge.cli.failures import explain
from vms_bridge.cli.options import Duration
from vms_bridge.cli.program import VERBS, vms_bridge
from vms_bridge.errors import ConfigError, InvalidConfig, StoreError, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[3] / "bridge"


PATIENCE_S = 55
"""What is at work in a second takes ten on a machine that does much else."""
pytestmark = pytest.mark.timeout(PATIENCE_S + 5)


def python(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{SOURCE}{os.pathsep}{PLUGIN}"} | environ,
        check=False,
        timeout=PATIENCE_S,
    )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == OK
    assert capsys.readouterr().out == f"vms-bridge {__version__}\n"


CODES = (OK, FAILED, USAGE, COMMAND_REFUSED, COMMAND_TIMED_OUT, REFUSED, INTERNAL, MISCONFIGURED, INTERRUPTED)


def test_docs_name_every_exit_code_and_the_unit_starts_none_again_in_vain() -> None:
    root = SOURCE.parent
    documented = re.findall(r"^\| (\d+) \|", (root / "docs/running.md").read_text(), re.MULTILINE)
    assert documented == [str(code) for code in CODES]
    unit = (root / "examples/systemd/vms-bridge.service").read_text()
    assert f"\nRestartPreventExitStatus={REFUSED} {MISCONFIGURED}\n" in unit


def test_help_names_every_verb_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == OK
    shown = capsys.readouterr().out
    assert {"run", "check", "demo"} < VERBS.keys()
    assert all(re.search(rf"^  {verb} +{re.escape(row.summary)}$", shown, re.MULTILINE) for verb, row in VERBS.items())
    assert all(f"{code} " in shown for code in CODES)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["walk"],
        ["run", "--wrong"],
        ["demo", "--for", "soon"],
        ["demo", "--for", "0"],
        ["demo", "--port", "0"],
        ["demo", "--cameras", "x"],
        ["demo", "--pace", "nan"],
    ],
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == USAGE
    assert "Usage: vms-bridge" in capsys.readouterr().err


def test_demo_takes_its_options(tmp_path: Path) -> None:
    """Whether everything comes through in so short a time is another test's question."""
    demo = ["demo", "--for", "1s", "--port", "21883", "--cameras", "2", "--pace", "100"]
    result = python("-m", "vms_bridge", *demo, PATH=str(tmp_path))  # where there is no mosquitto
    assert "The demo is over" in result.stdout
    assert (result.returncode in {OK, FAILED}, result.stderr) == (True, "")


def test_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys; sys.argv = ['vms-bridge', '--help']\n"
        "from vms_bridge.cli import main\n"
        "main()\n"
        "print({'aiohttp', 'paho', 'PIL', 'pydantic', 'yaml', 'rich', 'sqlite3'} & set(sys.modules))"
    )
    result = python("-c", probe)
    assert result.stdout.splitlines()[-1] == "set()", result.stderr


def test_module_can_be_run() -> None:
    result = python("-m", "vms_bridge", "--version")
    assert (result.returncode, result.stdout) == (OK, f"vms-bridge {__version__}\n")


def test_run_without_a_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", str(tmp_path / "none.yaml")]) == MISCONFIGURED
    complaint = capsys.readouterr().err
    assert f"vms-bridge: {tmp_path}/none.yaml: there is no such file\n  -> " in complaint
    assert "Traceback" not in complaint


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As in `vms-bridge check | head -1`, with much to say."""
    keys = "".join(f"unknown_{number}: 1\n" for number in range(3000))
    (tmp_path / "vms-bridge.yaml").write_text(keys)
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        [sys.executable, "-m", "vms_bridge", "check", "--config", str(tmp_path / "vms-bridge.yaml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(PATIENCE_S) == FAILED
    process.stderr.close()


def explained(error: Exception, capsys: pytest.CaptureFixture[str], *, debug: bool = False) -> tuple[int, str]:
    code = explain(error, debug=debug)
    return code, capsys.readouterr().err


def test_a_known_error_is_told_with_its_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    code, complaint = explained(StoreError("the store is newer", hint="upgrade the bridge"), capsys)
    assert (code, complaint) == (FAILED, "vms-bridge: the store is newer\n  -> upgrade the bridge\n")


def test_an_unexpected_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    code, complaint = explained(ZeroDivisionError("at token=abcdef\nand \x1b more"), capsys)
    assert code == INTERNAL
    assert complaint.splitlines()[0] == "vms-bridge: unexpected ZeroDivisionError: at token=*** and   more"
    assert "report" in complaint
    assert "Traceback" not in complaint


def test_the_traceback_is_there_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    _, complaint = explained(ZeroDivisionError("at token=abcdef"), capsys, debug=True)
    assert "ZeroDivisionError: at token=***" in complaint
    assert "abcdef" not in complaint


def test_each_error_of_a_group_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    group = ExceptionGroup("g", [VmsUnreachable("no answer"), ExceptionGroup("h", [InvalidConfig([ConfigError("wrong")])])])
    code, complaint = explained(group, capsys)
    assert (code, complaint) == (MISCONFIGURED, "vms-bridge: no answer\nvms-bridge: wrong\n")


@pytest.mark.parametrize(("text", "seconds"), [("30", 30), ("30s", 30), ("5m", 300), ("1.5h", 5400), ("2", 2)])
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "s", "-3s", "0s", "1d", "nan", "1e9", "٣s", "9" * 20])
def test_no_durations(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_in_its_help_what_its_row_says(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows are read without the verbs' modules, so the one might say what the other does not."""
    assert main([verb, "--help"]) == OK
    assert f"Usage: vms-bridge {verb} " in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == OK
    assert "_VMS_BRIDGE_COMPLETE" in capsys.readouterr().out


def test_verbs_and_options_are_completed_and_nothing_heavy_is_imported() -> None:
    environ = {"_VMS_BRIDGE_COMPLETE": "bash_complete", "COMP_WORDS": "vms-bridge ", "COMP_CWORD": "1"}
    result = python("-X", "importtime", "-m", "vms_bridge", **environ)
    assert result.stdout.split() == [f"plain,{verb}" for verb in VERBS]
    assert not {"aiohttp", "pydantic", "vms_bridge.app"} & {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines()
    }
    result = python("-m", "vms_bridge", **(environ | {"COMP_WORDS": "vms-bridge demo --", "COMP_CWORD": "2"}))
    assert "plain,--cameras" in result.stdout.split()


def test_an_interruption_has_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["completion"]) == USAGE

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "invoke", interrupt)
    assert main(["completion", "bash"]) == INTERRUPTED


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield what a person can give, each with the words by which it is given."""
    if isinstance(command, click.Group):
        for each in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), each)
            assert inner is not None
            yield from commands(inner, f"{name} {each}")
    else:
        yield name, command


def test_docs_name_every_verb_and_option() -> None:
    page = (SOURCE.parent / "docs/cli.md").read_text()
    for name, command in commands(vms_bridge, "vms-bridge"):
        assert name in page or f"`{name.removeprefix('vms-bridge ')}`" in page, name
        section = page.partition(f"\n## {name.split()[1]}\n")[2].partition("\n## ")[0]
        shared = (
            page.partition("\n## run\n")[0] + page.partition("\n## Verbs that ask a running bridge\n")[2].partition("\n## ")[0]
        )
        for parameter in command.params:
            for option in parameter.opts + parameter.secondary_opts:
                assert not option.startswith("--") or f"`{option}" in section + shared, f"{name} {option}"
