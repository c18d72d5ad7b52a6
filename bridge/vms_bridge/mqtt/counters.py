"""What did not reach the broker as it came, counted where it happens and told in the hello."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Counts since the bridge started; the fields' names are those in the hello (docs/mqtt.md)."""

    states_overtaken: int = 0
    """States that a newer one of the same topic replaced before they could be sent."""
    messages_too_large: int = 0
    """Messages larger than the broker takes."""
    messages_refused: int = 0
    """States, discovery payloads and the like that the broker refused; each try counts."""
    events_refused: int = 0
    """Event messages that the broker refused on every topic; each try counts."""
    acknowledgements_lost: int = 0
    """Messages that the broker took without ever acknowledging them; they were sent again."""
    answers_lost: int = 0
    """Answers to commands that the broker refused, or that were dropped because too many waited for it."""
    commands_busy: int = 0
    """Commands that were refused because too many were under way."""
    pictures_failed: int = 0
    """Pictures that could not be had, or that the broker does not take."""
