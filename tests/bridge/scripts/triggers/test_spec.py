from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.scripts.triggers.made import BERLIN, PERMISSIONS, said, trigger

from vms_bridge.scripts.triggers.errors import TriggerRefused
from vms_bridge.scripts.triggers.kinds import KINDS
from vms_bridge.scripts.triggers.schedule import Site
from vms_bridge.scripts.triggers.spec import MOST_TRIGGERS, read_triggers, read_wait


def refusal(words: object, site: Site = BERLIN) -> str:
    with pytest.raises(TriggerRefused) as refused:
        read_triggers(words if isinstance(words, list) else [words], PERMISSIONS, site)
    return f"{refused.value} ({refused.value.hint})"


def test_what_is_declared_is_read() -> None:
    found = trigger("event", 3, monitor="front*", label=["Person", "car"], min_score=0.6, once_per_s=60, timeout_s=30)
    assert found.filters == {"monitor": ("front*",), "label": frozenset({"person", "car"}), "min_score": 0.6}
    assert (found.id, found.handler, found.line, found.once_per_s, found.timeout_s) == (3, "on_it", 7, 60.0, 30.0)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (said("evnt"), ("line 7: on_it", "'evnt'", "is 'event' meant?")),
        (said("event", lable="person"), ("line 7: on_it", "event has no option 'lable'", "is 'label' meant?")),
        (said("event", min_score=2), ("min_score", "0 to 1")),
        (said("event", min_score=math.nan), ("min_score", "0 to 1")),
        (said("event", min_score=True), ("min_score", "0 to 1")),
        (said("event", step="begin"), ("step", "no 'begin'", "new, update, end")),
        (said("event", late=1), ("late", "True or False")),
        (said("event", monitor=[]), ("monitor", "1 to 50 texts")),
        (said("event", monitor=7), ("monitor", "a text")),
        (said("event", monitor="x" * 201), ("monitor", "200")),
        (said("event", monitor="a\nb"), ("monitor", "printable")),
        (said("alarm", to={"a": 1}), ("to",)),
        (said("monitor_state", to={"a": 1}), ("to", "texts, numbers")),
        (said("monitor_state", to=["x"] * 51), ("to", "50")),
        (said("notice", active="yes"), ("active", "True or False")),
        (said("notice", active=[True] * 3), ("active", "both")),
        (said("mqtt"), ("mqtt needs topic=",)),
        (said("mqtt", topic="home/#/x"), ("topic", "wildcards")),
        (said("mqtt", topic="garden/door"), ("may not listen to 'garden/door'", "listen=['garden/door']")),
        (said("webhook", name="door"), ("may not use 'door' of its webhooks", "webhooks=['door']")),
        (said("cron", expression="0 7 * *"), ("not five fields",)),
        (said("cron", expression="0 25 * * *"), ("no line of cron",)),
        (said("cron", expression="0 7 * * *", tz="Europe/Berln"), ("no time zone 'Europe/Berln'",)),
        (said("cron", expression="0 7 * * *", tz="../../etc/passwd"), ("no time zone",)),
        (said("cron", expression="0 7 * * *", missed="all"), ("missed", "skip, once")),
        (said("every", seconds=0), ("seconds", "0.1")),
        (said("every", seconds=math.inf), ("seconds", "0.1")),
        (said("sun", event="noon"), ("event", "sunrise")),
        (said("webhook", name="gate", for_s=5), ("for_", "does not last", "debounce")),
        (said("cron", expression="0 7 * * *", debounce_s=5), ("debounce", "cron")),
        (said("startup", once_per_s=5), ("once_per", "startup")),
        (said("alarm", for_s=5, debounce_s=5), ("for_ and debounce",)),
        (said("alarm", for_s=-1), ("for_", "greater than or equal")),
        (said("alarm", once_per_s=math.nan), ("once_per",)),
        (said("alarm", debounce_s=1e9), ("debounce", "less than or equal")),
        (said("alarm", timeout_s=0), ("timeout_s",)),
        ({**said("alarm"), "debounc_s": 4}, ("line 7: on_it", "debounc_s", "is 'debounce_s' meant?")),
        ("alarm", ("a trigger",)),
        ({"id": 1, "kind": 7, "handler": "\n", "line": -4}, ("a trigger: ", "kind")),
    ],
)
def test_what_there_is_not_is_refused_with_its_place_and_a_remedy(words: Any, says: tuple[str, ...]) -> None:  # noqa: ANN401
    told = refusal(words)
    for part in says:
        assert part in told


def test_the_sun_needs_a_place() -> None:
    assert "scripts.location" in refusal(said("sun", event="sunset"), Site())


def test_there_is_no_end_of_triggers_and_each_has_a_number_of_its_own() -> None:
    assert "at most 200" in refusal([said("alarm", number) for number in range(MOST_TRIGGERS + 1)])
    assert "same number" in refusal([said("alarm", 4), said("event", 4)])
    with pytest.raises(TriggerRefused, match="no list"):
        read_triggers({"a": 1}, PERMISSIONS, BERLIN)


def test_only_what_happens_can_be_waited_for() -> None:
    assert read_wait({"kind": "alarm", "filters": {"to": "idle"}}, PERMISSIONS, BERLIN).handler == "wait_for"
    with pytest.raises(TriggerRefused, match="nobody can wait for every"):
        read_wait(said("every", seconds=4), PERMISSIONS, BERLIN)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
options = sorted({option for kind in KINDS.values() for option in kind.filters})


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)) | st.text(max_size=9),
    filters=st.dictionaries(st.sampled_from(options) | st.text(max_size=9), json, max_size=4),
    more=st.dictionaries(st.sampled_from(["id", "handler", "line", "debounce_s", "for_s", "timeout_s", "concurrent"]), json),
)
def test_whatever_a_worker_says_is_read_or_refused(kind: str, filters: dict[str, object], more: dict[str, object]) -> None:
    try:
        found = read_triggers([{"kind": kind, "filters": filters, **more}], PERMISSIONS, BERLIN)
    except TriggerRefused:
        return
    assert found[0].kind in KINDS
    assert len(found) == 1


def test_the_cost_of_names_with_wildcards_is_bounded() -> None:
    for names, says in (
        (["a*" * 9], "a name has 8 wildcards at most"),
        (["front" * 20 + "*"] * 6, "500 characters together"),
    ):
        with pytest.raises(TriggerRefused, match=says):
            read_wait(said("alarm", monitor=names), PERMISSIONS, BERLIN)
    assert read_wait(said("alarm", monitor=["f" * 200] * 50), PERMISSIONS, BERLIN).filters["monitor"]
    many = [said("alarm", number, monitor=["front" * 10 + "*"] * 9) for number in range(12)]
    with pytest.raises(TriggerRefused, match="5000 characters together"):
        read_triggers(many, PERMISSIONS, BERLIN)
    assert read_triggers(many[:10], PERMISSIONS, BERLIN)
