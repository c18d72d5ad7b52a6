from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from vms_bridge.backends.zoneminder import KIND
from vms_bridge.backends.zoneminder.config import ZoneMinderConfig

PIN = "AB" * 32


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://host/zm/", "http://host/zm"),
        ("https://host:8443/a/b/zm/index.php", "https://host:8443/a/b/zm"),
        ("http://host/zm/api/", "http://host/zm"),
        (" http://host ", "http://host"),
        ("http://[::1]:80/zm?x=1#y", "http://[::1]:80/zm"),
        ("http://host/zm/api/host/getVersion.json", "http://host/zm"),
        ("http://host/zm/api/monitors/1.json?x", "http://host/zm"),
        ("http://host/zm/api/host/", "http://host/zm"),
        ("http://host/zm/index.php?view=console", "http://host/zm"),
        ("http://host/zm/?view=watch&mid=1#top", "http://host/zm"),
        ("http://host/zm/cgi-bin/nph-zms?mode=jpeg", "http://host/zm"),
        ("http://host//zm///", "http://host/zm"),
        ("http://host/cctv/api/zm", "http://host/cctv/api/zm"),
        ("http://host/apis", "http://host/apis"),
        ("HTTPS://Host.Example/Zm", "https://host.example/Zm"),
        ("http://bücher.example/kameraö", "http://xn--bcher-kva.example/kamera%C3%B6"),
        ("http://[fe80::1%25eth0]/zm", "http://[fe80::1%eth0]/zm"),
        ("http://my_zm:080/my%20zm", "http://my_zm:80/my%20zm"),
    ],
)
def test_url(written: str, read: str) -> None:
    assert ZoneMinderConfig(url=written).url == read


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "host/zm"}, "not start with http"),
        ({"url": "http://u:p@host/zm"}, "credentials"),
        ({"url": "http://host:port/"}, "has a port that is not a number"),
        ({"url": "ftp://host"}, "not start with http"),
        ({"url": "http:///zm"}, "has no host"),
        ({"url": "http://host/zm/?token=sesame"}, "credentials"),
        ({"url": "http://host/zm/#auth=sesame"}, "credentials"),
        ({"url": "http://host/zm?username=me"}, "credentials"),
        ({"url": "http://u/p@host/zm"}, "an @ behind"),
        ({"url": "http://host /zm"}, "a space"),
        ({"url": "http:\\\\host\\zm"}, "not start with http"),
        ({"url": "http://host\\zm"}, "has a"),
        ({"url": "http://::1/zm"}, "more than one :"),
        ({"http_username": "u"}, "http_password"),
        ({"http_password": "p"}, "http_username"),
        ({"http_username": "u:p", "http_password": "p"}, "no : in its name"),
        ({"url": "https://h", "client_certificate": "/x"}, "client_key"),
        ({"url": "https://h", "client_key": "/x"}, "client_certificate"),
        ({"username": "u"}, "password"),
        ({"password": "p"}, "username"),
        ({"fingerprint": "12"}, "SHA-256"),
        ({"fingerprint": PIN}, "https"),
        ({"url": "https://h", "fingerprint": PIN, "ca_file": "/x"}, "exclude"),
        ({"url": "https://h", "fingerprint": PIN, "verify_tls": False}, "contradicts"),
        ({"poll_interval": 0}, "greater"),
        ({"colour": "red"}, "Extra inputs"),
        ({"shared_memory": True}, "shared_memory"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ZoneMinderConfig(**{"url": "http://host/zm", **settings})


def test_defaults_and_spellings() -> None:
    config = ZoneMinderConfig.model_validate(
        {"url": "https://h/zm", "username": "u", "password": "sesame", "fingerprint": ":".join([PIN[:2]] * 32)}
    )
    assert config.fingerprint == PIN.lower()
    for written in (f"SHA256:{PIN}", f"sha256 Fingerprint={PIN}", f" SHA-256:{' '.join([PIN[:2]] * 32)} "):
        assert ZoneMinderConfig(url="https://h", fingerprint=written).fingerprint == PIN.lower()
    assert config.shared_memory == Path("/dev", "shm")
    assert "sesame" not in repr(config)


def test_kind_refuses_another_kinds_settings() -> None:
    assert KIND.name == "zoneminder"
    with pytest.raises(TypeError):
        KIND.create("zm", object(), None)  # type: ignore[arg-type]  # wrong on purpose
