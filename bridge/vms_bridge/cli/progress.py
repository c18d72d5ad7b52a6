"""Progress bars on stderr where that is a terminal, and nothing anywhere else."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from vms_bridge.cli.output import complain, console, printable, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from rich.progress import Progress


class Bars:
    """A bar for each thing that is under way; several threads may have one."""

    def __init__(self, unit: str | None = None) -> None:
        """Count bytes, unless another `unit` is said."""
        self._progress = _progress(unit) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    @contextmanager
    def bar(self, name: str) -> Iterator[Callable[[int, int | None], None]]:
        """Show a bar as long as this lasts; give what is called with how far it is, and how far it is to go."""
        progress = self._progress
        if progress is None:
            yield lambda _done, _total: None
            return
        task = progress.add_task(printable(name), total=None)
        try:
            yield lambda done, total: progress.update(task, completed=done, total=total)
        finally:
            progress.remove_task(task)

    def print(self, line: str) -> None:
        """Print a line on stdout, above the bars where they are on the same terminal."""
        if self._progress is not None and sys.stdout.isatty():
            self._progress.console.print(printable(line), markup=False, soft_wrap=True)
        else:
            say(line)
            sys.stdout.flush()

    def complain(self, text: str, hint: str) -> None:
        """Say on stderr what went wrong, above the bars."""
        if self._progress is None:
            complain(text, hint)
        else:
            self._progress.console.print(printable(f"vms-bridge: {text}{f' -> {hint}' if hint else ''}"), markup=False)


def _progress(unit: str | None) -> Progress:
    from rich import progress  # noqa: PLC0415  # where there are bars

    counted = (progress.MofNCompleteColumn(), progress.TextColumn(unit or "", markup=False))
    return progress.Progress(
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        *((progress.DownloadColumn(), progress.TransferSpeedColumn()) if unit is None else counted),
        progress.TimeRemainingColumn(),
        console=console(sys.stderr),
        redirect_stdout=False,
        redirect_stderr=False,
    )
