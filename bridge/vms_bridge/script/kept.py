"""What a script remembers when it is started anew: texts, numbers, lists and dicts, kept by the bridge."""

from __future__ import annotations

import json
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script.asked import ask, given, nothing
from vms_bridge.script.checks import check_text
from vms_bridge.script.declared import handler_shape
from vms_bridge.script.durations import Duration, seconds
from vms_bridge.script.link import SEAT
from vms_bridge.script.plain import plain_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vms_bridge.script.asked import Asked

W = TypeVar("W", bound="Callable[..., object]")

LONGEST_KEY = 200
MOST_BYTES = 512 * 1024
"""Of one value, as JSON."""


class State(MutableMapping[str, Any]):
    """What is remembered: `state["count"] = 3`, `state.get("count", 0)`, `del state["count"]`.

    Values are JSON. What you get is a copy: after changing a list, assign it anew. The bridge bounds how much is kept in all.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._watchers: list[tuple[str, Callable[..., object], bool]] = []
        self._lock = threading.Lock()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - JSON
        text = self._texts.get(key)
        if text is None:
            raise KeyError(key)
        return json.loads(text)

    def __setitem__(self, key: str, value: Any) -> None:  # noqa: ANN401
        self.set(key, value)

    def __delitem__(self, key: str) -> None:
        with self._lock:
            if self._texts.pop(key, None) is None:
                raise KeyError(key)
        ask("state.delete", {"key": key}, nothing)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._texts))

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def set(self, key: str, value: Any, *, ttl: Duration | None = None) -> Asked[None]:  # noqa: ANN401
        """Remember that; `await` it to be sure that it is kept. `ttl`: forget it after so long."""
        check_text(key, "a key of state", LONGEST_KEY)
        plain = plain_words(value, f"state[{key!r}]")
        text = json.dumps(plain, ensure_ascii=False)
        if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
            raise ValueError(f"state[{key!r}] has at most {MOST_BYTES // 1024} KB as JSON, and not {len(text) // 1024}")
        ttl_s = None if ttl is None else seconds(ttl, "ttl")
        asked = ask("state.set", {"key": key, "value": plain, **given(ttl_s=ttl_s)}, nothing)
        with self._lock:
            before = self._texts.get(key)
            self._texts[key] = text
        asked.if_it_fails(lambda: self._back(key, text, before))
        return asked

    def ttl(self, key: str, value: Any, duration: Duration) -> Asked[None]:  # noqa: ANN401
        """Remember that, and forget it after so long: `state.ttl("greeted", True, "1h")`."""
        return self.set(key, value, ttl=duration)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._texts.clear()
        ask("state.clear", {}, nothing)

    def watch(self, key: str) -> Callable[[W], W]:
        """Call this function when somebody else changes that value: an administrator, or its time has come.

        `@state.watch("mode")`; the function gets the value, None where it is gone, or nothing if it takes nothing.
        """
        check_text(key, "a key of state", LONGEST_KEY)

        def watching(handler: W) -> W:
            takes, _ = handler_shape(handler)
            self._watchers.append((key, handler, takes))
            return handler

        return watching

    def _back(self, key: str, text: str, before: str | None) -> None:
        """Put back what was there, where the bridge has not kept what came after."""
        with self._lock:
            if self._texts.get(key) != text:
                return
            if before is None:
                del self._texts[key]
            else:
                self._texts[key] = before

    def __repr__(self) -> str:
        return f"<state {', '.join(list(self._texts)[:20])}>"


state = State()


def load(data: bytes) -> None:
    """Have this JSON object be what is remembered: for the worker."""
    found: Mapping[str, Any] = json.loads(data) if data else {}
    state._texts.update({str(key): json.dumps(value, ensure_ascii=False) for key, value in found.items()})  # noqa: SLF001


def change(values: Mapping[str, Any], absent: Sequence[str]) -> None:
    """Take what others have changed, and call who watches that: for the worker."""
    after: dict[str, Any] = {**values, **dict.fromkeys(absent)}
    for key, value in after.items():
        with state._lock:  # noqa: SLF001
            if key in values:
                state._texts[key] = json.dumps(value, ensure_ascii=False)  # noqa: SLF001
            else:
                state._texts.pop(key, None)  # noqa: SLF001
        for watched, handler, takes in state._watchers:  # noqa: SLF001
            if watched == key and SEAT.link is not None:
                SEAT.link.run(handler, (value,) if takes else ())
