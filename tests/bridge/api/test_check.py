"""`vms-bridge check` of the API says what its doors will meet, and leaves nothing behind."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.authority import HomeMadeAuthority
from tests.fakes.clock import FakeClock
from tests.fakes.identity import HOME

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.kind import KIND
from vms_bridge.sinks import Trial
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.findings import Finding


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def checked(folder: Path, *, is_at_work: bool = False, **options: object) -> list[Finding]:
    trial = Trial(
        bridge=replace(HOME, data_dir=folder),
        clock=FakeClock(),
        limit_s=5,
        is_at_work=lambda: is_at_work,
        kept=lambda _: None,
    )
    config = HttpConfig.model_validate({"port": free_port()} | options)
    return list(await KIND.check(config, trial))


async def test_what_is_well_is_said(tmp_path: Path) -> None:
    authority = HomeMadeAuthority(tmp_path)
    pair = authority.issue()
    found = await checked(tmp_path, tls={"certificate": pair.certificate, "key": pair.key})
    assert not [each for each in found if each.problem]
    said = " | ".join(each.text for each in found)
    assert "its certificate has the SHA-256 " in said
    assert "it can listen on 127.0.0.1:" in said
    assert f"the command line will reach it by {api_socket(tmp_path)}" in said
    assert not api_socket(tmp_path).exists()


async def test_a_port_that_is_taken_is_a_problem_but_not_by_the_bridge_itself(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        [problem] = [each for each in await checked(tmp_path, port=port) if each.problem]
        assert "the port is taken" in problem.text
        assert "http.port" in problem.hint
        found = await checked(tmp_path, port=port, is_at_work=True)
    assert [each.text for each in found] == ["a bridge is at work, and has these doors: they were not tried"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"host": "192.0.2.1"}, "this machine has no such address"),
        ({"tls": {"certificate": "/nowhere.pem", "key": "/nowhere.key"}}, "tls.certificate: /nowhere.pem can't be read"),
    ],
)
async def test_other_problems(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    [problem] = [each for each in await checked(tmp_path, **options) if each.problem]
    assert said in problem.text
    assert problem.hint


async def test_what_stands_in_the_sockets_place_and_a_path_that_is_too_long(tmp_path: Path) -> None:
    api_socket(tmp_path).write_text("mine")
    [problem] = [each for each in await checked(tmp_path) if each.problem]
    assert "is no socket of the bridge's" in problem.text
    [problem] = [each for each in await checked(tmp_path / ("x" * 120)) if each.problem]
    assert "too long" in problem.text
    assert "107 bytes" in problem.hint


async def test_an_address_of_all_networks_is_tried_as_it_stands(tmp_path: Path) -> None:
    found = await checked(tmp_path, host="::1")
    assert not [each for each in found if each.problem and "no such address" not in each.text]
    assert KIND.create(HttpConfig(), replace(HOME, data_dir=tmp_path), FakeClock()).name == "api"


async def test_what_is_better_otherwise_is_advised(tmp_path: Path) -> None:
    found = await checked(tmp_path, is_at_work=True, host="0.0.0.0", limits={"sockets": 16_384})  # noqa: S104 - nothing listens
    advised = [each for each in found if each.hint and not each.problem]
    assert any("nothing is encrypted" in each.text for each in advised)
    assert all(each.hint for each in advised)
    found = await checked(tmp_path, host="localhost")
    assert not any("encrypted" in each.text for each in found)


async def test_an_extra_that_is_missing_is_a_problem_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [one for one in await checked(tmp_path, zeroconf=True) if one.problem]
    monkeypatch.setitem(sys.modules, "zeroconf", None)  # as if it were not installed
    assert not [one for one in await checked(tmp_path) if one.problem]
    [problem] = [one for one in await checked(tmp_path, zeroconf=True) if one.problem]
    assert "zeroconf" in problem.text
    assert "install vms-bridge[zeroconf]" in problem.hint
