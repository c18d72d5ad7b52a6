"""What did not reach the broker as it came, counted where it happens and published in the hello."""

from __future__ import annotations

from dataclasses import dataclass, field

from vms_bridge.measures import Histogram
from vms_bridge.views import Count


@dataclass(slots=True)
class Counters:
    """Counts since the bridge started; the fields' names and descriptions are those in the hello (docs/mqtt.md)."""

    states_overtaken: Count = 0
    """States that a newer one replaced before they could be sent, since the start; the newest always is."""
    messages_too_large: Count = 0
    """Messages larger than the broker takes, since the start."""
    messages_refused: Count = 0
    """States, discovery payloads and the like that the broker refused, since the start; each try counts."""
    events_refused: Count = 0
    """Event messages that the broker refused, since the start; each try counts."""
    acknowledgements_lost: Count = 0
    """Messages that the broker took and never acknowledged, since the start; they were sent again."""
    answers_lost: Count = 0
    """Answers to commands that the broker refused, or that were dropped because too many waited, since the start."""
    commands_busy: Count = 0
    """Commands that were refused because too many were under way, since the start."""
    pictures_failed: Count = 0
    """Pictures of events that could not be had or sent, since the start."""


@dataclass(slots=True)
class Timings:
    """What is measured since the bridge started, for the metrics only."""

    states: Histogram = field(default_factory=Histogram)
    """From a change in the hub until its messages were in the outbox."""
    events: Histogram = field(default_factory=Histogram)
    """From putting an event message into the outbox until the broker had acknowledged it on both topics."""
    losses: int = 0
    """How often the broker was lost."""
