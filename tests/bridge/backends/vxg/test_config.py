from __future__ import annotations

import base64
import json

import pytest
from pydantic import ValidationError

from vms_bridge.backends import load_kind

KIND = load_kind("vxg")
TOKEN = base64.b64encode(json.dumps({"token": "share.eyJzaSI6IDV9.6a.sig", "api": "web.example.com"}).encode()).decode()


def test_a_token_is_all_it_takes_and_is_shown_nowhere() -> None:
    config = KIND.config(token=TOKEN, allowed_hosts=["web.example.com"])
    assert TOKEN not in repr(config)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"token": TOKEN[:-9]},
        {"token": "nonsense"},
        {"token": TOKEN, "url": "http://example.com"},
        {"token": TOKEN, "url": "ftp://example.com"},
        {"token": TOKEN, "allowed_hosts": ["http://x/y"]},
        {"token": TOKEN, "hold": 0},
        {"token": TOKEN, "poll": 1},
    ],
)
def test_what_can_not_be_meant_is_refused_in_words(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        KIND.config(**wrong)
    said = str(refused.value.errors(include_input=False, include_url=False))
    assert TOKEN[:20] not in said
    assert "nonsense" not in said
