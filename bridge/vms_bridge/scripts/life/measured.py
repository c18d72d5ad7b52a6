"""What is counted and measured of scripts, in the words of the table of metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vms_bridge.measures import Reading
    from vms_bridge.scripts.life.resources import Resources
    from vms_bridge.scripts.life.script import Script

MOST_SCRIPTS = 128
"""Of how many scripts each has numbers of its own."""


def readings(scripts: Sequence[Script], resources: Resources) -> Iterator[Reading]:
    """Yield how they all fare."""
    for script in scripts[:MOST_SCRIPTS]:
        name, counts = script.name, script.counts
        yield metrics.SCRIPT_READY.of(script.current is not None, name)
        yield metrics.SCRIPT_CALLS.of(counts.called, name)
        yield metrics.SCRIPT_FAILURES.of(counts.failed, name)
        yield metrics.SCRIPT_DROPPED.of(script.dropped, name)
        yield metrics.SCRIPT_QUEUED.of(0 if script.inbox is None else len(script.inbox), name)
        yield metrics.SCRIPT_STARTS.of(script.starts, name)
        yield metrics.SCRIPT_CRASHES.of(script.course.crashes, name)
        yield metrics.SCRIPT_ASKS.of(counts.asked, name)
        yield metrics.SCRIPT_LINES_DROPPED.of(script.log.dropped, name)
        yield metrics.SCRIPT_WAITED.of(counts.waited, name)
        if script.current is not None:
            used = resources.used(script.current.worker)
            yield metrics.SCRIPT_MEMORY.of(used.memory_bytes, name)
            yield metrics.SCRIPT_PROCESSOR.of(used.processor_s, name)
    yield metrics.SCRIPT_HELD.of(resources.held)
