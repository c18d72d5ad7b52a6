"""What calls a handler: the decorators `on`, `every`, `cron` and `at`, which `wait_for` takes too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script.checks import check_names, check_number, check_switch, check_text, check_texts
from vms_bridge.script.declared import DECLARED, Words
from vms_bridge.script.durations import Duration, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

H = TypeVar("H", bound="Callable[..., object]")

_SUN = re.compile(r"(sunrise|sunset|dawn|dusk)\s*(?:([+-])\s*(\w[\w.]*))?")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}
DEFAULT_TIMEOUT = 10.0
_LONGEST_S = 24 * 3600.0
_LONGEST_WAIT_S = 7 * 24 * 3600.0
_MOST = 50
"""How many texts an option takes."""


class When:
    """Something that happens: a decorator of what is to be called then, and something that `wait_for` waits for."""

    __slots__ = ("words",)

    def __init__(self, words: Words) -> None:
        self.words = words

    def __call__(self, handler: H) -> H:
        """Have this function called whenever it happens."""
        DECLARED.handle(self.words, handler)
        return handler

    def __repr__(self) -> str:
        return f"<{self.words.kind} {dict(self.words.filters)}>"


def _when(
    kind: str,
    filters: dict[str, Any],
    *,
    debounce: Duration = 0,
    for_: Duration = 0,
    once_per: Duration = 0,
    timeout: Duration = DEFAULT_TIMEOUT,
    concurrent: bool = False,
) -> When:
    times = {"for_": for_, "debounce": debounce, "once_per": once_per}
    for_s, debounce_s, once_per_s = (seconds(each, name, most_s=_LONGEST_WAIT_S) for name, each in times.items())
    if for_s and debounce_s:
        raise ValueError("for_ and debounce can't both be given")
    timeout_s = seconds(timeout, "timeout")
    if not 0 < timeout_s <= _LONGEST_S:
        raise ValueError(f"timeout is more than nothing and at most a day, and not {timeout!r}")
    return When(
        Words(
            kind=kind,
            filters={name: value for name, value in filters.items() if value is not None},
            debounce_s=debounce_s,
            for_s=for_s,
            once_per_s=once_per_s,
            timeout_s=timeout_s,
            concurrent=check_switch(concurrent, "concurrent"),
        )
    )


class On:
    """What can happen. Each of these is a decorator: `@on.alarm(monitor="front*", to="alarm")`.

    `monitor` and `system` are names, keys, or `system/key`, with `*` and `?`; a list means any of them. All take `timeout`
    (how long the handler may take: 10 seconds unless you say more) and `concurrent` (it may run while other handlers run).
    """

    __slots__ = ()

    def event(
        self,
        *,
        monitor: str | Sequence[str] | None = None,
        system: str | Sequence[str] | None = None,
        kind: str | Sequence[str] | None = None,
        label: str | Sequence[str] | None = None,
        zone: str | Sequence[str] | None = None,
        min_score: float | None = None,
        step: str | Sequence[str] | None = None,
        late: bool = False,
        debounce: Duration = 0,
        for_: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When there is an event that fits: called once for each event, as soon as all of this is true of it.

        With `step` it is called at each such step of its life: "new", "update", "end", "media", "deleted", or a list of these.
        `for_="10s"`: only if it goes on for so long. `late=True`: also those that happened while the bridge was not watching.
        The handler gets an `Event`.
        """
        filters = {
            **_where(monitor, system),
            "kind": check_names(kind, "kind", most=_MOST),
            "label": check_texts(label, "label", most=_MOST),
            "zone": check_texts(zone, "zone", most=_MOST),
            "min_score": check_number(min_score, "min_score", 0, 1),
            "step": check_names(step, "step", {"new", "update", "end", "media", "deleted"}),
            "late": check_switch(late, "late"),
        }
        return _when("event", filters, debounce=debounce, for_=for_, once_per=once_per, timeout=timeout, concurrent=concurrent)

    def alarm(
        self,
        *,
        monitor: str | Sequence[str] | None = None,
        system: str | Sequence[str] | None = None,
        to: str | Sequence[str] | None = None,
        from_: str | Sequence[str] | None = None,
        debounce: Duration = 0,
        for_: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When a monitor's alarm state changes: idle, prealarm, alarm, alert. No change is ever left out.

        `for_="10s"`: only when it has stayed so for that long. The handler gets an `Alarm`.
        """
        filters = {
            **_where(monitor, system),
            "to": check_names(to, "to", most=_MOST),
            "from_": check_names(from_, "from_", most=_MOST),
        }
        return _when("alarm", filters, debounce=debounce, for_=for_, once_per=once_per, timeout=timeout, concurrent=concurrent)

    def detection(
        self,
        *,
        monitor: str | Sequence[str] | None = None,
        system: str | Sequence[str] | None = None,
        label: str | Sequence[str] | None = None,
        zone: str | Sequence[str] | None = None,
        min_score: float | None = None,
        source: str | Sequence[str] | None = None,
        debounce: Duration = 0,
        for_: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When objects are seen in a frame: by the detector (`source="detector"`), or by the VMS ("vms").

        `for_="5s"`: only when they are seen for so long without a break. The handler gets a `Detection`.
        """
        filters = {
            **_where(monitor, system),
            "label": check_texts(label, "label", most=_MOST),
            "zone": check_texts(zone, "zone", most=_MOST),
            "min_score": check_number(min_score, "min_score", 0, 1),
            "source": check_names(source, "source", most=_MOST),
        }
        return _when(
            "detection", filters, debounce=debounce, for_=for_, once_per=once_per, timeout=timeout, concurrent=concurrent
        )

    def monitor_state(
        self,
        *,
        monitor: str | Sequence[str] | None = None,
        system: str | Sequence[str] | None = None,
        field: str | Sequence[str] | None = None,
        to: object = None,
        debounce: Duration = 0,
        for_: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When something about a monitor changes: `field="connected"`, "armed", a mode, ..., `to=False`.

        The handler gets a `Change`.
        """
        filters = {**_where(monitor, system), "field": check_names(field, "field", most=_MOST), "to": _scalar(to)}
        return _when(
            "monitor_state", filters, debounce=debounce, for_=for_, once_per=once_per, timeout=timeout, concurrent=concurrent
        )

    def system_state(
        self,
        *,
        system: str | Sequence[str] | None = None,
        field: str | Sequence[str] | None = None,
        to: object = None,
        debounce: Duration = 0,
        for_: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When something about a system (a VMS) changes: `field="available"`, "run_state", ... The handler gets a `Change`."""
        filters = {
            "system": check_texts(system, "system", most=_MOST),
            "field": check_names(field, "field", most=_MOST),
            "to": _scalar(to),
        }
        return _when(
            "system_state", filters, debounce=debounce, for_=for_, once_per=once_per, timeout=timeout, concurrent=concurrent
        )

    def notice(
        self,
        *,
        kind: str | Sequence[str] | None = None,
        active: bool | None = True,
        debounce: Duration = 0,
        for_: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When something is wrong, or (`active=False`) no more: "system_lost", "network", "signal_lost", "undelivered", ...

        `active=None` means both. docs/scripting-api.md has all kinds. The handler gets a `Notice`.
        """
        both = active if active is None else check_switch(active, "active")
        filters = {"kind": check_names(kind, "kind", most=_MOST), "active": [True, False] if both is None else both}
        return _when("notice", filters, debounce=debounce, for_=for_, once_per=once_per, timeout=timeout, concurrent=concurrent)

    def mqtt(
        self,
        topic: str,
        *,
        debounce: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When a message comes on that topic (with `+` and `#`), which `permissions(listen=...)` allows.

        The handler gets a `Message`.
        """
        filters = {"topic": check_text(topic, "topic", 200)}
        return _when("mqtt", filters, debounce=debounce, once_per=once_per, timeout=timeout, concurrent=concurrent)

    def webhook(
        self,
        name: str,
        *,
        debounce: Duration = 0,
        once_per: Duration = 0,
        timeout: Duration = DEFAULT_TIMEOUT,
        concurrent: bool = False,
    ) -> When:
        """When somebody calls the webhook of that name, which `permissions(webhooks=...)` allows. The handler gets a `Hook`."""
        filters = {"name": check_text(name, "name", 64)}
        return _when("webhook", filters, debounce=debounce, once_per=once_per, timeout=timeout, concurrent=concurrent)

    def startup(
        self, handler: Callable[..., object] | None = None, /, *, timeout: Duration = DEFAULT_TIMEOUT, concurrent: bool = False
    ) -> Any:  # noqa: ANN401 - the handler where it is given, as by `@on.startup`; a When where it is not
        """When the script has just been started, or started anew: `@on.startup`."""
        when = _when("startup", {}, timeout=timeout, concurrent=concurrent)
        return when if handler is None else when(handler)

    def shutdown(self, handler: Callable[..., object] | None = None, /, *, timeout: Duration = DEFAULT_TIMEOUT) -> Any:  # noqa: ANN401
        """When the script is about to be ended: put back what must not stay as it is. There are a few seconds for it."""
        when = _when("shutdown", {}, timeout=timeout)
        return when if handler is None else when(handler)

    def setting(self, *names: str, timeout: Duration = DEFAULT_TIMEOUT, concurrent: bool = False) -> When:
        """When somebody has changed one of these settings, or any where none is named. The handler gets a `SettingsChange`."""
        if len(names) > _MOST:
            raise ValueError(f"at most {_MOST} settings are named, and not {len(names)}")
        filters = {"names": [check_text(name, "the name of a setting", 64) for name in names] or None}
        return _when("setting", filters, timeout=timeout, concurrent=concurrent)

    def entity(self, key: str, *, timeout: Duration = DEFAULT_TIMEOUT, concurrent: bool = False) -> When:
        """When somebody has switched, pressed or set the script's own entity of that key. The handler gets an `EntityCommand`."""
        return _when("entity", {"key": check_text(key, "key", 64)}, timeout=timeout, concurrent=concurrent)


on = On()


def every(interval: Duration, *, timeout: Duration = DEFAULT_TIMEOUT, concurrent: bool = False) -> When:
    """Again and again, that long after the time before: `@every("30s")`."""
    interval_s = seconds(interval, "interval", most_s=_LONGEST_WAIT_S)
    if interval_s < 1:
        raise ValueError(f"every() takes at least a second, and not {interval!r}")
    return _when("every", {"seconds": interval_s}, timeout=timeout, concurrent=concurrent)


def cron(
    expression: str,
    *,
    tz: str | None = None,
    missed: str = "skip",
    timeout: Duration = DEFAULT_TIMEOUT,
    concurrent: bool = False,
) -> When:
    """By a line of cron: `@cron("30 7 * * mon-fri")` is at 7:30 on weekdays. The handler gets a `Due`.

    `tz` is a time zone such as "Europe/Berlin", else the configured one. `missed="once"`: what was due while the bridge was
    not running is made up for, once.
    """
    text = check_text(expression, "a line of cron", 200).strip()
    text = _ALIASES.get(text.lower(), text)
    if len(text.split()) != 5:
        raise ValueError(
            f'a line of cron has five fields (minute hour day month weekday), as "0 7 * * mon-fri", and not {text!r}'
        )
    filters = {"expression": text, "tz": None if tz is None else check_text(tz, "tz", 64), "missed": _missed(missed)}
    return _when("cron", filters, timeout=timeout, concurrent=concurrent)


def at(when: str, *, missed: str = "skip", timeout: Duration = DEFAULT_TIMEOUT, concurrent: bool = False) -> When:
    """Each day at that time: `@at("22:30")`, or by the sun: `@at("sunset-15m")`, "sunrise", "dawn+1h", "dusk".

    By the sun needs the place in the configuration (`scripts.location`). The handler gets a `Due`.
    """
    text = check_text(when, "a time of day", 40).strip().lower()
    if clock := _CLOCK.fullmatch(text):
        filters: dict[str, Any] = {"expression": f"{int(clock[2])} {int(clock[1])} * * *", "missed": _missed(missed)}
        return _when("cron", filters, timeout=timeout, concurrent=concurrent)
    sun = _SUN.fullmatch(text)
    if sun is None:
        raise ValueError(f'a time of day is "22:30", or "sunset-15m" (sunrise, sunset, dawn, dusk), and not {when!r}')
    offset_s = seconds(sun[3], "what is added to the sun's time") if sun[3] else 0.0
    if offset_s > 12 * 3600:
        raise ValueError(f"what is added to the sun's time is at most 12 hours, and not {sun[3]!r}")
    filters = {"event": sun[1], "offset_s": -offset_s if sun[2] == "-" else offset_s, "missed": _missed(missed)}
    return _when("sun", filters, timeout=timeout, concurrent=concurrent)


def _missed(missed: str) -> str:
    if missed not in {"skip", "once"}:
        raise ValueError(f'missed is "skip" or "once", and not {missed!r}')
    return missed


def _where(monitor: str | Sequence[str] | None, system: str | Sequence[str] | None) -> dict[str, Any]:
    return {"monitor": check_texts(monitor, "monitor", most=_MOST), "system": check_texts(system, "system", most=_MOST)}


def _scalar(value: object) -> object:
    many = value if isinstance(value, list | tuple) else [value]
    if not 1 <= len(many) <= _MOST:
        raise ValueError(f"`to` is one value, or 1 to {_MOST} of them, and not {len(many)}")
    if not all(each is None or isinstance(each, bool | int | float | str) for each in many):
        raise TypeError(f"`to` is a text, a number, True or False, or a list of these, and not {value!r}")
    return list(value) if isinstance(value, list | tuple) else value
