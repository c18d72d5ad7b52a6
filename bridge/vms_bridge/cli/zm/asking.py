"""How a verb asks a ZoneMinder: by which options it is found, and that what destroys is said, and wanted, before it is done."""

from __future__ import annotations

import asyncio
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT, OK
from vms_bridge.cli.options import config_option
from vms_bridge.cli.output import NDJSON, complain, printable, say, show_json
from vms_bridge.cli.zm.completing import systems
from vms_bridge.cli.zm.place import PASSWORD, Place, zoneminder_at
from vms_bridge.errors import CommandError, CommandRejected, CommandUnverified, UnsupportedCommand, VmsError
from vms_bridge.logs import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from vms_bridge.cli.program import Program
    from vms_bridge.errors import BridgeError
    from vms_bridge.zoneminder import ZoneMinder

_FILE = click.Path(path_type=Path, dir_okay=False)
_OPTIONS = (
    config_option,
    click.option("--system", metavar="KEY", help="Which ZoneMinder of the configuration.", shell_complete=systems),
    click.option("--url", metavar="URL", help="Any other one: what you open in the browser, as https://cameras.example/zm."),
    click.option("--user", metavar="NAME", help=f"Who logs in there; with a password in {PASSWORD}, or at the prompt."),
    click.option("--password-file", type=_FILE, metavar="FILE", help=f"The password, in the place of {PASSWORD}."),
    click.option("--ca-file", type=_FILE, metavar="FILE", help="Who has signed the certificate there."),
    click.option("--fingerprint", metavar="SHA256", help="The certificate that is shown there."),
    click.option("--no-verify-tls", "verify_tls", flag_value=False, default=None, help="Take any certificate."),
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
        try:
            with asyncio.Runner() as runner:
                runner.run(_enter(zm))
                try:
                    return verb(Ask(zm, runner), **options) or OK
                finally:
                    runner.run(zm.__aexit__(None, None, None))
        except (CommandError, VmsError) as error:
            if (code := _code(error)) is None:
                raise
            complain(redact(str(error), program.secrets), redact(error.hint, program.secrets))
            return code

    for option in reversed(_OPTIONS):
        asking = option(asking)
    return asking


class Consent:
    """Whether something that can't be undone is to be done."""

    def __init__(self, *, is_given: bool, is_dry: bool) -> None:
        self._is_given, self._is_dry = is_given, is_dry

    def given(self, question: str, lines: Iterable[str], detail: Any = None, *, form: str | None = None) -> bool:  # noqa: ANN401 - JSON
        """Say in `lines`, or by `detail` in JSON, what would be done, and return whether it is to be done."""
        if self._is_dry:
            if form is not None:
                show_json(detail, is_line=form == NDJSON)
            for line in lines if form is None else ():
                say(printable(f"would {line}"))
            return False
        if self._is_given:
            return True
        for line in lines:
            say(printable(f"would {line}"), err=True)
        if not sys.stdin.isatty():
            raise click.UsageError(
                "nobody can be asked here: --yes does it without a question, --dry-run says what would be done"
            )
        return click.confirm(printable(question), err=True)


def destroys(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options by which nothing is asked, or nothing is done, as `consent`."""

    @functools.wraps(verb)
    def consenting(*arguments: Any, is_given: bool, is_dry: bool, **options: Any) -> Any:  # noqa: ANN401 - the verb's own
        return verb(*arguments, consent=Consent(is_given=is_given, is_dry=is_dry), **options)

    consenting = click.option("--dry-run", "is_dry", is_flag=True, help="Say what would be done, and do nothing.")(consenting)
    return click.option("-y", "--yes", "is_given", is_flag=True, help="Ask nothing.")(consenting)


def _code(error: BridgeError) -> int | None:
    """Return the code of what was refused, or was asked for and not done; None: one like all others."""
    from vms_bridge.zoneminder import NotDone, WrongValue  # noqa: PLC0415  # --help has no use for the library

    if isinstance(error, CommandRejected | UnsupportedCommand | WrongValue):
        return COMMAND_REFUSED
    return COMMAND_TIMED_OUT if isinstance(error, CommandUnverified | NotDone) else None


async def _enter(zm: ZoneMinder) -> None:
    await zm.__aenter__()
