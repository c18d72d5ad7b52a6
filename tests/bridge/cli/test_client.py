"""What the client of a running bridge makes of answers, of such as no bridge gives too, and whom it sends a token."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from tests.bridge.cli.answering import answering, json_answer

from vms_bridge.addresses import parse_address
from vms_bridge.cli import FAILED, MISCONFIGURED, OK, USAGE, main
from vms_bridge.cli.output import duration
from vms_bridge.cli.ways import NetworkWay, SocketWay, host_of
from vms_bridge.doors import TlsOptions
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKEN = f"vb_7k3m9q2x4c_{'s' * 43}"
NONE = json_answer({"tokens": []})


def said(config: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main([*(arguments or ("token", "list")), "--config", str(config)])
    shown = capsys.readouterr()
    assert shown.out == ""
    return code, shown.err


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "broke off"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "broke off"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\n{}", "broke off"),
        (b"HTTP/1.1 200 x\r\n\r\n<html>", "answers 200, and no JSON"),
        (b"HTTP/1.1 502 x\r\n\r\n<html>", "answers 502, and no JSON"),
        (json_answer([]), "the bridge answers 200"),
        (json_answer({}), "the answer has no 'tokens' in it"),
        (json_answer({}, 500), "the bridge answers 500"),
        (json_answer({"detail": "no such thing", "hint": "look again"}, 404), "vms-bridge: no such thing\n  -> look again\n"),
        (
            json_answer({"detail": "wrong", "mistakes": [{"field": "limit", "reason": "too large"}, 1]}, 400),
            "wrong; limit: too large",
        ),
        (json_answer({"detail": "\x1b[31m" + "x" * 10_000, "mistakes": 3}, 400), f" [31m{'x' * 495}\n"),
    ],
)
def test_answers(answer: bytes, words: str, config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(answer, path=api_socket(folder)):
        code, complaint = said(config, capsys)
    assert (code, words in complaint) == (FAILED, True), complaint
    assert "Traceback" not in complaint


def test_a_bridge_that_is_not_running(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, complaint = said(config, capsys)
    assert (code, complaint) == (
        FAILED,
        f"vms-bridge: no bridge is running here: nobody listens on {folder}/api.sock\n"
        "  -> start it with `vms-bridge run`, and with `http:` in its configuration\n",
    )
    with socket.socket(socket.AF_UNIX) as left:  # behind, by one that was killed
        left.bind(str(api_socket(folder)))
    code, complaint = said(config, capsys)
    assert (code, "no bridge is running here" in complaint) == (FAILED, True)


def test_what_is_no_socket_of_ours_is_left_alone(config: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api_socket(folder).write_text("")
    assert said(config, capsys) == (
        FAILED,
        f"vms-bridge: {folder}/api.sock is no socket\n  -> move it away, and start the bridge again\n",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_socket_of_another_user_is_not_spoken_to(
    config: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(NONE, path=api_socket(folder)) as server:
        os.chown(api_socket(folder), 4321, -1)
        assert main(["token", "list", "--json", "--config", str(config)]) == OK, "root may"
        capsys.readouterr()
        monkeypatch.setattr(os, "geteuid", lambda: 1234)
        code, complaint = said(config, capsys)
        assert len(server.asked) == 1
    assert (code, "belongs to another user, number 4321\n  -> run this as" in complaint) == (FAILED, True)


def test_a_configuration_that_can_not_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, complaint = said(folder / "none.yaml", capsys)
    assert (code, "there is no such file" in complaint) == (MISCONFIGURED, True)


def test_a_bridge_that_does_not_answer(
    config: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms_bridge.cli.client._TIMEOUT_S", 0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(api_socket(folder)))
        listener.listen()
        code, complaint = said(config, capsys)
    assert (code, f"{folder}/api.sock does not answer" in complaint) == (FAILED, True)


def test_an_answer_without_end(
    config: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms_bridge.cli.client._MOST_BYTES", 100)
    with answering(json_answer({"tokens": ["x" * 100]}), path=api_socket(folder)):
        code, complaint = said(config, capsys)
    assert (code, "answers more than 100 bytes" in complaint) == (FAILED, True)


def test_a_host_is_named_as_it_is_sent() -> None:
    for url, host in (
        ("http://a.example", "a.example"),
        ("http://a.example:8098", "a.example:8098"),
        ("https://a.example", "a.example"),
        ("https://a.example:80", "a.example:80"),
        ("http://[::1]:8098", "[::1]:8098"),
    ):
        way = NetworkWay(parse_address(url, {"http": 80, "https": 443}), TlsOptions(url=url), TOKEN)
        assert host_of(way.connection(1)) == host
        assert TOKEN not in repr(way)


def test_reasons_by_the_socket(folder: Path) -> None:
    way = SocketWay(api_socket(folder))
    assert "belongs to another user" in str(way.failure(PermissionError(13, "Permission denied")))
    assert "can't be reached by" in str(way.failure(OSError(24, "Too many open files")))


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, None), (0.25, "0.25 s"), (59.4, "59.4 s"), (61, "1 min 1 s"), (3_725, "1 h 2 min")]
)
def test_durations_for_people(seconds: float | None, words: str | None) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("arguments", "token", "words"),
    [
        (["--url", "http://127.0.0.1:1"], None, "VMS_BRIDGE_TOKEN holds none"),
        (["--url", "http://127.0.0.1:1"], "a\nb", "VMS_BRIDGE_TOKEN holds none"),
        (["--url", "ftp://127.0.0.1:1"], TOKEN, "http:// or https://"),
        (["--url", "http://me@127.0.0.1:1"], TOKEN, "nothing else"),
        (["--url", "http://127.0.0.1:1/zm"], TOKEN, "nothing else"),
        (["--url", "http://127.0.0.1:1", "--token-file", "/none"], TOKEN, "/none can't be read"),
        (["--url", "https://127.0.0.1:1", "--fingerprint", "abc"], TOKEN, "64 hex digits"),
        (["--token-file", "/none"], TOKEN, "belong to --url"),
    ],
)
def test_wrong_ways(
    arguments: list[str], token: str | None, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", token or "")
    assert main(["token", "list", *arguments]) == USAGE
    complaint = " ".join(capsys.readouterr().err.split())
    assert words in complaint
    assert TOKEN not in complaint


def test_an_address_where_nobody_listens(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", TOKEN)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert main(["token", "list", "--url", f"http://127.0.0.1:{port}"]) == FAILED
    assert f"http://127.0.0.1:{port} can't be reached: Connection refused" in capsys.readouterr().err


def proof(key: str, **changes: str) -> Callable[[bytes], bytes]:
    """Return what answers as a bridge that knows this token, or as one that has something else wrong."""

    def answer(request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        [host] = [line.partition(b": ")[2].decode() for line in head.split(b"\r\n") if line.lower().startswith(b"host:")]
        asked = json.loads(body)
        nonce = "0a" * 32
        lines = ("vms-bridge proof 1", "token", "bridge", host, "-", asked["nonce"], nonce)
        mac = hmac.new(hashlib.sha256(key.encode()).digest(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        return json_answer({"bridge_id": "bridge", "host": host, "certificate": None, "nonce": nonce, "mac": mac} | changes)

    return answer


def test_a_bridge_proves_itself_before_it_gets_the_token(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", "another")
    with answering(proof(TOKEN), NONE) as server:
        assert (
            main(["token", "list", "--json", "--url", f"http://127.0.0.1:{server.port}", "--token-file", f"{folder}/token"]) == OK
        )
        first, second = server.asked
    assert first.startswith(b"POST /api/v1/proof ")
    assert TOKEN.encode() not in first
    assert b'"token_id": "7k3m9q2x4c"' in first
    assert f"Authorization: Bearer {TOKEN}\r\n".encode() in second
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    "impostor", [proof("vb_other_token"), proof(TOKEN, bridge_id="x"), proof(TOKEN, mac="é"), json_answer({})]
)
def test_who_knows_no_token_gets_none(
    impostor: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", TOKEN)
    with answering(impostor, NONE) as server:
        assert main(["token", "list", "--url", f"http://127.0.0.1:{server.port}"]) == FAILED
        assert len(server.asked) == 1
        assert TOKEN.encode() not in server.asked[0]
    assert TOKEN not in capsys.readouterr().err


def test_a_certificate_says_whose_address_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", TOKEN)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())).hexdigest()
    with answering(NONE, trust=context) as server:
        to = ["token", "list", "--json", "--url", f"https://127.0.0.1:{server.port}"]
        assert main([*to, "--ca-file", str(folder / "ca.pem")]) == OK
        assert main([*to, "--fingerprint", shown]) == OK
        assert [request.split()[1] for request in server.asked] == [b"/api/v1/tokens"] * 2
        capsys.readouterr()
        assert main([*to, "--fingerprint", "0" * 64]) == FAILED
        assert shown in capsys.readouterr().err
        assert main(to) == FAILED
        assert "can't be verified" in (complaint := capsys.readouterr().err)
        assert "--ca-file" in complaint
        assert main([*to, "--ca-file", str(folder / "none.pem")]) == FAILED
        assert f"{folder}/none.pem can't be read" in capsys.readouterr().err
        assert len(server.asked) == 2
