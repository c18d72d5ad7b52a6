"""Where clients reach the API, as other sinks announce it: known from the configuration, or not at all."""

from __future__ import annotations

import hashlib
import ssl
from typing import TYPE_CHECKING

import pytest
from tests.fakes.authority import HomeMadeAuthority

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.kind import KIND
from vms_bridge.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.sinks import ApiAddress

NOWHERE = {"certificate": "/nowhere.pem", "key": "/nowhere.key"}


def address(**options: object) -> ApiAddress | None:
    return KIND.address(HttpConfig.model_validate(options))


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "http://127.0.0.1:8098"),
        ({"host": "::1", "port": 80}, "http://[::1]:80"),
        ({"tls": NOWHERE}, "https://127.0.0.1:8098"),
        ({"host": "0.0.0.0"}, None),  # noqa: S104 - nothing is opened
        ({"host": "::"}, None),
        ({"port": 0}, None),
        ({"host": "::", "public_url": "https://cameras.example/"}, "https://cameras.example"),
    ],
    ids=str,
)
def test_the_address_is_the_public_one_or_what_it_listens_on(options: dict[str, object], url: str | None) -> None:
    found = address(**options)
    assert (found and found.url) == url
    if found is not None:
        assert 1 <= found.lowest_protocol <= found.highest_protocol
        assert found.fingerprint is None, "there is no certificate that can be read"


def test_the_fingerprint_is_that_of_the_certificate_that_clients_see(tmp_path: Path) -> None:
    pair = HomeMadeAuthority(tmp_path).issue()
    tls = {"certificate": pair.certificate, "key": pair.key}
    found = address(tls=tls)
    assert found
    assert found.fingerprint == hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())).hexdigest()
    behind = address(tls=tls, trusted_proxies=["192.168.1.2"], public_url="https://cameras.example")
    assert behind
    assert behind.fingerprint is None, "the proxy shows its own"


def test_every_sink_gets_to_know_it(tmp_path: Path) -> None:
    path = tmp_path / "vms-bridge.yaml"
    systems = "systems: {sim: {type: simulator}}\n"
    path.write_text(f"data_dir: {tmp_path}\nmqtt: {{url: 'mqtt://127.0.0.1'}}\n{systems}")
    assert load(path).identity.api is None
    path.write_text(f"data_dir: {tmp_path}\nmqtt: {{url: 'mqtt://127.0.0.1'}}\nhttp: {{port: 8099}}\n{systems}")
    api = load(path).identity.api
    assert api
    assert api.url == "http://127.0.0.1:8099"
