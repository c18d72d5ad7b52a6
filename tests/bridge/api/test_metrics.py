"""`/metrics`: all of the table in Prometheus' format, whoever reads it at a time, and with bounded labels."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.bridge.api.lab import closed, serving, until
from tests.bridge.api.world import World
from tests.fakes.backend import START, monitor, state, system_state
from tests.fakes.hub import FakeHub

from vms_bridge import metrics
from vms_bridge.api.connections import MOST_STRANGERS, STRANGER_S
from vms_bridge.measures import Histogram, Metric, MetricKind
from vms_bridge.metrics import METRICS, MOST_MONITORS, PROCESS
from vms_bridge.model import AlarmState
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.tokens import Scope
from vms_bridge.views import BridgeState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bridge.api.lab import Api

    from vms_bridge.measures import Reading

_Labels = frozenset[tuple[str, str]]


class Scrape:
    """What was read, as Prometheus reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples: dict[tuple[str, _Labels], float] = {}
        for family in self.families.values():
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self.samples, f"{key} is there twice"
                self.samples[key] = sample.value

    def value(self, metric: Metric | str, **labels: str) -> float | None:
        name = metric if isinstance(metric, str) else metric.name
        return self.samples.get((name, frozenset(labels.items())))

    def labels(self, metric: Metric) -> list[dict[str, str]]:
        return [dict(labels) for name, labels in self.samples if name == metric.name]


async def scrape(api: Api, **options: Any) -> Scrape:  # noqa: ANN401 - as of `ask`
    answer = await api.get("/metrics", by_socket=True, **options)
    assert answer.status == 200, answer.body
    return Scrape(answer.body.decode())


async def test_it_is_prometheus_own_format_and_has_all_of_the_table(tmp_path: Path) -> None:
    async with serving(tmp_path, hub=World()) as api:
        answer = await api.get("/metrics", token=api.token(Scope.READ))
        found = Scrape(answer.body.decode())
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        for metric in METRICS:
            family = found.families[metric.name.removesuffix("_total")]
            assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        assert {name.removesuffix("_total") for name in PROCESS} == {
            name for name in found.families if name.startswith("process_")
        }
        assert all(name.startswith(("vms_bridge_", "process_")) for name in found.families)
        assert found.value("process_resident_memory_bytes")


async def test_who_asks_for_the_head_or_for_less_to_carry_gets_that(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token = api.token(Scope.READ)
        head = await api.ask("HEAD", "/metrics", token=token)
        assert (head.status, head.body) == (200, b"")
        small = await api.get("/metrics", token=token, headers={"Accept-Encoding": "gzip"})
        plain = await api.get("/metrics", token=token, headers={"Accept-Encoding": "identity"})
        assert (small.headers.get("Content-Encoding"), plain.headers.get("Content-Encoding")) == ("gzip", None)
        assert small.headers["Vary"] == "Accept-Encoding"


async def test_who_the_bridge_is_and_how_it_fares(tmp_path: Path) -> None:
    hub = FakeHub()
    hub.fares = BridgeState(problem="the disk is full", undelivered=7, given_up=2)
    hub.claim("a home assistant")
    hub.give_notice(Notice(id="a", kind=NoticeKind.SYSTEM_LOST, since=START, text="gone"))
    async with serving(tmp_path, hub=hub) as api:
        found = await scrape(api)
    assert found.value(metrics.INFO, version="1", bridge="home", bridge_id="b" * 32) == 1
    assert found.value(metrics.PROBLEM) == 1
    assert found.value(metrics.UNDELIVERED) == 7
    assert found.value(metrics.GIVEN_UP) == 2
    assert found.value(metrics.CLAIMS) == 1
    assert found.value(metrics.NOTICES, kind="system_lost") == 1


async def test_how_systems_and_monitors_are(tmp_path: Path) -> None:
    hub = World()
    hub.set_system("zm", load=1.5)
    hub.add_system("lost", system_state(available=False))
    hub.set_state("1", alarm=AlarmState.ALERT, capture_fps=12.5, lag_s=0.05)
    hub.set_state("2", connected=False, alarm=None, capture_fps=None, lag_s=None)
    async with serving(tmp_path, hub=hub) as api:
        found = await scrape(api)
    zm = {"system": "zm"}
    assert (found.value(metrics.SYSTEM_AVAILABLE, **zm), found.value(metrics.SYSTEM_AVAILABLE, system="lost")) == (1, 0)
    assert found.value(metrics.SYSTEM_LOAD, **zm) == 1.5
    assert found.value(metrics.SYSTEM_MONITORS, **zm) == 2
    assert found.value(metrics.SYSTEM_MONITORS_AVAILABLE, **zm) == 2
    assert found.value(metrics.SYSTEM_MONITORS_IN_ALARM, **zm) == 1
    assert found.value(metrics.SYSTEM_MONITORS_WITHOUT_SIGNAL, **zm) == 1
    assert found.value(metrics.INDEX_EVENTS, **zm) == found.value(metrics.INDEX_EXPECTED, **zm) == len(hub.index)
    assert found.value(metrics.INDEX_COMPLETE, **zm) == 1
    assert found.value(metrics.INDEX_EVENTS, system="lost") is None
    assert found.value(metrics.MONITOR_ALARM, **zm, monitor="1") == 1
    assert found.value(metrics.MONITOR_FPS, **zm, monitor="1") == 12.5
    assert found.value(metrics.MONITOR_LAG, **zm, monitor="1") == 0.05
    assert found.value(metrics.MONITOR_CONNECTED, **zm, monitor="2") == 0
    for unknown in (metrics.MONITOR_ALARM, metrics.MONITOR_FPS, metrics.MONITOR_LAG):
        assert found.value(unknown, **zm, monitor="2") is None, "unknown is nothing, and not 0"


async def test_only_so_many_monitors_have_numbers_of_their_own(tmp_path: Path) -> None:
    hub = FakeHub(monitors=MOST_MONITORS - 1)
    hub.add_system("other")
    for number in range(5):
        hub.add_monitor("other", monitor(number), state())
    async with serving(tmp_path, hub=hub) as api:
        found = await scrape(api)
    assert len(found.labels(metrics.MONITOR_AVAILABLE)) == MOST_MONITORS
    assert found.value(metrics.MONITORS_LEFT_OUT) == 4
    assert found.value(metrics.SYSTEM_MONITORS, system="other") == 5


async def test_names_that_are_odd_break_nothing(tmp_path: Path) -> None:
    hub = FakeHub(monitors=0)
    hub.add_monitor("zm", replace(monitor(1), id='a"b\\c\nd'), state())
    async with serving(tmp_path, hub=hub) as api:
        found = await scrape(api)
    assert found.value(metrics.MONITOR_AVAILABLE, system="zm", monitor='a"b\\c\nd') == 1


async def test_requests_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    async with serving(tmp_path, hub=World()) as api:
        token = api.token(Scope.READ)
        await api.get("/api/v1/systems", token=token)
        await api.get("/api/v1/systems/nosuch", token=token)
        await api.get("/api/v1/media/events/zm-1/clip", token=token)
        await api.get("/api/v1/health")
        await api.get("/api/v1/health", headers={"Host": "rebound.example"})
        await api.get("/any/thing/at/all", token=token)
        await api.ask("DELETE", "/api/v1/systems", token=token)
        found = await scrape(api)
        again = await scrape(api)
    counts = {(one["route"], one["status"]) for one in found.labels(metrics.API_REQUESTS)}
    assert counts == {
        ("list_systems", "200"),
        ("get_system", "404"),
        ("get_event_clip", "200"),
        ("get_health", "401"),
        ("get_health", "421"),
        ("none", "404"),
        ("none", "405"),
    }
    took = metrics.API_DURATION.name
    assert found.value(f"{took}_count", route="list_systems") == 1
    assert found.value(f"{took}_count", route="get_event_clip") is None, "how long a clip takes is the client's doing"
    assert again.value(metrics.API_REQUESTS, route="get_metrics", status="200") == 1


async def test_connections_and_those_that_were_refused_are_counted(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        strangers = [await api.connect() for _ in range(MOST_STRANGERS)]
        await until(lambda: len(api.sink._connections) == MOST_STRANGERS)
        token = api.token()
        assert (await api.get("/api/v1/health", token=token)).status == 200
        found = await scrape(api)
        assert found.value(metrics.API_CONNECTIONS, door="api", who="stranger") == MOST_STRANGERS - 1
        assert found.value(metrics.API_CONNECTIONS, door="socket", who="known") == 1
        assert found.value(metrics.API_REFUSED, reason="displaced") == 1
        await api.clock.advance(STRANGER_S + 1)
        found = await scrape(api)
        assert found.value(metrics.API_REFUSED, reason="stranger") == MOST_STRANGERS - 1
        assert found.value(metrics.SINK_CONNECTED, sink="api") == 1
        assert (found.value(f"{metrics.LOOP.name}_count") or 0) >= STRANGER_S
        for _, writer in strangers:
            await closed(writer)


async def test_a_part_that_fails_costs_only_its_own_numbers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()

    def broken() -> Iterator[Reading]:
        yield metrics.SINK_CONNECTED.of(1, "mqtt")
        yield metrics.SINK_CONNECTED.of(0, "mqtt")  # once more
        yield metrics.SINK_CONNECTED.of(1)  # of whom?
        yield metrics.STORE.of(1.0)  # no histogram
        yield metrics.PROBLEM.of(Histogram())  # no number
        yield Metric(name="vms_bridge_unheard_of", kind=MetricKind.GAUGE, meaning="Nothing").of(1)
        raise ZeroDivisionError

    hub.measures.add(broken)
    hub.measures.add(lambda: cast("list[Reading]", [None, metrics.SINK_CONNECTED.of(cast("float", "high"), "event_log")]))
    async with serving(tmp_path, hub=hub) as api:
        found = await scrape(api)
    assert found.value(metrics.SINK_CONNECTED, sink="mqtt") is None, "what a failing part has said by then is not the whole"
    assert "vms_bridge_unheard_of" not in found.text
    assert found.value(metrics.SYSTEM_AVAILABLE, system="zm") == 1
    assert "can't say what it has counted" in caplog.text


async def test_many_may_ask_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        answers = await asyncio.gather(*(scrape(api) for _ in range(8)))
    assert all(answer.families for answer in answers)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_finds_nothing_to_say(tmp_path: Path) -> None:
    async with serving(tmp_path, hub=World()) as api:
        found = await scrape(api)
    process = await asyncio.create_subprocess_exec(
        "promtool",
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(found.text.encode())
    assert (process.returncode, said) == (0, b"")
