"""Which frame of several is the best one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.archive import FrameKind
from vms_bridge.detect.choose import variety, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.config_rules import FramePick
    from vms_bridge.detect.values import Found, FrameId, Looked

_KINDS = {"alarm": FrameKind.ALARM, "snapshot": FrameKind.BEST, "first": FrameKind.FIRST}


def pick_frame(pick: FramePick, looked: Sequence[Looked]) -> Looked | None:
    """Return the best frame, None where nothing was found in any.

    What is known already does not count, unless there is nothing else in any frame. `first` (and `first_new`): the first with
    anything in it. `most`: the one with most things; of equals that with the larger sum of scores, then the earlier.
    `most_unique`: with most different labels, `most_models`: with findings of most stages; of equals as `most`.
    """
    counted = [(frame, frame.new) for frame in looked if frame.new] or [(frame, frame.found) for frame in looked if frame.found]
    if not counted:
        return None
    if pick in {"first", "first_new"}:
        return counted[0][0]
    return max(counted, key=lambda each: _rank(pick, each[1]))[0]


def frame_of(name: str) -> tuple[FrameId, FrameKind | int]:
    """Return which frame of an event this names (`alarm`, `snapshot`, `first`, a number): for people, and for its VMS."""
    return (int(name), int(name)) if name.isdecimal() else (name, _KINDS[name])


def is_decided(pick: FramePick, looked: Looked) -> bool:
    """Say whether no later frame can be better than this one, which is the best so far: only where the first one counts.

    Where frames are counted a later one may have more, or the same with better scores.
    """
    return pick in {"first", "first_new"} and bool(looked.new)


def _rank(pick: FramePick, found: Sequence[Found]) -> tuple[float, ...]:
    if pick == "most_unique":
        return variety(found)
    if pick == "most_models":
        return len({one.stage for one in found}), *weight(found)
    return weight(found)
