"""How a verb asks a ZoneMinder: by which options it is found, and by which code a refusal ends."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT
from vms_bridge.cli.direct.session import in_session
from vms_bridge.cli.direct.systems import FILE, TLS_OPTIONS
from vms_bridge.cli.options import config_option
from vms_bridge.cli.zm.completing import systems
from vms_bridge.cli.zm.place import PASSWORD, Place, zoneminder_at
from vms_bridge.errors import CommandRejected, CommandUnverified, UnsupportedCommand

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from vms_bridge.cli.program import Program
    from vms_bridge.errors import BridgeError
    from vms_bridge.zoneminder import ZoneMinder

_OPTIONS = (
    config_option,
    click.option("--system", metavar="KEY", help="Which ZoneMinder of the configuration.", shell_complete=systems),
    click.option("--url", metavar="URL", help="Any other one: what you open in the browser, as https://cameras.example/zm."),
    click.option("--user", metavar="NAME", help=f"Who logs in there; with a password in {PASSWORD}, or at the prompt."),
    click.option("--password-file", type=FILE, metavar="FILE", help=f"The password, in the place of {PASSWORD}."),
    *TLS_OPTIONS,
)
_T = TypeVar("_T")


class Ask:
    """What a verb asks: `ask(ask.zm.monitors.list())` is what the library returns, in a program without an event loop."""

    def __init__(self, zm: ZoneMinder, runner: asyncio.Runner) -> None:
        self.zm, self._runner = zm, runner

    def __call__(self, answer: Coroutine[Any, Any, _T]) -> _T:
        """Return the answer. Raises what the library raises."""
        return self._runner.run(answer)


def asks_zoneminder(verb: Callable[..., int | None]) -> Callable[..., int]:
    """Give a verb the options by which a ZoneMinder is found, and itself what asks it, logged in."""

    @click.pass_obj
    @functools.wraps(verb)
    def asking(program: Program, /, **options: Any) -> int:  # noqa: ANN401 - the verb's own, and those above
        zm = zoneminder_at(Place._make(options.pop(name) for name in Place._fields), program)
        return in_session(zm, lambda runner: verb(Ask(zm, runner), **options), _code, program)

    for option in reversed(_OPTIONS):
        asking = option(asking)
    return asking


def _code(error: BridgeError) -> int | None:
    """Return the code of what was refused, or was asked for and not done; None: one like all others."""
    from vms_bridge.zoneminder import NotDone, WrongValue  # noqa: PLC0415  # --help has no use for the library

    if isinstance(error, CommandRejected | UnsupportedCommand | WrongValue):
        return COMMAND_REFUSED
    return COMMAND_TIMED_OUT if isinstance(error, CommandUnverified | NotDone) else None
