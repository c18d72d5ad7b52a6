"""What can't be undone is said, and wanted, before it is done."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.cli.output import NDJSON, printable, say, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


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
