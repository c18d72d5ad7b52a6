"""What the command lines of both chaos suites have in common: their arguments, a run's end, and the verdict."""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from tests.chaos.run import fresh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SHOWN = 60
_Round_contra = TypeVar("_Round_contra", contravariant=True)
_Round = TypeVar("_Round")


class _Result(Protocol):
    @property
    def wrong(self) -> Sequence[str]: ...


class _Run(Protocol[_Round_contra]):
    async def run(self, schedule: Iterator[_Round_contra], seconds: float) -> _Result: ...


def parser(suite: str, description: str | None, *, minutes: float, folder: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every run has; `suite` is the option of scripts/test."""
    made = argparse.ArgumentParser(prog=f"scripts/test --{suite}", description=description)
    made.add_argument("--minutes", type=float, default=minutes)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--schedule", type=Path, help="repeat the rounds of this file instead of the seed's")
    place = Path(tempfile.gettempdir()) / folder
    made.add_argument("--folder", type=Path, default=place, help=f"emptied, then logs go here (default {place})")
    return made


def run_and_judge(
    suite: str, arguments: argparse.Namespace, make: Callable[[Path], _Run[_Round]], schedule: Iterator[_Round]
) -> int:
    """Run, and print what came of it; return the exit code."""
    folder = fresh(arguments.folder)
    print(f"{suite}: seed {arguments.seed}, {arguments.minutes:g} minutes, logs in {folder}", flush=True)
    result = asyncio.run(_until_the_end(make(folder), schedule, arguments.minutes * 60))
    print(f"\n{result}")
    for each in result.wrong[:_SHOWN]:
        print(f"FAILED: {each}")
    if len(result.wrong) > _SHOWN:
        print(f"FAILED: and {len(result.wrong) - _SHOWN} more")
    kept = folder / "schedule.jsonl"
    if result.wrong and kept.exists():
        print(f"the schedule that shows it, {kept}:\n{kept.read_text()}", end="")
        print(f"repeat it: scripts/test --{suite} --seed {arguments.seed} --schedule FILE")
    print(f"{suite}: {'FAILED' if result.wrong else 'passed'}, seed {arguments.seed}")
    return 1 if result.wrong else 0


async def _until_the_end(run: _Run[_Round], schedule: Iterator[_Round], seconds: float) -> _Result:
    """Run; whoever ends us early gets the verdict all the same."""
    task = asyncio.ensure_future(run.run(schedule, seconds))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
