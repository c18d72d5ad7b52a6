"""What a worker knows of settings and state: everything that others change, once, and nothing that it knows better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.scripts.life.asker import RunningAsker
from vms_bridge.scripts.life.copy import Copy
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS = st.sampled_from("abc")
_CHANGES = st.tuples(st.booleans(), st.dictionaries(_KEYS, st.integers(), max_size=2), st.lists(_KEYS, max_size=2))


class Worker:
    """A worker with the copy that it was given."""

    def __init__(self, state: Mapping[str, int]) -> None:
        self.settings: Mapping[str, Any] = {}
        self.state = dict(state)

    def tell(self, words: Mapping[str, Any]) -> None:
        self.settings = words.get("settings", self.settings)
        self.state |= words.get("state", {})
        for key in words.get("absent", ()):
            self.state.pop(key, None)


def made() -> Copy:
    return Copy(RunningAsker("gate", Permissions()))


@given(st.dictionaries(_KEYS, st.integers()), st.lists(_CHANGES, max_size=8), st.integers(0, 8))
def test_a_worker_knows_what_is_kept_whoever_has_changed_it(
    kept: dict[str, int], changes: list[tuple[bool, dict[str, int], list[str]]], ready: int
) -> None:
    copy, worker = made(), Worker(kept)
    for number, (is_own, values, absent) in enumerate([*changes, (False, {}, [])]):
        if number == min(ready, len(changes)):
            copy.open(worker.tell)
        gone = [key for key in absent if key not in values]
        for state in (kept, worker.state) if is_own else (kept,):
            state.update(values)
            for key in gone:
                state.pop(key, None)
        copy.changed(copy.asker if is_own else None, values, gone)
    assert worker.state == kept


def test_many_keys_are_told_in_parts() -> None:
    told: list[Mapping[str, Any]] = []
    copy = made()
    copy.open(told.append)
    copy.changed(None, {}, [str(number) for number in range(1_200)])
    assert [len(each["absent"]) for each in told] == [500, 500, 200]


def test_of_settings_the_newest_are_told() -> None:
    copy, worker = made(), Worker({})
    copy.settings({"a": 1})
    copy.settings({"a": 2})
    copy.open(worker.tell)
    assert worker.settings == {"a": 2}
    copy.settings({"a": 3})
    assert worker.settings == {"a": 3}
