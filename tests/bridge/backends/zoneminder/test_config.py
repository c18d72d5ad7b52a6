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
    ],
)
def test_url(written: str, read: str) -> None:
    assert ZoneMinderConfig(url=written).url == read


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "host/zm"}, "not start with http"),
        ({"url": "http://u:p@host/zm"}, "credentials"),
        ({"url": "http://host:port/"}, "web address"),
        ({"url": "ftp://host"}, "not start with http"),
        ({"url": "http:///zm"}, "has no host"),
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
    assert config.shared_memory == Path("/dev", "shm")
    assert "sesame" not in repr(config)


def test_kind_refuses_another_kinds_settings() -> None:
    assert KIND.name == "zoneminder"
    with pytest.raises(TypeError):
        KIND.create("zm", object(), None)  # type: ignore[arg-type]  # wrong on purpose
