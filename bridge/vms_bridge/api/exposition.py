"""What was read, in Prometheus' text format: the one place that knows prometheus-client. Imported when somebody asks for it."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from vms_bridge.measures import Distribution, MetricKind
from vms_bridge.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.core import Metric as Family

    from vms_bridge.measures import Metric, Reading

    _Values = Mapping[tuple[str, ...], float | Distribution]


class _Read(Collector):
    """What was read, as a collector; what stands twice for the same labels is what was read last."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._values: dict[Metric, dict[tuple[str, ...], float | Distribution]] = defaultdict(dict)
        for reading in readings:
            if len(reading.labels) == len(reading.metric.labels):
                self._values[reading.metric][reading.labels] = reading.value

    def collect(self) -> Iterator[Family]:
        """Yield each row of the table with all its values."""
        for metric in METRICS:
            yield _family(metric, self._values.get(metric, {}))


def exposition(readings: Iterable[Reading]) -> bytes:
    """Return the text; the process's own numbers are in it too. Reads files of the system."""
    registry = CollectorRegistry()
    registry.register(_Read(readings))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _family(metric: Metric, values: _Values) -> Family:
    if metric.kind is MetricKind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in values.items():
            if isinstance(value, Distribution):
                histogram.add_metric(labels, _buckets(value), value.sum)
        return histogram
    kind = CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in values.items():
        if not isinstance(value, Distribution):
            family.add_metric(labels, value)
    return family


def _buckets(value: Distribution) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in value.bounds), "+Inf"]
    return list(zip(bounds, accumulate(value.counts), strict=True))
