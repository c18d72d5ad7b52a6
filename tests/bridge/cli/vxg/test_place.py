"""Which VXG is meant, and that its token and its key are never arguments and nowhere to be seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.vxg.place import LKEY, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg


def configured(fake: FakeVxg, folder: Path, *systems: str) -> Path:
    """Write a configuration with this VXG under these keys."""
    (folder / "token").write_text(fake.group_token())
    (folder / "token").chmod(0o600)
    known = [f"  {key}: {{type: vxg, url: '{fake.url}', token: !file token}}" for key in systems]
    file = folder / "vms-bridge.yaml"
    file.write_text("\n".join([f"data_dir: {folder}", "systems:", "  sim: {type: simulator}", *known, ""]))
    return file


async def test_the_only_one_of_the_configuration_here(run: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    configured(fake, tmp_path, "cloud")
    code, out, err = await run("channels", "list", "--json")
    assert (code, err) == (OK, "")
    assert [each["id"] for each in json.loads(out)] == [101, 102, 103]


async def test_one_of_several(run: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    file = configured(fake, tmp_path, "cloud", "attic")
    code, out, err = await run("channels", "list")
    assert (code, out, "by --system: cloud, attic" in err) == (USAGE, "", True)
    assert (await run("channels", "list", "--config", str(file), "--system", "attic"))[0] == OK
    code, _, err = await run("channels", "list", "--system", "sim")
    assert (code, "type simulator" in err, "there are: cloud" in err) == (FAILED, True, True)


async def test_a_key_beside_a_system_is_a_files(run: Ran, fake: FakeVxg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(fake, tmp_path, "cloud")
    monkeypatch.setenv(LKEY, fake.lkey)
    code, _, err = await run("groups", "list")
    assert (code, "--lkey-file" in err) == (USAGE, True), "the environment's may be of another installation"
    assert not any(fake.lkey in each for each in fake.headers_seen)
    (tmp_path / "key").write_text(f"{fake.lkey}\n")
    assert (await run("groups", "list", "--lkey-file", "key"))[0] == OK


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--url URL"),
        (["--system", "cloud", "--url", "http://127.0.0.1"], "not both"),
        (["--token-file", "x"], "--token-file belongs to --url"),
        (["--allow-host", "x"], "--allow-host belongs to --url"),
        (["--no-verify-tls"], "--no-verify-tls belongs to --url"),
        (["--url", "http://127.0.0.1"], TOKEN),
        (["--url", "http://127.0.0.1", "--token-file", "none"], "can't be read"),
        (["--url", "http://127.0.0.1", "--lkey-file", "empty"], "is empty"),
        (["--url", "http://127.0.0.1", "--token-file", "secret"], "no token of VXG's"),
        (["--url", "http://cloud.example", "--lkey-file", "secret"], "nothing is encrypted"),
        (["--url", "https://u:open-sesame@cloud.example", "--lkey-file", "secret"], "login"),
        (["--url", "https://127.0.0.1", "--fingerprint", "12", "--lkey-file", "secret"], "fingerprint"),
    ],
)
async def test_what_makes_no_sense(options: list[str], words: str, run: Ran, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open-sesame\n")
    (tmp_path / "empty").write_text("\n")
    code, out, err = await run("channels", "list", *options)
    assert (code, out, words in err) == (USAGE, "", True), err
    assert "open-sesame" not in err


async def test_a_token_by_a_file_and_by_the_environment(
    run: Ran, fake: FakeVxg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{fake.world.channels[102].token}\n")
    monkeypatch.setenv(TOKEN, fake.group_token())
    code, out, _ = await run("channels", "list", "--json", "--url", fake.url, "--token-file", "token")
    assert (code, [each["id"] for each in json.loads(out)]) == (OK, [102])


async def test_a_token_that_is_refused(run: Ran, fake: FakeVxg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, fake.group_token())
    fake.mint.revoke(fake.group_token())
    code, out, err = await run("channels", "list", "--url", fake.url)
    assert (code, out, "does not accept the group token" in err, fake.group_token()[20:40] in err) == (FAILED, "", True, False)


async def test_a_token_that_leads_elsewhere(run: Ran, fake: FakeVxg, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.mint.host = "other.example"
    monkeypatch.setenv(TOKEN, fake.add_group("x", [101]).token)
    code, _, err = await run("channels", "list", "--url", fake.url)
    assert (code, "other.example" in err, "not listed" in err) == (USAGE, True, True)


async def test_one_that_is_not_there(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LKEY, "v3.nobodys")
    code, _, err = await run("channels", "list", "--url", "http://127.0.0.1:1")
    assert (code, "->" in err, "Traceback" in err) == (FAILED, True, False)
