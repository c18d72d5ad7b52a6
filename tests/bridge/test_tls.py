"""One maker of TLS contexts for all doors: what one accepts, refuses and says, the other does too."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.bridge.backends.zoneminder.support import config
from tests.fakes.authority import HomeMadeAuthority, Pair, pem_of
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.gate import relay
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.clock import SystemClock
from vms_bridge.errors import BridgeError, BrokerRefused, VmsUnreachable
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.link import Link
from vms_bridge.tls import client_context, explain, shown_certificate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path
    from typing import Any

    Door = Callable[..., Coroutine[Any, Any, None]]

# paho 2.1 leaves the socket of a failed handshake to the garbage collector
pytestmark = pytest.mark.filterwarnings(r"ignore:Exception ignored.*ssl\.SSLSocket:pytest.PytestUnraisableExceptionWarning")


async def by_mqtt(port: int, **options: object) -> None:
    link = await Link.open(
        MqttConfig.model_validate({"url": f"mqtts://127.0.0.1:{port}", **options}), client_id="test", clock=SystemClock()
    )
    await link.close()


async def by_http(port: int, **options: object) -> None:
    async with Api(config(f"https://127.0.0.1:{port}/zm", **options), FakeClock()) as api:
        assert await api.get("host/getVersion")


@asynccontextmanager
async def serving(door: Door, tls: ssl.SSLContext) -> AsyncIterator[int]:
    """Serve what is behind this door, with TLS before it."""
    async with (
        FakeBroker() as broker,
        FakeZoneMinder(World()) as zoneminder,
        relay(broker.port if door is by_mqtt else zoneminder.port, tls) as port,
    ):
        yield port


def server_of(pair: Pair) -> ssl.SSLContext:
    return pair.serve(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def sha256(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()


async def refusal(door: Door, port: int, **options: object) -> tuple[str, str]:
    with pytest.raises(BridgeError) as caught:
        await door(port, **options)
    assert isinstance(caught.value, BrokerRefused | VmsUnreachable)
    return str(caught.value), caught.value.hint


@pytest.fixture
def authority(tmp_path: Path) -> HomeMadeAuthority:
    return HomeMadeAuthority(tmp_path)


@pytest.fixture(params=[by_mqtt, by_http])
def door(request: pytest.FixtureRequest) -> Door:
    chosen: Door = request.param
    return chosen


async def test_a_home_made_authority_is_as_good_as_another(door: Door, authority: HomeMadeAuthority) -> None:
    pair = authority.issue()
    async with serving(door, server_of(pair)) as port:
        await door(port, ca_file=authority.ca_file)
        strict = ssl.create_default_context(cafile=str(authority.ca_file))
        if sys.version_info >= (3, 13):  # otherwise this test would show nothing
            with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
                await asyncio.open_connection("127.0.0.1", port, ssl=strict)


async def test_so_is_the_servers_own_certificate(door: Door, authority: HomeMadeAuthority) -> None:
    pair = authority.issue()
    async with serving(door, server_of(pair)) as port:
        await door(port, ca_file=pair.certificate)


async def test_an_authority_that_the_machine_knows(
    door: Door, authority: HomeMadeAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(door, server_of(authority.issue())) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
        await door(port)


async def test_another_name(door: Door, authority: HomeMadeAuthority) -> None:
    async with serving(door, server_of(authority.issue("other.example"))) as port:
        said, hint = await refusal(door, port, ca_file=authority.ca_file)
    assert "can't be verified" in said
    assert "mismatch" in said
    assert "subjectAltName" in hint


async def test_out_of_date(door: Door, authority: HomeMadeAuthority) -> None:
    async with serving(door, server_of(authority.issue(lasts=timedelta(hours=-1)))) as port:
        said, hint = await refusal(door, port, ca_file=authority.ca_file)
    assert "expired" in said
    assert "renew it" in hint


async def test_another_authority(door: Door, authority: HomeMadeAuthority, tmp_path: Path) -> None:
    other = HomeMadeAuthority(tmp_path, "Other CA")
    async with serving(door, server_of(authority.issue())) as port:
        said, hint = await refusal(door, port, ca_file=other.ca_file)
        assert "can't be verified" in said
        assert "names another authority" in hint, "to set ca_file: would be no remedy: it is set"
        said, hint = await refusal(door, port)
    assert "can't be verified" in said
    assert "set ca_file:" in hint.lower()


async def test_a_pin(door: Door, authority: HomeMadeAuthority) -> None:
    pair = authority.issue("other.example", lasts=timedelta(hours=-1))
    async with serving(door, server_of(pair)) as port:
        await door(port, fingerprint=sha256(pair.certificate).upper())
        said, hint = await refusal(door, port, fingerprint="0" * 64)
        assert sha256(pair.certificate) in said
        assert "set fingerprint: to this value" in hint
        await door(port, verify_tls=False)
        assert await shown_certificate("127.0.0.1", port) == sha256(pair.certificate)
        with pytest.raises(ssl.SSLError):  # blocking sockets are held to it too
            await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port), ca_certs=str(authority.ca_file))


@pytest.mark.parametrize("trust", ["ca_file", "fingerprint", "verify_tls"])
async def test_a_client_certificate_beside_each_way_to_trust(door: Door, authority: HomeMadeAuthority, trust: str) -> None:
    pair, own = authority.issue(), authority.issue("bridge.example")
    tls = server_of(pair)
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority.ca_file)
    trusting = {"ca_file": authority.ca_file, "fingerprint": sha256(pair.certificate), "verify_tls": False}[trust]
    async with serving(door, tls) as port:
        await door(port, **{trust: trusting}, client_certificate=own.certificate, client_key=own.key)
        with pytest.raises(BridgeError) as caught:
            await door(port, **{trust: trusting})
    assert "client certificate" in caught.value.hint


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        ({"ca_file": "none.pem"}, "ca_file: ", "ca_file: must name"),
        ({"ca_file": "der.pem"}, "can't be used", "openssl x509 -inform der -in der.pem"),
        ({"client_certificate": "none.pem", "client_key": "good.key"}, "can't be read", "client_certificate: must name"),
        ({"client_certificate": "good.crt", "client_key": "none.key"}, "can't be read", "client_key: must name"),
        ({"client_certificate": "good.crt", "client_key": "other.key"}, "is not the key of", "made with"),
        ({"client_certificate": "good.crt", "client_key": "locked.key"}, "is encrypted", "without a passphrase"),
        ({"client_certificate": "der.pem", "client_key": "good.key"}, "can't be used", "PEM"),
    ],
)
async def test_files_that_can_not_be_used(
    door: Door, authority: HomeMadeAuthority, tmp_path: Path, files: dict[str, str], said: str, hint: str
) -> None:
    pair = authority.issue("good")
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "other.key").write_bytes(pem_of(key))
    (tmp_path / "locked.key").write_bytes(pem_of(key, b"hunter2"))
    (tmp_path / "der.pem").write_bytes(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text()))
    async with asyncio.timeout(15):  # an encrypted key must ask nobody on the terminal
        told, remedy = await refusal(door, 1, **{name: tmp_path / file for name, file in files.items()})
    assert said in told
    assert hint in remedy


async def test_a_port_without_tls(door: Door) -> None:
    async with FakeBroker() as broker, FakeZoneMinder(World()) as zoneminder:
        said, hint = await refusal(door, broker.port if door is by_mqtt else zoneminder.port)
    assert "does not speak TLS" in said + hint
    assert ("mqtt://" if door is by_mqtt else "http://") in hint


def test_python_decides_nothing(authority: HomeMadeAuthority) -> None:
    for options in ({}, {"ca_file": authority.ca_file}):
        context = client_context(config("https://host", **options))
        assert context.check_hostname
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "TLS 1.2"),
        ("UNSUPPORTED_PROTOCOL", "TLS 1.2"),
        ("EE_KEY_TOO_SMALL", "2048"),
        ("CA_MD_TOO_WEAK", "SHA-256"),
        ("TLSV1_UNRECOGNIZED_NAME", "url:"),
        ("SOMETHING_ELSE", "client_key:"),
    ],
)
def test_each_reason_has_a_remedy(reason: str, hint: str) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    failure = explain(error, config("https://host"), "http")
    assert reason.lower().replace("_", " ") in failure.what
    assert hint in failure.hint


async def test_nobody_shows_a_certificate() -> None:
    async with FakeBroker() as broker:
        assert await shown_certificate("127.0.0.1", broker.port) is None
    assert await shown_certificate("127.0.0.1", 1) is None
