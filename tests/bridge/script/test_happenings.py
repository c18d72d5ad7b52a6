from __future__ import annotations

import pytest

from vms_bridge.script.happenings import Hook, Message, happening


@pytest.mark.parametrize(
    ("data", "payload", "json"),
    [
        (b'{"open": [true, null]}', '{"open": [true, null]}', {"open": [True, None]}),
        ("grün".encode(), "grün", None),
        (b"\xff\xfe", None, None),
        (b"", "", None),
        (b"NaN", "NaN", None),
        (b"1e999", "1e999", None),
        (b"[" * 100_000, "[" * 100_000, None),
    ],
)
def test_a_message_is_read_from_its_bytes(data: bytes, payload: str | None, json: object) -> None:
    found = happening("mqtt", {"topic": "home/a", "retain": False}, data)
    assert isinstance(found, Message)
    assert (found.topic, found.payload, found.json, found.data, found.retain) == ("home/a", payload, json, data, False)
    assert found.as_dict() == {"topic": "home/a", "retain": False, "payload": payload, "json": json}


def test_a_hook_has_what_was_posted() -> None:
    found = happening("webhook", {"name": "gate"}, b'{"a":[1,null,"\xc3\xbc"]}')
    assert isinstance(found, Hook)
    assert (found.name, found.body) == ("gate", {"a": [1, None, "ü"]})
