"""HTTP, secrets, MQTT, notifications and entities: what is asked for, and what is refused before it is."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge import script
from vms_bridge.script import Failed, Media, entity, http, mqtt, notify, permissions, secret
from vms_bridge.script.declared import DECLARED, MOST_ENTITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.script_link import FakeLink

api: Any = script
"""As an author has it whose editor does not look at types."""
URL = "https://api.example/open"


async def test_requests_and_their_answers(link: FakeLink) -> None:
    link.answers["http.request"] = {"status": 200, "headers": {"Content-Type": "application/json"}}
    link.blobs["http.request"] = b'{"a": 1}'
    answer = await http.get(
        URL, params={"door": ["1", "2"]}, headers={"Authorization": "Bearer " + secret("token")}, timeout="5s"
    )
    hidden = {"secret": "token", "prefix": "Bearer ", "suffix": ""}
    expected = {"method": "GET", "url": f"{URL}?door=1&door=2", "headers": {"Authorization": hidden}, "timeout_s": 5}
    assert link.last == ("http.request", expected)
    assert (answer.status, answer.ok, answer.json(), answer.text(), answer.bytes) == (
        200,
        True,
        {"a": 1},
        '{"a": 1}',
        b'{"a": 1}',
    )
    assert answer.headers == {"content-type": "application/json"}
    assert answer.check() is answer
    link.answers["http.request"] = {"status": 503}
    with pytest.raises(Failed, match="the server answers 503"):
        (await http.delete(URL)).check()


async def test_what_is_sent(link: FakeLink) -> None:
    link.answers["http.request"] = {"status": 204}
    await http.post(URL, json={"open": True})
    assert link.last[1]["json"] == {"open": True}
    await http.put(f"{URL}?a=1", data={"a": "ä"}, params={"b": 2})
    assert link.last[1]["url"] == f"{URL}?a=1&b=2"
    assert (link.last[1]["headers"], link.data[-1]) == ({"Content-Type": "application/x-www-form-urlencoded"}, b"a=%C3%A4")
    await http.post(URL, data="text", headers={"content-type": "text/csv"})
    assert (link.last[1]["headers"], link.data[-1]) == ({"content-type": "text/csv"}, b"text")
    await http.request("PATCH", URL, data=b"\x00")
    assert (link.last[1]["headers"], link.data[-1]) == ({}, b"\x00")
    link.held["http.request"] = []
    asked = http.post(URL, file=Media({"id": 4}))
    assert link.last[1]["media"] == 4  # which is not let go of while it is sent
    link.held.pop("http.request")[0].set_result(None)
    asked.result()
    del asked
    gc.collect()
    assert link.last == ("media.drop", {"media": 4})


def test_secrets_are_never_seen() -> None:
    token = "a " + secret("token", suffix="!") + "?"
    assert token.plain() == {"secret": "token", "prefix": "a ", "suffix": "!?"}
    assert repr(token) == "<secret 'token'>"
    assert secret("token", user="me").plain() == {"secret": "token", "user": "me"}
    with pytest.raises(TypeError, match="can't stand in a text"):
        f"Bearer {token}"


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lambda: api.http.get("api.example"), ValueError, "url is whole"),
        (lambda: api.http.get("file:///etc/passwd"), ValueError, "url is whole"),
        (lambda: api.http.get(None), TypeError, "url is a text"),
        (lambda: api.http.request("GOT", URL), ValueError, "did you mean 'GET'"),
        (lambda: api.http.get(URL, timeout="2m"), ValueError, "at most 60 s"),
        (lambda: api.http.post(URL, json=1, data="x"), TypeError, "one of json, data and file"),
        (lambda: api.http.post(URL, json=object()), TypeError, "object has no form in JSON"),
        (lambda: api.http.post(URL, data=5), TypeError, "data is a text, bytes"),
        (lambda: api.http.post(URL, file=b"x"), TypeError, "file is a picture or clip"),
        (lambda: api.http.get(URL, headers={"a": None}), TypeError, "header a is a text"),
        (lambda: api.http.get(URL, headers={"a": "b\r\nc: d"}), ValueError, "header a has one line"),
        (lambda: api.secret(""), ValueError, "the name of a secret is empty"),
        (lambda: api.secret("a", user="u", prefix="p"), TypeError, "with `user`"),
        (lambda: api.mqtt.publish("a/+"), ValueError, r"without \+ and #"),
        (lambda: api.mqtt.publish("a", qos=2), ValueError, "qos is 0 or 1"),
        (lambda: api.mqtt.publish("a", object()), TypeError, "payload: object has no form"),
        (lambda: api.notify(""), ValueError, "message is empty"),
        (lambda: api.notify("a", media=b""), TypeError, "media is a picture"),
        (lambda: api.entity.sensor("Über"), ValueError, "the key of an entity"),
        (lambda: api.entity.sensor("a", category="x"), ValueError, "category is config or diagnostic"),
        (lambda: api.entity.sensor("a", unit=5), TypeError, "unit is a text"),
        (lambda: api.entity.number("a", min=5, max=5), ValueError, "min is less than max"),
        (lambda: api.entity.select("a", "on"), TypeError, "options is a list"),
        (lambda: api.entity.button("a").set(1), TypeError, "a button has no value"),
        (lambda: api.entity.event("a", ["x"]).set(1), TypeError, r"fire\(\) it"),
        (lambda: api.entity.sensor("a").fire("x"), TypeError, "only an event entity"),
        (lambda: api.entity.sensor("a").set([1]), TypeError, "a value is a number"),
        (lambda: api.permissions(http="https://x/*"), TypeError, r"http is a list of texts: http=\['https://x/\*'\]"),
        (lambda: api.permissions(monitors=[5]), TypeError, "monitors is a text"),
        (lambda: api.permissions(notify="yes"), TypeError, "notify is True or False"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_sent(
    link: FakeLink, wrong: Callable[[], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        wrong()
    assert not link.asked


async def test_messages(link: FakeLink) -> None:
    await mqtt.publish("home/gate", {"open": True}, retain=True, qos=0)
    assert (link.last, link.data[-1]) == (("mqtt.publish", {"topic": "home/gate", "retain": True, "qos": 0}), b'{"open": true}')
    await mqtt.publish("home/gate", b"\x00")
    assert link.data[-1] == b"\x00"
    link.answers["notify.send"] = {"by": "home_assistant", "targets": ["phone"]}
    picture = Media({"id": 1})
    told = await notify("Gate", title="Open", targets="phone", media=picture, data={"url": "/x"})
    assert (told.by, told.targets, told.detail) == ("home_assistant", ["phone"], None)
    assert link.last[1] == {"message": "Gate", "title": "Open", "targets": ["phone"], "media": 1, "data": {"url": "/x"}}


async def test_entities_are_declared_with_the_rest_or_by_themselves(link: FakeLink) -> None:
    permissions(entities=True)
    made = [
        entity.sensor("count", name="People", unit="p", device_class="x", icon="mdi:a", category="diagnostic"),
        entity.binary_sensor("open", device_class="door"),
        entity.switch("siren"),
        entity.button("ring"),
        entity.number("limit", min=1, max=9, step=0.5, unit="s"),
        entity.select("mode", ["day", "night"]),
        entity.text("note"),
        entity.event("bell", ["ring", "knock"]),
    ]
    said = DECLARED.said()["entities"]
    assert [(each["kind"], each["key"], each["name"]) for each in said][:2] == [
        ("sensor", "count", "People"),
        ("binary_sensor", "open", "Open"),
    ]
    assert said[4] == {"kind": "number", "key": "limit", "name": "Limit", "min": 1, "max": 9, "step": 0.5, "unit": "s"}
    assert said[5]["options"] == ["day", "night"]
    assert not link.asked
    await made[0].set(3, {"by": "gate"})
    assert link.last == ("entity.state", {"key": "count", "value": 3, "attributes": {"by": "gate"}})
    await made[7].fire("ring")
    assert link.last == ("entity.state", {"key": "bell", "value": "ring"})
    with pytest.raises(ValueError, match="an entity 'count' already"):
        entity.text("count")
    DECLARED.is_closed = True
    await made[0].withdraw()
    entity.sensor("count")
    assert [what for what, _ in link.asked[-2:]] == ["entity.withdraw", "entity.declare"]
    with pytest.raises(RuntimeError, match="at the top level"):
        permissions()
    for number in range(MOST_ENTITIES - len(DECLARED.entities)):
        entity.text(f"e{number}")
    with pytest.raises(ValueError, match="at most 50 entities"):
        entity.text("more")
