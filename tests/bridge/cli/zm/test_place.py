"""Which ZoneMinder is meant, and that its password is never an argument and nowhere to be seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.zm.place import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.conftest import Terminal
    from tests.bridge.cli.zm.conftest import Zm
    from tests.fakes.zoneminder import FakeZoneMinder

SYSTEM = "{{type: zoneminder, url: '{url}', username: admin, password: '{password}', shared_memory: false}}"


def configured(fake: FakeZoneMinder, folder: Path, *systems: str) -> Path:
    """Write a configuration with this ZoneMinder under these keys."""
    known = [f"  {key}: {SYSTEM.format(url=fake.url, password=fake.users['admin'].password)}" for key in systems]
    file = folder / "vms-bridge.yaml"
    file.write_text("\n".join([f"data_dir: {folder}", "systems:", "  sim: {type: simulator}", *known, ""]))
    return file


async def test_the_only_one_of_the_configuration_here(run: Zm, fake: FakeZoneMinder, tmp_path: Path) -> None:
    configured(fake, tmp_path, "zm")
    code, out, err = await run("version", "--json")
    assert (code, err) == (OK, "")
    assert json.loads(out)["version"]["zoneminder"] == "1.36.33"


async def test_one_of_several(run: Zm, fake: FakeZoneMinder, tmp_path: Path) -> None:
    file = configured(fake, tmp_path, "zm", "attic")
    code, out, err = await run("version")
    assert (code, out, "by --system: zm, attic" in err) == (USAGE, "", True)
    assert (await run("version", "--config", str(file), "--system", "attic"))[0] == OK


@pytest.mark.parametrize(("system", "words"), [("sim", "type simulator"), ("garden", "is not there")])
async def test_none_of_that_name(system: str, words: str, run: Zm, fake: FakeZoneMinder, tmp_path: Path) -> None:
    configured(fake, tmp_path, "zm")
    code, _, err = await run("version", "--system", system)
    assert (code, words in err, "there are: zm" in err) == (FAILED, True, True)


async def test_a_configuration_without_any(run: Zm, fake: FakeZoneMinder, tmp_path: Path) -> None:
    configured(fake, tmp_path)
    code, _, err = await run("version")
    assert (code, "has no ZoneMinder" in err) == (FAILED, True)


async def test_nobody_says_which(run: Zm) -> None:
    code, _, err = await run("version")
    assert (code, "--url URL --user NAME" in err) == (USAGE, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--system", "zm", "--url", "http://127.0.0.1/zm"], "not both"),
        (["--user", "admin"], "--user belongs to --url"),
        (["--no-verify-tls"], "--no-verify-tls belongs to --url"),
        (["--url", "http://127.0.0.1/zm", "--password-file", "x"], "belongs to --user"),
        (["--url", "http://127.0.0.1/zm", "--user", "admin"], PASSWORD),
        (["--url", "http://127.0.0.1/zm", "--user", "admin", "--password-file", "none"], "can't be read"),
        (["--url", "http://admin:open-sesame@127.0.0.1/zm"], "address"),
        (["--url", "nonsense"], "http://"),
        (["--url", "https://127.0.0.1/zm", "--fingerprint", "12"], "fingerprint"),
    ],
)
async def test_what_makes_no_sense(options: list[str], words: str, run: Zm) -> None:
    code, out, err = await run("version", *options)
    assert (code, out, words in err) == (USAGE, "", True), err
    assert "open-sesame" not in err


async def test_an_empty_password_file(run: Zm, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")
    code, _, err = await run("version", "--url", "http://127.0.0.1/zm", "--user", "admin", "--password-file", "secret")
    assert (code, "is empty" in err) == (USAGE, True)


async def test_a_password_by_a_file_and_by_the_environment(
    run: Zm, fake: FakeZoneMinder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(f"{fake.users['admin'].password}\n")
    place = ("--url", fake.url, "--user", "admin")
    monkeypatch.setenv(PASSWORD, "another one")
    assert (await run("version", *place, "--password-file", "secret"))[0] == OK
    code, out, err = await run("version", *place)
    assert (code, out, "refused the login" in err, "another one" in err) == (FAILED, "", True, False)
    monkeypatch.setenv(PASSWORD, fake.users["admin"].password)
    assert (await run("version", *place))[0] == OK


async def test_a_password_at_the_prompt(
    run: Zm, fake: FakeZoneMinder, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda _prompt: fake.users["admin"].password)
    assert (await run("version", "--url", fake.url, "--user", "admin"))[0] == OK


async def test_one_without_logins(run: Zm, fake: FakeZoneMinder) -> None:
    code, _, err = await run("version", "--url", fake.url)
    assert (code, "wants a login" in err) == (FAILED, True)


async def test_one_that_is_not_there(run: Zm) -> None:
    code, _, err = await run("version", "--url", "http://127.0.0.1:1/zm")
    assert (code, "->" in err, "Traceback" in err) == (FAILED, True, False)
