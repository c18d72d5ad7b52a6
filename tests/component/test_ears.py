"""Who hears of what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custom_components.vms_bridge.ears import Ears
from custom_components.vms_bridge.models import Target

if TYPE_CHECKING:
    import pytest

ONE, OTHER = Target(system="zm", monitor="1"), Target(system="zm", monitor="2")


def test_only_those_of_the_target_hear() -> None:
    ears, heard = Ears(), []
    ears.listen(ONE, lambda: heard.append("one"))
    ears.listen(OTHER, lambda: heard.append("other"))
    ears.tell(ONE)
    assert heard == ["one"]
    ears.tell_all()
    assert heard == ["one", "one", "other"]


def test_a_system_is_told_with_its_monitors() -> None:
    ears, heard = Ears(), []
    for target in (ONE, OTHER, Target(system="zm"), Target(system="sim"), Target()):
        ears.listen(target, lambda target=target: heard.append(target))  # type: ignore[misc]
    ears.tell_system("zm")
    assert heard == [ONE, OTHER, Target(system="zm")]


def test_who_has_left_hears_nothing() -> None:
    ears, heard = Ears(), []
    leave = ears.listen(ONE, lambda: heard.append("one"))
    ears.listen(ONE, lambda: heard.append("two"))
    leave()
    leave()
    ears.tell(ONE)
    assert heard == ["two"]


def test_who_leaves_while_it_is_told_harms_nobody() -> None:
    ears, heard = Ears(), []

    def hear() -> None:
        heard.append("one")
        leave()

    leave = ears.listen(ONE, hear)
    ears.listen(ONE, lambda: heard.append("two"))
    ears.tell(ONE)
    ears.tell(ONE)
    assert heard == ["one", "two", "two"]


def test_a_defect_of_one_is_not_the_others(caplog: pytest.LogCaptureFixture) -> None:
    ears, heard = Ears(), []

    def broken() -> None:
        raise RuntimeError("broken")

    ears.listen(ONE, broken)
    ears.listen(ONE, lambda: heard.append("two"))
    ears.tell(ONE)
    assert heard == ["two"]
    assert "could not take up" in caplog.text


def test_events_and_shapes() -> None:
    ears = Ears()
    heard: list[Any] = []
    leave_events = ears.listen_events(("zm", "1"), lambda message, is_old: heard.append((message, is_old)))
    leave_shapes = ears.listen_shapes(lambda: heard.append("shapes"))
    ears.tell_event(("zm", "1"), {"id": "zm-1"}, True)
    ears.tell_event(("zm", "2"), {"id": "zm-2"}, False)
    ears.tell_shapes()
    leave_events()
    leave_shapes()
    ears.tell_event(("zm", "1"), {"id": "zm-3"}, False)
    ears.tell_shapes()
    assert heard == [({"id": "zm-1"}, True), "shapes"]
