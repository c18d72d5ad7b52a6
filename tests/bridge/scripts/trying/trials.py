"""How tests try scripts: in the real locked worker, as `vms-bridge script test` does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.header import read_header
from vms_bridge.scripts.triggers.occurrences import of
from vms_bridge.scripts.trying.answers import Answers
from vms_bridge.scripts.trying.trial import Trial, user_of_trials

if TYPE_CHECKING:
    from vms_bridge.scripts.values import Occurrence

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEAD = "from vms_bridge.script import *\nimport asyncio, os, time\n"


def alarm(after_s: float, now: str = "alarm", before: str = "idle", monitor: str = "1") -> tuple[datetime, Occurrence]:
    """Return that a monitor's alarm state changes then."""
    at = START + timedelta(seconds=after_s)
    what = {"system": "zm", "monitor": monitor, "name": f"Camera {monitor}", "before": before, "now": now, "time": at.isoformat()}
    return at, of("alarm", what)


def trial(text: str, *replay: tuple[datetime, Occurrence], **more: Any) -> Trial:  # noqa: ANN401
    """Return the trial of a script, below the lines of HEAD."""
    whole = HEAD + text
    answers = Answers.model_validate(more.pop("answers", {}))
    return Trial(
        name=more.pop("name", "tried"),
        text=whole,
        file="tried.py",
        header=read_header(whole),
        answers=answers,
        replay=replay,
        begins=START,
        uid=user_of_trials(),
        **more,
    )
