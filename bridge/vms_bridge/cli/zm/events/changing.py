"""One change of several events, one after the other: what can't be done with one is said, and the others are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT, FAILED, OK
from vms_bridge.cli.output import complain, printable, say
from vms_bridge.errors import CommandRejected
from vms_bridge.zoneminder import NotDone, NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from vms_bridge.cli.zm.asking import Ask


def change_each(
    ask: Ask, events: Iterable[str], change: Callable[[str], Coroutine[Any, Any, object]], what: Callable[[object], str]
) -> int:
    """Change each of these, say `what` it is then, and return the exit code of the first one that failed."""
    code = OK
    for event in dict.fromkeys(events):
        try:
            done = ask(change(event))
        except (CommandRejected, NotDone, NotThere) as error:
            complain(f"{event}: {error}", error.hint)
            codes = ((CommandRejected, COMMAND_REFUSED), (NotDone, COMMAND_TIMED_OUT))
            code = code or next((each for kind, each in codes if isinstance(error, kind)), FAILED)
        else:
            say(printable(f"{event}: {what(done)}"))
    return code
