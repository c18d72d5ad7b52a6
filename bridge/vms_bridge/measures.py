"""What the bridge counts and measures of itself: plain numbers that live with their owners, who say them when they are asked.

Nobody pays for numbers that nobody reads: to count is an addition, to observe is a search among a dozen bounds. What there is
stands in one table (`metrics.py`); only the API puts it into Prometheus' words.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_LOGGER = logging.getLogger(__name__)
LATENCIES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
"""The bounds of histograms: what is well takes milliseconds, what waits for a VMS up to two minutes."""
MOST_SERIES = 512
"""How many histograms one metric has at most; what would be one more is not counted."""
MOST_READINGS = 10_000
"""How much one source may say at a time."""


class MetricKind(StrEnum):
    """What a number means; the words are Prometheus'."""

    COUNTER = "counter"
    """Only grows, from 0 at the start of the bridge, or of its owner."""
    GAUGE = "gauge"
    """As it is now."""
    HISTOGRAM = "histogram"
    """How often it was how much."""


class Histogram:
    """How often something was how much."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float] = LATENCIES_S) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count one that was so much."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    @property
    def now(self) -> Distribution:
        """How it is now, which does not change any more."""
        return Distribution(self._bounds, tuple(self._counts), self._sum)


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a histogram says: how many there were up to each bound, and beyond the bound before it; the last one has no bound."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Histograms:
    """Histograms of one metric, by the values of its labels."""

    def __init__(self) -> None:
        self._by_labels: dict[tuple[str, ...], Histogram] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Count one that was so much."""
        histogram = self._by_labels.get(labels)
        if histogram is None:
            if len(self._by_labels) >= MOST_SERIES:
                return
            histogram = self._by_labels[labels] = Histogram()
        histogram.observe(value)

    def readings(self, metric: Metric, *first: str) -> Iterator[Reading]:
        """Yield all of them; `first` are the values of labels that stand before those."""
        for labels, histogram in self._by_labels.items():
            yield metric.of(histogram, *first, *labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A row of the table: what is counted or measured, under which name, and by which labels (`metrics.LABELS`)."""

    name: str
    kind: MetricKind
    meaning: str
    labels: tuple[str, ...] = ()

    def of(self, value: float | Histogram, *labels: str) -> Reading:
        """Return what it is now, for these values of its labels, in their order."""
        return Reading(self, value.now if isinstance(value, Histogram) else value, labels)


@dataclass(frozen=True, slots=True)
class Reading:
    """One number, or one histogram, as it was when it was read."""

    metric: Metric
    value: float | Distribution
    labels: tuple[str, ...]


def is_sound(found: object) -> TypeGuard[Reading]:
    """Say whether this can be shown: anybody's code may have said it."""
    if not isinstance(found, Reading):
        return False
    said: tuple[object, object, object] = (found.metric, found.value, found.labels)
    metric, value, labels = said
    is_shown = isinstance(metric, Metric) and isinstance(value, int | float | Distribution)
    return is_shown and isinstance(labels, tuple) and all(isinstance(label, str) for label in labels)


Source: TypeAlias = "Callable[[], Iterable[Reading]]"


class Measures:
    """All that can be read: whoever counts or measures something adds a source, which is asked whenever somebody reads."""

    def __init__(self, *sources: Source) -> None:
        self._sources: dict[Source, None] = dict.fromkeys(sources)
        self._failed: set[Source] = set()

    def add(self, source: Source) -> Callable[[], None]:
        """Have this asked too, on the event loop; returns how to have that no more."""
        self._sources[source] = None

        def remove() -> None:
            self._sources.pop(source, None)
            self._failed.discard(source)

        return remove

    def read(self) -> list[Reading]:
        """Return what all say now; one that fails, be it a third party's, is logged once and left out."""
        found: list[Reading] = []
        for source in list(self._sources):
            try:
                found += [one for one in islice(source(), MOST_READINGS) if is_sound(one)]
            except Exception:
                if source not in self._failed:
                    self._failed.add(source)
                    _LOGGER.exception("a part can't say what it has counted and measured: that is missing from the metrics")
        return found
