"""The API's certificate: shown, renewed without a restart, and kept where the new one is no good."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.bridge.api.lab import serving, until
from tests.fakes.authority import HomeMadeAuthority, pem_of
from tests.fakes.clock import FakeClock

from vms_bridge.api.certificates import Certificates
from vms_bridge.api.config import TlsFiles
from vms_bridge.errors import DoorClosed
from vms_bridge.tls import shown_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.authority import Pair


def files(pair: Pair) -> TlsFiles:
    return TlsFiles(certificate=pair.certificate, key=pair.key)


def trusting(authority: HomeMadeAuthority) -> ssl.SSLContext:
    trust = ssl.create_default_context(cafile=str(authority.ca_file))
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


def sha256_of(pair: Pair) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())).hexdigest()


async def test_it_is_shown_and_its_fingerprint_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    authority = HomeMadeAuthority(tmp_path)
    pair = authority.issue()
    async with serving(tmp_path, trust=trusting(authority), tls=files(pair)) as api:
        assert (await api.get("/nowhere", token=api.token())).status == 404
        assert (await api.get("/nowhere", by_socket=True)).status == 404
        assert await shown_certificate("127.0.0.1", api.port) == sha256_of(pair)
        assert f"https://127.0.0.1:{api.port}, with the certificate {sha256_of(pair)}" in caplog.text
        asked = {"token_id": "0123456789", "nonce": "aa" * 32}
        assert (await api.post("/api/v1/proof", asked)).said["certificate"] == sha256_of(pair)
        plain, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert not (await plain.read()).startswith(b"HTTP")
        writer.close()


async def test_a_renewed_one_is_shown_to_who_comes_then(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    authority = HomeMadeAuthority(tmp_path)
    pair = authority.issue()
    before = sha256_of(pair)
    async with serving(tmp_path, trust=trusting(authority), tls=files(pair)) as api:
        assert await shown_certificate("127.0.0.1", api.port) == before
        await asyncio.to_thread(authority.issue)
        await api.clock.advance(31)
        await until(lambda: "another certificate" in caplog.text)
        assert await shown_certificate("127.0.0.1", api.port) == sha256_of(pair) != before


async def test_one_that_is_no_good_is_told_and_the_old_one_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    clock, authority = FakeClock(), HomeMadeAuthority(tmp_path)
    pair = authority.issue()
    certificates = Certificates(files(pair), clock)
    await certificates.load()
    context, shown = certificates.context, certificates.fingerprint
    running = asyncio.create_task(certificates.run())
    good = pair.key.read_bytes()
    pair.key.write_bytes(b"")
    await clock.advance(31)
    await until(lambda: "new certificate can't be used" in caplog.text)
    assert (certificates.context, certificates.fingerprint) == (context, shown)
    await asyncio.to_thread(pair.certificate.unlink)
    pair.key.write_bytes(good)
    await clock.advance(31)
    await asyncio.to_thread(authority.issue)
    while certificates.fingerprint == shown:
        await clock.advance(31)
        await asyncio.sleep(0.01)
    assert "works again" in caplog.text
    running.cancel()
    await asyncio.wait([running])


@pytest.mark.parametrize(
    ("what", "said", "hint"),
    [
        ("no file", "tls.certificate: .* can't be read: No such file", "PEM file that the bridge's user can read"),
        ("no key", "tls.key: .* can't be read", "PEM file"),
        ("no certificate", "can't be used", "PEM file"),
        ("another key", "is not the key of", "name the key"),
        ("a passphrase", "tls.key: .* is encrypted", "without a passphrase"),
    ],
)
async def test_what_can_be_wrong_with_it(tmp_path: Path, what: str, said: str, hint: str) -> None:
    pair = HomeMadeAuthority(tmp_path).issue()
    other = ec.generate_private_key(ec.SECP256R1())
    match what:
        case "no file":
            await asyncio.to_thread(pair.certificate.unlink)
        case "no key":
            await asyncio.to_thread(pair.key.unlink)
        case "no certificate":
            pair.certificate.write_bytes(b"nothing")
        case "another key":
            pair.key.write_bytes(pem_of(other))
        case _:
            pair.key.write_bytes(pem_of(other, b"secret"))
    with pytest.raises(DoorClosed, match=said) as refused:
        await Certificates(files(pair), FakeClock()).load()
    assert hint in refused.value.hint


async def test_without_one_nothing_is_encrypted_and_nothing_to_be_done() -> None:
    certificates = Certificates(None, FakeClock())
    await certificates.load()
    await certificates.run()
    assert (certificates.context, certificates.fingerprint) == (None, None)
