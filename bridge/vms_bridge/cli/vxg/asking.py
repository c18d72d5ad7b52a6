"""How a verb asks a VXG: by which options it is found, and by which code a refusal ends."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT
from vms_bridge.cli.direct.session import in_session
from vms_bridge.cli.direct.systems import FILE, TLS_OPTIONS
from vms_bridge.cli.options import config_option
from vms_bridge.cli.output import complain
from vms_bridge.cli.vxg.completing import systems
from vms_bridge.cli.vxg.place import LKEY, TOKEN, Place, vxg_at
from vms_bridge.logs import redact

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from vms_bridge.cli.program import Program
    from vms_bridge.errors import BridgeError
    from vms_bridge.vxg import Vxg

_OPTIONS = (
    config_option,
    click.option("--system", metavar="KEY", help="Which VXG Cloud VMS of the configuration.", shell_complete=systems),
    click.option("--url", metavar="URL", help=f"Any other one: its web address; with {TOKEN} or {LKEY}."),
    click.option("--token-file", type=FILE, metavar="FILE", help=f"A group's or channel's token, in the place of {TOKEN}."),
    click.option("--lkey-file", type=FILE, metavar="FILE", help=f"The account's key, in the place of {LKEY}."),
    click.option(
        "--allow-host", "allowed_host", multiple=True, metavar="HOST", help="Where the token may lead, too; may be repeated."
    ),
    *TLS_OPTIONS,
)
_T = TypeVar("_T")
_AT_ONCE = 100


class Ask:
    """What a verb asks: `ask(ask.vxg.channels.list())` is what the library returns, in a program without an event loop."""

    def __init__(self, vxg: Vxg, runner: asyncio.Runner, program: Program) -> None:
        self.vxg, self.program, self._runner = vxg, program, runner

    def complain(self, text: str, hint: str, say: Callable[[str, str], None] = complain) -> None:
        """Say on stderr what went wrong, without secrets, by `say` where something else is shown meanwhile."""
        say(redact(text, self.program.secrets), redact(hint, self.program.secrets))

    def __call__(self, answer: Coroutine[Any, Any, _T]) -> _T:
        """Return the answer. Raises what the library raises."""
        return self._runner.run(answer)

    def some(self, rows: AsyncIterator[_T]) -> Iterator[list[_T]]:
        """Yield what the library yields, some at a time. Raises what it raises."""
        while found := self(_next(rows)):
            yield found


def asks_vxg(verb: Callable[..., int | None]) -> Callable[..., int]:
    """Give a verb the options by which a VXG is found, and itself what asks it."""

    @click.pass_obj
    @functools.wraps(verb)
    def asking(program: Program, /, **options: Any) -> int:  # noqa: ANN401 - the verb's own, and those above
        from vms_bridge.vxg import CredentialMissing  # noqa: PLC0415  # --help has no use for the library

        vxg = vxg_at(Place._make(options.pop(name) for name in Place._fields), program)
        try:
            return in_session(vxg, lambda runner: verb(Ask(vxg, runner, program), **options), _code, program)
        except CredentialMissing as error:
            raise click.UsageError(f"{error}: by --lkey-file FILE or, with --url, in the variable {LKEY}") from None

    for option in reversed(_OPTIONS):
        asking = option(asking)
    return asking


def _code(error: BridgeError) -> int | None:
    """Return the code of what was refused, or was asked for and not done; None: one like all others."""
    from vms_bridge.errors import TimedOut  # noqa: PLC0415  # as above
    from vms_bridge.vxg import MetadataRefused, NotDone, Refused, WrongValue  # noqa: PLC0415

    if isinstance(error, Refused | WrongValue | MetadataRefused):
        return COMMAND_REFUSED
    return COMMAND_TIMED_OUT if isinstance(error, NotDone | TimedOut) else None


async def _next(rows: AsyncIterator[_T]) -> list[_T]:
    found: list[_T] = []
    async for row in rows:
        found.append(row)
        if len(found) == _AT_ONCE:
            break
    return found
