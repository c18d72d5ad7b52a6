"""Answers that are right but not clean, and some that are neither."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder import KIND
from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.commands import VmsTarget
from vms_bridge.errors import VmsProtocolError, VmsUnreachable
from vms_bridge.zoneminder import DatabaseDown, EmptyAnswer
from vms_bridge.zoneminder.answers import NotJson, UnfitJson, decode

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

DEPRECATED = (
    b"<br />\n<b>Deprecated</b>:  Return type of ZM\\Monitor::offsetGet($x) should be [mixed]"
    b" in <b>/usr/share/zm/{Monitor}.php</b> on line <b>19</b><br />\n"
)
PLAIN = b'\nWarning: Undefined array key "Id" in /usr/share/zoneminder/www/includes/Event.php on line 12\n'
LOGGED = b"PHP Notice:  Undefined index: [x] {y} in /usr/share/zm.php on line 7\n"
XDEBUG = b"<br />\n<font size='1'><table class='xdebug-error xe-warning' dir='ltr'><tr><td>[1]</td></tr></table></font>\n"
BOM = b"\xef\xbb\xbf"
ANSWER = {"monitors": [{"Monitor": {"Id": 1, "Name": "Fr\u00f6nt {door} [1]"}}], "n": 1.5}
CLEAN = json.dumps(ANSWER).encode()


@pytest.mark.parametrize("complaint", [DEPRECATED, DEPRECATED * 30, PLAIN, LOGGED, XDEBUG, DEPRECATED + PLAIN])
@pytest.mark.parametrize("place", ["before", "behind", "around", "middle"])
def test_what_php_complains_of_is_taken_out_and_told_with_its_remedy(complaint: bytes, place: str) -> None:
    middle = CLEAN.index(b'"n"')
    if place == "middle":
        body = CLEAN[:middle] + b"\n" + complaint + CLEAN[middle:]
    else:
        before, behind = place in {"before", "around"}, place in {"behind", "around"}
        body = complaint * before + CLEAN + b"\n" + complaint * behind
    decoded = decode(body)
    assert decoded.value == ANSWER
    [remark] = decoded.remarks
    if complaint != XDEBUG:
        assert "on line" in remark.text
        assert "<" not in remark.text
    assert "display_errors" in remark.hint


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BOM + CLEAN, "bom"),
        (BOM * 3 + b"\n" + CLEAN, "bom"),
        (CLEAN.decode().encode("utf-16"), "bom"),
        (CLEAN + b"\n<!-- served by proxy 7 in 0.01 s -->", "beside"),
        (b"<script>var x = [{}], y = {\"a\": 1};</script>\n" + CLEAN, "beside"),
        (b"callback(" + CLEAN + b");", "beside"),
        (CLEAN + b"}", "beside"),
    ],
)  # fmt: skip
def test_what_else_stands_beside_an_answer_is_left(body: bytes, kind: str) -> None:
    decoded = decode(body)
    assert (decoded.value, [remark.kind for remark in decoded.remarks]) == (ANSWER, [kind])


@pytest.mark.parametrize("body", [CLEAN, b" \r\n" + CLEAN + b"\0\0\n", CLEAN.replace(b"{door}", b"a\tb\nc")])
def test_white_space_and_control_characters_are_nothing_to_speak_of(body: bytes) -> None:
    decoded = decode(body)
    assert isinstance(decoded.value, dict)
    assert (decoded.value["n"], decoded.remarks) == (1.5, ())


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    decoded = decode('{"Name": "Einfahrt S\u00fcd"}'.encode("latin-1"))
    assert decoded.value == {"Name": "Einfahrt S\N{REPLACEMENT CHARACTER}d"}
    assert [remark.kind for remark in decoded.remarks] == ["encoding"]


@pytest.mark.parametrize("size", range(1, len(CLEAN) - 1))
def test_what_is_cut_short_is_nothing_whatever_is_whole_in_it(size: int) -> None:
    for body in (CLEAN[:size], DEPRECATED + CLEAN[:size], CLEAN[:size] + DEPRECATED):
        with pytest.raises(NotJson):
            decode(body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"a": NaN}', "NaN"), (b'{"a": [-Infinity]}', "-Infinity"),
        (b"[" * 200_000, "nested too deeply"), (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "thousands of digits"), (b'<b>x</b>{"a": NaN}', "NaN"),
    ],
)  # fmt: skip
def test_json_that_nobody_can_use_is_told_as_what_it_is(body: bytes, said: str) -> None:
    with pytest.raises(UnfitJson, match=said):
        decode(body)


@pytest.mark.parametrize("body", [b"", b" \n", BOM, BOM + b"\r\n"])
def test_nothing_is_nothing(body: bytes) -> None:
    assert decode(body).value is None


@pytest.mark.parametrize(
    "body", [b"<html>login</html>", b"not [x] {y}", b"null and void", b"\xff\xfe\xff", DEPRECATED, b"{]", b"[]["]
)
def test_what_is_no_json_is_none(body: bytes) -> None:
    with pytest.raises(NotJson):
        decode(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(min_size=1, max_size=8), json_values, min_size=1, max_size=4),
    st.sampled_from([b"", DEPRECATED, PLAIN, XDEBUG, BOM, LOGGED, b"\n"]),
    st.sampled_from([b"", b"\n" + DEPRECATED, PLAIN, b"\n" + LOGGED, b"\n\n"]),
)
def test_every_object_comes_through_every_complaint(value: dict[str, Any], before: bytes, behind: bytes) -> None:
    assert decode(before + json.dumps(value).encode() + behind).value == value


@given(st.binary(max_size=400) | st.text('[]{}":,0nNtf<b> \n', max_size=200).map(str.encode))
def test_no_bytes_bring_another_error(body: bytes) -> None:
    try:
        value = decode(body).value
    except (NotJson, UnfitJson):
        return
    assert not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("place", ["before", "behind"])
async def test_a_php_with_display_errors_loses_no_system_and_is_told_once(
    place: str, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.rewrite = lambda _, body: DEPRECATED + body if place == "before" else body + b"\n" + DEPRECATED
        async with serve(fake) as (backend, feed):
            await feed.until(lambda: feed.states["1"].source == "events")
            await backend.refresh(VmsTarget())
            assert feed.system
            assert (feed.system.run_state, feed.system.time_zone, feed.lost) == ("default", "UTC", [])
        assert caplog.text.count("PHP writes its messages") == 1
        assert "display_errors = Off" in caplog.text
        found = await KIND.create("zm", config(fake.url), FastClock()).check()
        [problem] = [finding for finding in found if finding.problem]
        assert "PHP writes its messages into it (Deprecated: Return type" in problem.text
        assert "display_errors" in problem.hint


async def test_a_refusal_with_complaints_before_it_is_still_one() -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url, password="wrong"), FakeClock()) as api:
        fake.fail("host/login", "deprecated-401")
        with pytest.raises(Exception, match="refused the login: Login denied"):
            await api.get("monitors")


async def test_a_monitors_name_in_another_encoding_costs_nothing_but_the_character(serve: Serve) -> None:
    world = World()
    world.monitors[2].name = "Einfahrt S\u00fcd"
    async with FakeZoneMinder(world) as fake:
        fake.rewrite = lambda _, body: body.replace(b"S\\u00fcd", b"S\xfcd")
        async with serve(fake) as (_, feed):
            assert [monitor.name for monitor in feed.monitors.values()] == [
                "Camera 1", "Einfahrt S\N{REPLACEMENT CHARACTER}d", "Camera 3",
            ]  # fmt: skip


async def test_a_database_that_is_down_is_told_as_that_and_not_as_an_empty_world(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        serving = serve(fake)
        backend, feed = await serving.__aenter__()
        await feed.until(lambda: feed.batches)
        fake.database_is_down = True
        await feed.until(lambda: backend._session is None)
        assert len(feed.monitors) == 3
        with pytest.raises(DatabaseDown, match="answers nothing") as caught:
            await serving.__aexit__(None, None, None)
        assert "database" in caught.value.hint
        with pytest.raises(VmsUnreachable, match="answers nothing"):
            await ZoneMinder("zm", config(fake.url), FastClock()).run(feed)
        found = await KIND.create("zm", config(fake.url), FastClock()).check()
        assert ["is its database running" in finding.hint for finding in found if finding.problem] == [True]


@pytest.mark.parametrize(
    "page",
    [
        "<html><h1>ZoneMinder Error</h1><p>Unable to connect to ZM db using dsn mysql:host=db;<br/>SQLSTATE</p></html>",
        "Unable to connect to ZM db.SQLSTATE[HY000] [2002] No such file or directory",
    ],
)
async def test_what_other_versions_say_of_their_database(page: str) -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        fake.rewrite = lambda *_: page.encode()
        with pytest.raises(DatabaseDown, match="can't get at its database"):
            await api.get("monitors")


async def test_one_question_without_an_answer_is_no_dead_database() -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        fake.fail("monitors", "empty")
        with pytest.raises(EmptyAnswer, match="api/monitors answered nothing"):
            await api.get("monitors")
        assert await api.get("states")


@pytest.mark.parametrize("body", [b'{"monitors": NaN}', b'{"monitors": ' + b"[" * 100_000])
async def test_unfit_answers_are_one_clear_error(body: bytes) -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        await api.auth.token()
        fake.rewrite = lambda *_: body
        with pytest.raises(VmsProtocolError, match="api/monitors can't be used"):
            await api.get("monitors")


async def test_a_fatal_error_of_php_is_told_in_its_own_words() -> None:
    said = b"<br />\n<b>Fatal error</b>:  Allowed memory size of 99 bytes exhausted in <b>/x.php</b> on line <b>9</b><br />\n"
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        await api.auth.token()
        fake.rewrite = lambda *_: said
        with pytest.raises(VmsProtocolError, match="failed in PHP: Fatal error: Allowed memory size"):
            await api.get("monitors")
