"""The table of everything that the bridge counts and measures: one row each, from which docs/metrics.md is made.

Names follow Prometheus' conventions: base units, `_total` for what only grows. A label has few values, and none that a stranger
can make up: keys of the configuration, words of the bridge's own, and keys of monitors, of which there are a bounded number.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.measures import Metric, MetricKind

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_MONITORS = 256
"""Of how many monitors, of all systems, each has numbers of its own."""


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=f"vms_bridge_{name}_total", kind=MetricKind.COUNTER, meaning=meaning, labels=labels)


def _gauge(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=f"vms_bridge_{name}", kind=MetricKind.GAUGE, meaning=meaning, labels=labels)


def _seconds(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name=f"vms_bridge_{name}_seconds", kind=MetricKind.HISTOGRAM, meaning=meaning, labels=labels)


INFO = _gauge("info", "Who the bridge is; always 1", "version", "bridge", "bridge_id")
PROBLEM = _gauge("problem", "1 while something about the bridge itself is not as it should be: `health` says what")
NOTICES = _gauge("notices", "What people should know of now", "kind")
CLAIMS = _gauge("discovery_claims", "Who has the devices by another way than MQTT discovery")
UNDELIVERED = _gauge(
    "undelivered_messages", "Event messages that not every durable sink has confirmed 10 s after they were stored"
)
GIVEN_UP = _counter(
    "given_up_messages", "Event messages that grew too old, or too many, before each durable sink had confirmed them"
)
EVENT_MESSAGES = _counter("event_messages", "Event messages that were stored", "system", "type", "late")
STORE = _seconds(
    "store_transaction_duration", "From asking the store for a transaction until it was done, the wait for its turn included"
)
LOOP = _seconds("loop_delay", "How late the event loop woke a timer, tried once a second: what blocks it delays everything")

SYSTEM_AVAILABLE = _gauge("system_available", "1 while the VMS can be asked", "system")
SYSTEM_LOSSES = _counter("system_losses", "How often the VMS could be asked no more", "system")
SYSTEM_LOAD = _gauge("system_load", "The load average of the VMS's host, where the VMS says it", "system")
SYSTEM_MONITORS = _gauge("system_monitors", "Monitors that are shown", "system")
SYSTEM_MONITORS_AVAILABLE = _gauge("system_monitors_available", "Monitors whose state can be learnt", "system")
SYSTEM_MONITORS_IN_ALARM = _gauge("system_monitors_in_alarm", "Monitors that are in alarm", "system")
SYSTEM_MONITORS_WITHOUT_SIGNAL = _gauge("system_monitors_without_signal", "Monitors that deliver no pictures", "system")
VMS_REQUESTS = _seconds(
    "vms_request_duration",
    "From a request to the VMS until its answer, or the answer's head, had come",
    "system",
    "transfer",
    "outcome",
)
VMS_ALLOWED = _gauge(
    "vms_requests_allowed", "How many requests beyond the regular ones the VMS may be asked at once now", "system", "purpose"
)
COMMANDS = _seconds(
    "command_duration", "From a command until what became of it was known, the wait for its turn included", "command", "result"
)

LIVE_SOURCES = _gauge("live_sources", "Live videos that are read now: each is a process, or a connection to the VMS", "system")
LIVE_VIEWERS = _gauge("live_viewers", "Who looks at live videos now", "system")
CLIPS = _gauge("clips", "Clips of several events, or of single pictures, that are there or being made")
CLIPS_BYTES = _gauge("clips_spool_bytes", "How much of the disk they take, or may yet take")

INDEX_EVENTS = _gauge("index_events", "Events that can be searched", "system")
INDEX_EXPECTED = _gauge("index_expected_events", "Events that the VMS says to have, where it does", "system")
INDEX_COMPLETE = _gauge("index_complete", "1 once all that the VMS had is in the index", "system")
INDEX_SEARCHES = _seconds("index_search_duration", "From a question to the index until its answer", "question")

MONITOR_AVAILABLE = _gauge("monitor_available", "1 while the monitor's state can be learnt", "system", "monitor")
MONITOR_CONNECTED = _gauge(
    "monitor_connected",
    "1 while the camera delivers pictures; missing where that is unknown, or it is not meant to",
    "system",
    "monitor",
)
MONITOR_ALARM = _gauge("monitor_alarm", "1 while it is in alarm; missing where that is unknown", "system", "monitor")
MONITOR_FPS = _gauge(
    "monitor_capture_frames_per_second", "Frames that are captured, where the VMS says that", "system", "monitor"
)
MONITOR_LAG = _gauge("monitor_path_lag_seconds", "How late the path is at worst by which alarm states come", "system", "monitor")
MONITORS_LEFT_OUT = _gauge("monitors_left_out", f"Monitors without numbers of their own, for there are more than {MOST_MONITORS}")

SINK_CONNECTED = _gauge(
    "sink_connected", "1 while the sink can serve: MQTT has its broker, the event log its file, the API its port", "sink"
)
SINK_LOSSES = _counter("sink_losses", "How often that was lost", "sink")
SINK_RESTARTS = _counter("sink_restarts", "How often the sink failed and was started anew", "sink")
SINK_STATES = _seconds(
    "sink_state_delay", "From a change in the hub until the sink had made its messages of it and handed them on", "sink"
)
SINK_EVENTS = _seconds(
    "sink_event_confirmation",
    "From handing an event message on until it was confirmed: by the broker on both topics, by the file as written",
    "sink",
)
SINK_QUEUE = _gauge("sink_queue_length", "Messages that wait in the sink", "sink", "queue")
MQTT_UNACKNOWLEDGED = _gauge(
    "mqtt_unacknowledged_messages", "Messages on their way to the broker that it has not acknowledged yet"
)
MQTT_MISHAPS = _counter(
    "mqtt_mishaps", "What did not reach the broker as it came, by the names that `health` has for it", "mishap"
)
EVENT_LOG_LINES = _counter("event_log_lines", "Lines that the event log has written")

API_REQUESTS = _counter("api_requests", "Requests that were answered, those that were refused too", "route", "status")
API_DURATION = _seconds(
    "api_request_duration", "From a request until its answer, where that is made whole before it is sent", "route"
)
API_CONNECTIONS = _gauge("api_connections", "Open connections; a stranger is who has shown no token yet", "door", "who")
API_REFUSED = _counter(
    "api_connections_refused", "Connections that were refused or ended for want of room, a token or a reader", "reason"
)
API_WEBSOCKETS = _gauge("api_websockets", "WebSockets of clients that have come in")

DETECTION_LOOKS = _seconds(
    "detection_look_duration", "From when a picture was there, or asked for, until it was known what is in it", "pictures"
)
DETECTION_QUEUE = _gauge("detection_queue_length", "Events that are looked at, and live pictures that wait", "pictures")
DETECTION_EVENTS = _counter("detection_events", "Events that were looked at to their end")
DETECTION_LEFT_OUT = _counter("detection_left_out", "Events and pictures that were not looked at, or in vain", "why")
DETECTION_INFERRED = _counter("detection_inferences", "Pictures that a model has looked at, by the process that runs now")
DETECTION_RESTARTS = _counter("detection_restarts", "How often the process that runs the models had to be started anew")
DETECTION_MEMORY = _gauge("detection_resident_memory_bytes", "Memory that the process has in use which runs the models")
DETECTION_BUSY = _counter("detection_busy_seconds", "How long pictures were with the models, in all", "system", "monitor")
SCRIPT_READY = _gauge("script_ready", "1 while a version of the script is at work", "script")
SCRIPT_CALLS = _counter("script_calls", "Calls of a script's handlers", "script")
SCRIPT_FAILURES = _counter("script_failures", "Calls that have raised an exception, or took too long", "script")
SCRIPT_DROPPED = _counter("script_dropped", "What a script was not told of, for it was too slow or ended before", "script")
SCRIPT_QUEUED = _gauge("script_queued", "What waits to be told to a script", "script")
SCRIPT_STARTS = _counter("script_starts", "How often a process was started for a script", "script")
SCRIPT_CRASHES = _counter("script_crashes", "How often the process of a script has ended unasked", "script")
SCRIPT_ASKS = _counter("script_asks", "What a script has asked the bridge for", "script")
SCRIPT_LINES_DROPPED = _counter("script_lines_dropped", "Lines of a script's log that were too many", "script")
SCRIPT_WAITED = _seconds("script_delivery", "From a change to the call of a handler for it", "script")
SCRIPT_MEMORY = _gauge("script_memory_bytes", "Memory of a script's process that it shares with no other", "script")
SCRIPT_PROCESSOR = _counter("script_processor_seconds", "What a script's process that runs now has used of processors", "script")
SCRIPT_HELD = _counter("script_holds", "How often a script was held up for using more than its share of the processor")

METRICS = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in their order."""

PROCESS: Mapping[str, tuple[MetricKind, str]] = {
    "process_cpu_seconds_total": (MetricKind.COUNTER, "Processor time of the bridge's process"),
    "process_resident_memory_bytes": (MetricKind.GAUGE, "Memory that it has in use"),
    "process_virtual_memory_bytes": (MetricKind.GAUGE, "Memory that it has reserved"),
    "process_start_time_seconds": (MetricKind.GAUGE, "When it was started, in seconds since 1970"),
    "process_open_fds": (MetricKind.GAUGE, "Files and sockets that it has open"),
    "process_max_fds": (MetricKind.GAUGE, "How many it may have open"),
}
"""What prometheus-client itself says of the process."""

LABELS: Mapping[str, str] = {
    "bridge": "the configuration's `instance`",
    "bridge_id": "the bridge's own identity",
    "command": "a command by its row in the table of commands, or `other`",
    "door": "`api` (the network), `socket`, or `hooks`",
    "kind": "a kind of notice",
    "late": "`true` for what was caught up on, else `false`",
    "mishap": "a counter of MQTT's `health`, such as `states_overtaken`",
    "monitor": f"a monitor by its key, of {MOST_MONITORS} monitors in all",
    "pictures": "`event` for frames of events, `live` for live pictures",
    "purpose": "`pages`: what was missed, and long lists; `spare`: far events, pictures, alarm states",
    "question": "`search`, `timeline` or `values`",
    "queue": (
        "for `mqtt`: `states` (newest wins), `sure_states`, `posts` (events, answers), `late_posts`,"
        " `borrowed` (of scripts, pictures), `confirmations`"
    ),
    "reason": "`crowded`, `displaced` by somebody who came later, `stranger` for 10 s, `stalled` for a minute, `link_over`",
    "result": "what became of the command, as in its answer",
    "route": "a route by its `operationId`; `none` where there is none",
    "script": "a script by its name",
    "sink": "`mqtt`, `event_log`, `api`, or another sink by its name",
    "status": "HTTP's number",
    "system": "a system by its key",
    "transfer": "`whole` answers, or those that are `streamed`: their head counts",
    "outcome": "`ok`, `refused` (4xx), `failed` (5xx), `timeout`, `unreachable`, `error`, `cancelled`",
    "type": "a step in an event's life",
    "version": "the bridge's version",
    "who": "`known` or `stranger`",
    "why": (
        "`event` (too many at a time), `dropped` for a newer picture, `still` (nothing moved), `missing` (not there yet),"
        " `refused` (can't be read), `failed`"
    ),
}
"""What each label may say."""
_BEGINS, _ENDS = "<!-- metrics -->", "<!-- end of metrics -->"


def table() -> str:
    """Return all of them and their labels, as Markdown."""
    rows = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning} |")
    rows += [f"| `{name}` | {kind} |  | {meaning} |" for name, (kind, meaning) in PROCESS.items()]
    rows += ["", "| label | what it says |", "|---|---|"]
    rows += [f"| `{label}` | {meaning} |" for label, meaning in sorted(LABELS.items())]
    return "\n".join(rows)


def with_table(page: str) -> str:
    """Return the page with the table in its place."""
    before, _, rest = page.partition(_BEGINS)
    return f"{before}{_BEGINS}\n{table()}\n{_ENDS}{rest.partition(_ENDS)[2]}"


if __name__ == "__main__":
    _page = Path(sys.argv[1])
    _page.write_text(with_table(_page.read_text(encoding="utf-8")), encoding="utf-8")
