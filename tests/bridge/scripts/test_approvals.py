"""What was approved, as JSON says it: read whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.backend import START

from vms_bridge.scripting import Approval
from vms_bridge.scripts.approvals import ApprovalOf, is_approved, permissions_of, words_of
from vms_bridge.scripts.permissions import FLAGS, LISTS, normal
from vms_bridge.scripts.values import Permissions

SHA256 = "a" * 64
WORDS = st.lists(st.text(max_size=5), max_size=3).map(tuple)
ANY = st.builds(Permissions, **dict.fromkeys(LISTS, WORDS), **{name: st.booleans() for name in FLAGS})


@given(ANY)
def test_permissions_are_read_as_they_were_written(permissions: Permissions) -> None:
    assert permissions_of(words_of(permissions)) == normal(permissions)
    approval = Approval(permissions=words_of(permissions), sha256=SHA256, time=START, by="Ann")
    for of in ApprovalOf:
        assert is_approved(approval, permissions, SHA256, of)
    assert not is_approved(approval, permissions, "b" * 64, ApprovalOf.SOURCE)
    assert is_approved(approval, permissions, "b" * 64, ApprovalOf.PERMISSIONS)


@pytest.mark.parametrize(
    "words", [{"commands": "*"}, {"commands": [1]}, {"notify": 1}, {"sudo": True}, {"monitors": None}, {"http": {}}]
)
def test_what_makes_no_sense_approves_nothing(words: dict[str, Any]) -> None:
    assert permissions_of(words) is None
    approval = Approval(permissions=words, sha256=SHA256, time=START, by="Ann")
    assert not any(is_approved(approval, Permissions(monitors=()), SHA256, of) for of in ApprovalOf)
