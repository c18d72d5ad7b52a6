"""A group of verbs that are imported when they are used: its help and its completion are written from their rows alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verb(NamedTuple):
    """Where a verb's `command` is, and what it does, in a sentence."""

    module: str
    summary: str


class Verbs(click.Group):
    """The verbs of a program."""

    def __init__(self, *arguments: Any, verbs: Mapping[str, Verb], **options: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*arguments, **options)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        """Return the verbs' names."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Return the verb of this name, imported now."""
        verb = self._verbs.get(cmd_name)
        if verb is None:
            return None
        found: click.Command = import_module(verb.module).command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write what each verb does."""
        if not self._verbs:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self._verbs.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the verbs and options that begin so."""
        named = [CompletionItem(name, help=verb.summary) for name, verb in self._verbs.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]
