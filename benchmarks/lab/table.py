"""What a benchmark prints: where it ran, and a Markdown table of what was reached beside what is wanted."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what, what was reached, what is wanted (`is_good` None: nothing is), and the peer or limit."""

    what: str
    reached: str
    goal: str = ""
    is_good: bool | None = None
    beside: str = ""


@dataclass(slots=True)
class Table:
    """The rows of one benchmark."""

    title: str
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Add a row, and show it at once: a benchmark takes minutes."""
        if not self.rows:
            _head(self.title, ("what", "reached", "goal", "", "beside"))
        self.rows.append(row)
        verdict = "" if row.is_good is None else "reached" if row.is_good else "**missed**"
        print(f"| {row.what} | {row.reached} | {row.goal} | {verdict} | {row.beside} |", flush=True)


@dataclass(slots=True)
class Grid:
    """Figures as functions of something: a table with columns of its own, and no goals."""

    title: str
    columns: Sequence[str]
    rows: int = 0

    def add(self, *cells: str) -> None:
        """Add a row, and show it at once."""
        if not self.rows:
            _head(self.title, self.columns)
        self.rows += 1
        print(f"| {' | '.join(cells)} |", flush=True)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of them lies, by the nearest rank; nan of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered)) - 1))]


def median(values: Sequence[float]) -> float:
    """Return the median; nan of none."""
    return statistics.median(values) if values else float("nan")


def arguments(module: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark understands."""
    parser = argparse.ArgumentParser(
        prog=f"scripts/bench {module.rpartition('.')[2]}", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few and short measurements: shows defects, not figures")
    return parser


def _head(title: str, columns: Sequence[str]) -> None:
    print(f"\n### {title}\n")
    print(f"{_where()}\n")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def _where() -> str:
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now}, VMS Bridge {__version__}, CPython {platform.python_version()}, {os.cpu_count()} cores, load before: {load}"
