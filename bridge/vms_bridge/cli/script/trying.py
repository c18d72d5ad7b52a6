"""What the verbs share that try a script on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.cli.codes import FAILED
from vms_bridge.cli.output import complain, printable, say, show_json

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.scripts.trying.trial import Trial, TrialFailed

_MOST_SCRIPT_BYTES = 1024 * 1024


def prepared(file: Path, *, replay: Path | None = None, answers: Path | None = None, **more: Any) -> Trial:  # noqa: ANN401
    """Return the trial of a script; `more` are fields of a `Trial`. Raises BridgeError."""
    from vms_bridge.script_errors import ScriptRefused  # noqa: PLC0415  # --help has no use for them
    from vms_bridge.scripts.header import read_header  # noqa: PLC0415
    from vms_bridge.scripts.triggers.record import read  # noqa: PLC0415
    from vms_bridge.scripts.trying.answers import read_answers  # noqa: PLC0415
    from vms_bridge.scripts.trying.files import FileUnusable, read_text  # noqa: PLC0415
    from vms_bridge.scripts.trying.trial import Trial, user_of_trials  # noqa: PLC0415

    text = read_text(file, _MOST_SCRIPT_BYTES)
    try:
        header = read_header(text)
    except ScriptRefused as refused:
        place = f"{file}:{refused.line}" if refused.line else str(file)
        raise FileUnusable(f"{place}: {refused}", hint=refused.hint) from None
    happens = () if replay is None else tuple(read(read_text(replay).split("\n"), file=str(replay)))
    return Trial(
        name=file.stem,
        text=text,
        file=file.name,
        header=header,
        answers=read_answers(answers),
        replay=happens,
        uid=user_of_trials(),
        **more,
    )


def shown_failure(file: Path, failed: TrialFailed, *, as_json: bool) -> int:
    """Say why a script could not be tried, and return the exit code."""
    if as_json:
        said = {"failed": "top level", "text": str(failed), "line": failed.line, "traceback": failed.traceback}
        show_json({**said, "hint": failed.hint}, is_line=True)
        return FAILED
    place = f"{file}:{failed.line}" if failed.line else str(file)
    complain(f"{place}: {failed}", failed.hint)
    for line in failed.traceback.splitlines():
        say(f"  {printable(line)}", err=True)
    return FAILED
