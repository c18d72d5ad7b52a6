"""Notes of events: only when they are asked for, only after the end, with what the VMS has written by then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.lab import Lab, settings

from vms_bridge.archive import FrameKind
from vms_bridge.commands import SetNote
from vms_bridge.detect.notes import with_ours

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("is_asked_for", [True, False])
async def test_notes_are_written_after_the_end_and_only_if_that_is_asked_for(tmp_path: Path, *, is_asked_for: bool) -> None:
    async with Lab(tmp_path).open() as lab:
        lab.vms.frames["1", FrameKind.ALARM] = b"person .9"
        async with lab.detecting(settings(write_notes=is_asked_for)):
            begun = await lab.begin(notes="zmc writes here")
            await lab.until_labels("person")
            await lab.pass_time(20)
            assert not lab.vms.actions, "it is not over"
            ended = replace(begun, notes="Motion: All", end=lab.clock.now())
            lab.vms.kept["1"] = ended
            await lab.record(ended)
            if not is_asked_for:
                await lab.pass_time(100)
                assert not lab.vms.actions
                return
            await lab.until(lambda: lab.vms.actions, step_s=1)
            assert lab.vms.actions == [("1", SetNote(text="Motion: All [detected: person 90%]"))]


async def test_what_somebody_has_written_meanwhile_stays(tmp_path: Path) -> None:
    async with Lab(tmp_path).with_archive().open() as lab:
        lab.vms.frames["1", FrameKind.ALARM] = b"person .9"
        async with lab.detecting(settings(write_notes=True)):
            begun = await lab.begin()
            await lab.until_labels("person")
            ended = replace(begun, notes="Motion: All", end=lab.clock.now())
            lab.vms.kept["1"] = ended
            await lab.record(ended)
            lab.vms.archived = (replace(ended, notes="Motion: All, the postman"),)
            await lab.until(lambda: lab.vms.actions, step_s=1)
    assert lab.vms.actions == [("1", SetNote(text="Motion: All, the postman [detected: person 90%]"))]


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_ours_is_there_once_and_nothing_else_is_lost(notes: str, before: str, now: str) -> None:
    again = with_ours(with_ours(notes, before), now)
    assert again == with_ours(notes, now)
    assert again.endswith("]")
