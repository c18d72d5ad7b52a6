"""Topic names, topic filters and who has subscribed to what (MQTT 5, section 4.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LEVELS = 128

_Subscriber = TypeVar("_Subscriber")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a subscription gives; options as in MQTT 5."""

    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False


def is_topic(topic: str) -> bool:
    """Say whether a message can be published to this."""
    return bool(topic) and "+" not in topic and "#" not in topic and topic.count("/") < MAX_LEVELS


def is_filter(topic_filter: str) -> bool:
    """Say whether one can subscribe to this."""
    levels = topic_filter.split("/")
    if not topic_filter or len(levels) > MAX_LEVELS or "#" in levels[:-1]:
        return False
    return not any(len(level) > 1 and ("+" in level or "#" in level) for level in levels)


def matches(topic_filter: str, topic: str) -> bool:
    """Say whether the filter covers the topic; a leading wildcard does not cover topics that begin with `$`."""
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        levels = levels[: len(wanted)] if len(levels) >= len(wanted) else levels
    return len(wanted) == len(levels) and all(want in {"+", level} for want, level in zip(wanted, levels, strict=True))


@dataclass(slots=True)
class _Node(Generic[_Subscriber]):
    children: dict[str, _Node[_Subscriber]] = field(default_factory=dict)
    grants: dict[_Subscriber, Grant] = field(default_factory=dict)


class Subscriptions(Generic[_Subscriber]):
    """Who has subscribed to what, in a tree of levels: the cost of a match grows with a topic's depth only."""

    def __init__(self) -> None:
        self._root: _Node[_Subscriber] = _Node()

    def add(self, subscriber: _Subscriber, topic_filter: str, grant: Grant) -> bool:
        """Subscribe; says whether this subscription is new rather than a replacement."""
        node = self._root
        for level in topic_filter.split("/"):
            node = node.children.setdefault(level, _Node())
        is_new = subscriber not in node.grants
        node.grants[subscriber] = grant
        return is_new

    def remove(self, subscriber: _Subscriber, topic_filter: str) -> bool:
        """Unsubscribe; says whether there was such a subscription."""
        path = [self._root]
        levels = topic_filter.split("/")
        for level in levels:
            child = path[-1].children.get(level)
            if child is None:
                return False
            path.append(child)
        existed = path[-1].grants.pop(subscriber, None) is not None
        for parent, level, child in zip(reversed(path[:-1]), reversed(levels), reversed(path[1:]), strict=True):
            if child.children or child.grants:
                break
            del parent.children[level]
        return existed

    def match(self, topic: str, sender: _Subscriber | None = None) -> dict[_Subscriber, Grant]:
        """Return who is to get a message, once each, with the best of overlapping grants."""
        found: dict[_Subscriber, Grant] = {}
        for node in self._nodes(topic):
            for subscriber, grant in node.grants.items():
                if grant.no_local and subscriber is sender:
                    continue
                known = found.get(subscriber)
                found[subscriber] = grant if known is None else _better(known, grant)
        return found

    def _nodes(self, topic: str) -> Iterator[_Node[_Subscriber]]:
        nodes = [self._root]
        is_system = topic.startswith("$")
        for depth, level in enumerate(topic.split("/")):
            deeper: list[_Node[_Subscriber]] = []
            wildcards = not (is_system and depth == 0)
            for node in nodes:
                children = node.children
                if level in children:
                    deeper.append(children[level])
                if wildcards and "+" in children:
                    deeper.append(children["+"])
                if wildcards and "#" in children:
                    yield children["#"]
            nodes = deeper
            if not nodes:
                return
        for node in nodes:
            yield node
            if "#" in node.children:  # `a/#` covers `a` too
                yield node.children["#"]


def _better(one: Grant, other: Grant) -> Grant:
    return Grant(qos=max(one.qos, other.qos), retain_as_published=one.retain_as_published or other.retain_as_published)
