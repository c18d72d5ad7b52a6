"""How a part of the bridge publishes to an MQTT broker and hears what others publish, whoever it is that speaks MQTT.

One carrier speaks it, by the link that it has anyway; parts ask the hub. What is the bridge's own, and Home Assistant's
discovery, is not theirs: nothing is published there, and nothing that comes from there is handed to them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Value = TypeVar("_Value")
MOST_TOPIC_CHARACTERS = 512
MOST_PAYLOAD_BYTES = 256 * 1024
"""The largest message that is handed to a part."""
MOST_PUBLISHED_BYTES = 64 * 1024
"""The largest that is published for one: on a connection nothing overtakes it, and an alarm may be next."""
ALWAYS_RESERVED = ("vms_bridge", "homeassistant")
"""What all topics of bridges and of discovery begin with; a carrier adds what is configured beside it."""


class MessagingUnavailable(BridgeError):
    """Nobody speaks MQTT here, or the broker is away, or has not answered; it may be tried again."""

    code = "unavailable"


class MessageRefused(BridgeError):
    """There can be no such message or filter, or it is not for others, or the broker does not take it."""

    code = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message that somebody has published; `is_retained` if the broker had kept it from before."""

    topic: str
    payload: bytes
    is_retained: bool = False


class Listening(Protocol):
    """Somebody's wish to hear what is published."""

    def close(self) -> None:
        """Hear no more."""


class Carrier(Protocol):
    """Who speaks MQTT for the others."""

    @property
    def reserved(self) -> tuple[str, ...]:
        """What topics begin with that are not for others, beside those that never are."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:
        """Publish for this one, and return once the broker has it.

        Raises MessagingUnavailable, MessageRefused, TooManyRequests.
        """

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        """Have all that matches these, and nothing else, brought from now on; of one of them what is retained once more."""


class Messaging(Protocol):
    """What the hub offers of MQTT."""

    @property
    def is_there(self) -> bool:
        """Whether anybody speaks MQTT here; its broker may be away all the same."""

    @property
    def reserved(self) -> tuple[str, ...]:
        """What topics begin with that are the bridge's own, or of discovery."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, sender: str = "") -> None:
        """Publish with QoS 1 for this one, and return once the broker has it: nothing waits for one that is away.

        It goes when nothing of the bridge's own waits; those who send take turns.

        Raises MessageRefused (a reserved topic, none at all, too large, or the broker does not want it), MessagingUnavailable
        (nobody speaks MQTT, the broker is away or does not answer), TooManyRequests.
        """

    def listen(self, topic_filter: str, heard: Callable[[Heard], None]) -> Listening:
        """Have this called for what is published from now on, and for what is retained; also after a loss of the broker.

        A retained message comes once, and again only where it has changed. What comes too fast, or is too large, is passed
        over. Raises MessageRefused for a filter that is none or leads to what is reserved, TooManyRequests.
        """

    def carry(self, carrier: Carrier) -> Callable[[], None]:
        """Have this carry what others publish and want to hear; what is returned ends that."""

    def heard(self, message: Heard) -> None:
        """Take what the carrier has heard, and hand it to who wants it."""


def topic_mistake(topic: str) -> str | None:
    """Say why nobody can publish on this topic; None where one can."""
    if "+" in topic or "#" in topic:
        return "a topic to publish on has no wildcard"
    return _mistake(topic)


def filter_mistake(topic_filter: str) -> str | None:
    """Say why this is no filter of topics; None where it is one."""
    levels = topic_filter.split("/")
    for at, level in enumerate(levels):
        if ("#" in level and (level != "#" or at != len(levels) - 1)) or ("+" in level and level != "+"):
            return "the wildcards of a filter are whole levels, `+` anywhere and `#` as the last"
    return _mistake(topic_filter)


def reserved_mistake(topic_or_filter: str, reserved: Iterable[str] = ALWAYS_RESERVED) -> str | None:
    """Say why this is not for others: it leads to what is the broker's own, or reserved; None where it is."""
    first = topic_or_filter.partition("/")[0]
    if first.startswith("$"):
        return "topics that begin with $ are the broker's own"
    if first in {"+", "#"}:
        return "a filter's first level is a name, so that it can't lead to the bridge's own topics"
    for root in reserved:
        if overlaps(f"{root}/#", topic_or_filter):
            return f"what begins with {root} is the bridge's own, or Home Assistant's discovery"
    return None


def matches(topic_filter: str, topic: str) -> bool:
    """Say whether a filter finds a topic, as MQTT has it."""
    return covers(topic_filter, topic)


def covers(topic_filter: str, other: str) -> bool:
    """Say whether all that the other filter, or topic, finds is found by this filter too."""
    if other.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    for ours, theirs in zip_longest(topic_filter.split("/"), other.split("/")):
        if ours == "#":
            return True
        if ours is None or theirs in {None, "#"} or ours not in {"+", theirs}:
            return False
    return True


class FilterTree(Generic[_Value]):
    """Filters, each with a value: those that find a topic are found by its levels, however many others there are."""

    def __init__(self) -> None:
        self._top: _Node[_Value] = _Node()

    def __setitem__(self, topic_filter: str, value: _Value) -> None:
        node = self._top
        for level in topic_filter.split("/"):
            node = node.below.setdefault(level, _Node())
        node.values = [value]

    def __delitem__(self, topic_filter: str) -> None:
        path, node = [], self._top
        for level in topic_filter.split("/"):
            path.append((node, level))
            node = node.below[level]
        node.values = []
        for above, level in reversed(path):
            if above.below[level].values or above.below[level].below:
                break
            del above.below[level]

    def finding(self, topic: str) -> list[_Value]:
        """Return the values of all filters that find this topic, as `matches` has it."""
        found: list[_Value] = []
        nodes = [self._top]
        has_wildcards = not topic.startswith("$")
        for level in topic.split("/"):
            found += _values(nodes, "#") if has_wildcards else ()
            wanted = (level, "+") if has_wildcards else (level,)
            nodes = [node.below[each] for node in nodes for each in wanted if each in node.below]
            has_wildcards = True
            if not nodes:
                return found
        return [*found, *_values(nodes, "#"), *(value for node in nodes for value in node.values)]


@dataclass(slots=True)
class _Node(Generic[_Value]):
    """A level of filters; `values` has the value of the filter that ends here, or none."""

    below: dict[str, _Node[_Value]] = field(default_factory=dict)
    values: list[_Value] = field(default_factory=list)


def _values(nodes: Iterable[_Node[_Value]], level: str) -> list[_Value]:
    return [value for node in nodes if level in node.below for value in node.below[level].values]


def overlaps(one: str, other: str) -> bool:
    """Say whether a topic can be found by both filters."""
    for ours, theirs in zip_longest(one.split("/"), other.split("/")):
        if "#" in {ours, theirs}:
            return True
        if None in {ours, theirs} or ("+" not in {ours, theirs} and ours != theirs):
            return False
    return True


def _mistake(text: str) -> str | None:
    if not 1 <= len(text) <= MOST_TOPIC_CHARACTERS:
        return f"a topic has 1 to {MOST_TOPIC_CHARACTERS} characters"
    if not text.isprintable():  # neither are surrogates, which UTF-8 can't say
        return "a topic has printable characters only"
    return None
