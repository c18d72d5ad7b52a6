"""What is counted and measured: plain numbers, one table, and nobody's fault is another's."""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vms_bridge
from vms_bridge import metrics
from vms_bridge.measures import LATENCIES_S, MOST_READINGS, MOST_SERIES, Histogram, Histograms, Measures, Metric, MetricKind
from vms_bridge.metrics import LABELS, METRICS, PROCESS, with_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.measures import Reading

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
PACKAGE = Path(vms_bridge.__file__).parent
NAMES = {metric: name for name, metric in vars(metrics).items() if isinstance(metric, Metric)}
SAID = {
    name for path in PACKAGE.rglob("*.py") for name in re.findall(r"\bmetrics\.([A-Z_]+)\b", path.read_text(encoding="utf-8"))
}


@given(st.lists(st.floats(min_value=0, max_value=1e6)))
def test_a_histogram_has_each_value_at_or_below_its_bound(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    now = histogram.now
    assert sum(now.counts) == len(values)
    assert now.sum == pytest.approx(sum(values))
    assert list(accumulate(now.counts))[:-1] == [sum(value <= bound for value in values) for bound in now.bounds]


def test_what_was_read_of_a_histogram_stays_as_it_was() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(1.0)
    before = histogram.now
    histogram.observe(2.0)
    assert (before.counts, before.sum) == ((1, 0), 1.0)
    assert (histogram.now.counts, histogram.now.sum) == ((1, 1), 3.0)


def test_a_metric_has_so_many_histograms_at_most() -> None:
    histograms = Histograms()
    for number in range(MOST_SERIES + 5):
        histograms.observe(0.1, str(number))
    histograms.observe(0.1, "0")
    found = list(histograms.readings(metrics.VMS_REQUESTS, "zm"))
    assert len(found) == MOST_SERIES
    assert found[0].labels == ("zm", "0")
    assert [sum(each.value.counts) for each in found[:2]] == [2, 1]  # type: ignore[union-attr]  # they are


def test_a_part_that_fails_is_left_out_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def good() -> Iterator[Reading]:
        yield metrics.PROBLEM.of(0)

    def bad() -> Iterator[Reading]:
        yield metrics.CLAIMS.of(1)
        raise ZeroDivisionError

    measures = Measures(bad, good)
    for _ in range(3):
        assert metrics.PROBLEM.of(0) in measures.read()
    assert len(caplog.records) == 1


def test_a_source_says_so_much_at_most_and_nothing_once_it_is_gone() -> None:
    def endless() -> Iterator[Reading]:
        while True:
            yield metrics.PROBLEM.of(0)

    measures = Measures()
    remove = measures.add(endless)
    assert len(measures.read()) == MOST_READINGS
    remove()
    remove()
    assert measures.read() == []


def test_bounds_rise() -> None:
    assert all(lower < upper for lower, upper in pairwise(LATENCIES_S))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_row_keeps_prometheus_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"vms_bridge_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is MetricKind.COUNTER)
    assert metric.kind is not MetricKind.HISTOGRAM or metric.name.endswith("_seconds")
    assert set(metric.labels) <= LABELS.keys()
    assert not {"le", "job", "instance"} & set(metric.labels), "these are Prometheus' own"
    assert metric.meaning[0].isupper() or metric.meaning[0].isdigit()
    assert not metric.meaning.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_row_is_said_by_somebody(metric: Metric) -> None:
    assert NAMES[metric] in SAID


def test_names_and_labels_are_there_once_and_used() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    assert not set(names) & PROCESS.keys()
    assert {label for metric in METRICS for label in metric.labels} == LABELS.keys()


def test_the_page_has_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "scripts/schemas writes it"
    assert all(f"| `{name}` |" in page for name in (*(metric.name for metric in METRICS), *PROCESS))
