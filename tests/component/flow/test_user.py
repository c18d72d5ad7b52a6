"""A person adds a bridge: by its address, and a pairing code or a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.data_entry_flow import FlowResultType, InvalidData, UnknownFlow
from tests.component.fakes.bridge import CODE, TOKEN, TOKEN_ID, Token

if TYPE_CHECKING:
    from unittest.mock import AsyncMock

    from homeassistant.core import HomeAssistant
    from tests.component.fakes.bridge import FakeBridge
    from tests.component.flow.conftest import Fill

UNKNOWN = f"vb_zzzzzzzzzz_{'B' * 43}"


async def test_a_code_gets_home_assistant_in(
    bridge: FakeBridge, add: Fill, fill: Fill, set_up: AsyncMock, key_threads: list[str]
) -> None:
    form = await add(bridge.url)
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "pair", {})

    done = await fill(form, code=f"{CODE[:4].lower()}-{CODE[4:]} ")

    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["title"] == "VMS Bridge"
    (given,) = [token for token in bridge.tokens.values() if token.text != TOKEN]
    assert given.name == "Home Assistant test home"
    assert done["data"] == {"url": bridge.url, "fingerprint": None, "token": given.text, "bridge_id": bridge.bridge_id}
    assert done["result"].unique_id == bridge.bridge_id
    assert len(set_up.mock_calls) == 1
    assert key_threads
    assert "MainThread" not in key_threads, "the event loop was blocked"


async def test_a_token_gets_it_in(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(bridge.url, "token")
    assert form["step_id"] == "token"

    done = await fill(form, token=f" {TOKEN}\n")

    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["data"]["token"] == TOKEN
    assert list(bridge.tokens) == [TOKEN_ID]


@pytest.mark.parametrize("written", ["{host}", " HTTP://{host}/api/v1/ "])
async def test_an_address_is_understood_however_it_is_written(bridge: FakeBridge, add: Fill, fill: Fill, written: str) -> None:
    form = await add(written.format(host=bridge.host), "token")
    done = await fill(form, token=TOKEN)
    assert done["data"]["url"] == bridge.url


NO_ADDRESSES = ("", "http://", "ftp://nas", "http://a:99999", "http://user@nas", "http://nas?x=1", "http://nas/#x", "http://[::1")


async def test_what_is_no_address_is_said_to_be_none(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add("nas:x")
    for written in NO_ADDRESSES:
        assert (form["step_id"], form["errors"]) == ("user", {"url": "bad_address"})
        form = await fill(form, url=written, method="pair")
    assert bridge.requests == []
    assert (await fill(form, url=bridge.url, method="pair"))["step_id"] == "pair"


async def test_a_way_in_that_there_is_not_is_refused(bridge: FakeBridge, add: Fill) -> None:
    with pytest.raises(InvalidData):
        await add(bridge.url, "magic")


async def test_nobody_answers(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    await bridge.stop()
    form = await add(bridge.url)
    assert (form["step_id"], form["errors"]) == ("user", {"base": "cannot_connect"})

    await bridge.start()
    assert (await fill(form, url=bridge.url, method="pair"))["step_id"] == "pair"


async def test_http_where_there_is_https(tls_bridge: FakeBridge, add: Fill) -> None:
    form = await add(tls_bridge.url.replace("https:", "http:"))
    assert form["errors"] == {"base": "use_https"}


async def test_https_where_there_is_http(bridge: FakeBridge, add: Fill) -> None:
    form = await add(bridge.url.replace("http:", "https:"))
    assert form["errors"] == {"base": "use_http"}


async def test_what_answers_is_no_bridge(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add("127.0.0.1:x")
    for garbage in ("text", "html", "binary", "list", "empty", "nested", "wrong"):
        bridge.say_garbage(garbage)
        form = await fill(form, url=bridge.url, method="pair")
        assert form["errors"] == {"base": "not_a_bridge"}, garbage

    bridge.say_garbage(None)
    assert (await fill(form, url=bridge.url, method="pair"))["step_id"] == "pair"


async def test_a_bridge_that_is_too_old(bridge: FakeBridge, add: Fill) -> None:
    bridge.lowest_protocol = bridge.highest_protocol = 0
    form = await add(bridge.url)
    bridge.lies.clear()
    assert form["errors"] == {"base": "too_old"}


async def test_a_bridge_that_is_too_new(bridge: FakeBridge, add: Fill) -> None:
    bridge.lowest_protocol, bridge.highest_protocol = 2, 7
    form = await add(bridge.url)
    assert form["errors"] == {"base": "too_new"}


async def test_a_bridge_that_is_newer_and_speaks_our_protocol_too(bridge: FakeBridge, add: Fill) -> None:
    bridge.highest_protocol = 7
    assert (await add(bridge.url))["step_id"] == "pair"


async def test_a_bridge_that_was_asked_too_often(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.answer("/api/v1/info", 429, code="too_many", headers={"Retry-After": "7"}, times=1)
    form = await add(bridge.url)
    assert form["errors"] == {"base": "busy"}
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["seconds"] == "7"
    assert (await fill(form, url=bridge.url, method="pair"))["step_id"] == "pair"


@pytest.mark.parametrize(("status", "code", "error"), [(421, "misdirected", "misdirected"), (504, "unanswered", "unanswered")])
async def test_other_refusals_have_words_of_their_own(bridge: FakeBridge, add: Fill, status: int, code: str, error: str) -> None:
    bridge.answer("/api/v1/info", status, code=code)
    assert (await add(bridge.url))["errors"] == {"base": error}


async def test_what_is_no_code_costs_no_try(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(bridge.url)
    for code in ("", "7Q2W9XK", "7Q2W9XKDD", "7Q2W-9XK*", "UUUUUUUU"):
        form = await fill(form, code=code)
        assert (form["step_id"], form["errors"]) == ("pair", {"code": "invalid_code"})
    assert not [asked for asked in bridge.requests if asked.path.endswith("/pair")]


async def test_a_wrong_code_and_then_the_right_one(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await fill(await add(bridge.url), code="00000000")
    assert (form["step_id"], form["errors"]) == ("pair", {"base": "wrong_code"})

    assert (await fill(form, code=CODE))["type"] is FlowResultType.CREATE_ENTRY


async def test_five_wrong_codes_close_pairing(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(bridge.url)
    said = []
    for _ in range(6):
        form = await fill(form, code="00000000")
        assert form["errors"] is not None
        said.append(form["errors"]["base"])
    assert said == ["wrong_code"] * 4 + ["too_many_tries"] * 2


async def test_pairing_is_closed(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.code = None
    form = await fill(await add(bridge.url), code=CODE)
    assert form["errors"] == {"base": "pairing_closed"}

    bridge.code = CODE
    assert (await fill(form, code=CODE))["type"] is FlowResultType.CREATE_ENTRY


async def test_pairing_is_refused_for_a_reason_that_is_new(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.answer("/api/v1/pair", 403, code="pairing")
    form = await fill(await add(bridge.url), code=CODE)
    assert form["errors"] == {"base": "pairing_refused"}
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["detail"] == "it is so"


@pytest.mark.parametrize(
    ("status", "code", "error"), [(429, "too_many", "busy"), (503, "store", "refused"), (421, "misdirected", "misdirected")]
)
async def test_a_bridge_that_can_not_pair_now(
    bridge: FakeBridge, add: Fill, fill: Fill, status: int, code: str, error: str
) -> None:
    bridge.answer("/api/v1/pair", status, code=code, headers={"Retry-After": "3"} if status == 429 else {})
    form = await fill(await add(bridge.url), code=CODE)
    assert (form["step_id"], form["errors"]) == ("pair", {"base": error})


async def test_an_impostor_gets_neither_code_nor_token(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.be_impostor("stranger")
    form = await fill(await add(bridge.url), code=CODE)
    assert form["errors"] == {"base": "impostor"}
    form = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert form["errors"] == {"base": "token_unknown"}
    assert bridge.leaked == []


async def test_who_passes_everything_on_gets_them_neither(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.be_impostor("relay")
    form = await fill(await add(bridge.url), code=CODE)
    assert form["errors"] == {"base": "impostor"}
    form = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert form["errors"] == {"base": "token_unknown"}
    assert bridge.leaked == []


async def test_what_is_no_token_is_shown_to_nobody(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(bridge.url, "token")
    asked = len(bridge.requests)
    for text in ("", "secret", TOKEN[:-30], f"{TOKEN} {TOKEN}", "vb_K3N8X0C2VA_" + "A" * 43):
        form = await fill(form, token=text)
        assert (form["step_id"], form["errors"]) == ("token", {"token": "invalid_token"})
    assert len(bridge.requests) == asked


async def test_a_token_that_the_bridge_does_not_know_is_not_sent(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await fill(await add(bridge.url, "token"), token=UNKNOWN)
    assert (form["step_id"], form["errors"]) == ("token", {"base": "token_unknown"})
    assert not [asked for asked in bridge.requests if "Authorization" in asked.headers]

    assert (await fill(form, token=TOKEN))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_token_that_is_revoked_meanwhile(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(bridge.url, "token")
    bridge.answer("/api/v1/tokens/self", 401, code="unauthenticated")
    form = await fill(form, token=TOKEN)
    assert form["errors"] == {"base": "token_refused"}


async def test_a_token_for_a_hook_is_refused(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.scope = "hook"
    form = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert form["errors"] == {"base": "not_allowed"}


async def test_a_token_that_may_only_read_is_taken_with_a_word(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.scope = "read"
    form = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "read_only")

    done = await fill(form)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["data"]["token"] == TOKEN


async def test_another_bridge_comes_to_the_address_meanwhile(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    pair, token = await add(bridge.url), await add(bridge.url, "token")
    bridge.bridge_id = "another0another0"
    assert (await fill(pair, code=CODE))["errors"] == {"base": "other_bridge"}
    assert (await fill(token, token=TOKEN))["errors"] == {"base": "other_bridge"}
    assert bridge.leaked == []


async def test_a_name_without_anything_in_it(bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    bridge.name = "[](<*>)\u202e"
    done = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert done["title"] == bridge.bridge_id[:8]


def _pairs_for_reading(monkeypatch: pytest.MonkeyPatch, bridge: FakeBridge) -> None:
    grant = bridge.grant

    def grant_reading(name: str) -> tuple[str, Token]:
        token_id, token = grant(name)
        token.scope = "read"
        return token_id, token

    monkeypatch.setattr(bridge, "grant", grant_reading)


async def test_a_token_that_was_paired_for_reading_is_given_up_by_who_does_not_want_it(
    hass: HomeAssistant, bridge: FakeBridge, add: Fill, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pairs_for_reading(monkeypatch, bridge)
    form = await fill(await add(bridge.url), code=CODE)
    assert form["step_id"] == "read_only"
    assert len(bridge.tokens) == 2

    hass.config_entries.flow.async_abort(form["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert list(bridge.tokens) == [TOKEN_ID]


async def test_and_kept_by_who_wants_it(
    hass: HomeAssistant, bridge: FakeBridge, add: Fill, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pairs_for_reading(monkeypatch, bridge)
    done = await fill(await fill(await add(bridge.url), code=CODE))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert done["data"]["token"] in {token.text for token in bridge.tokens.values()}


async def test_giving_up_fails_quietly_without_a_bridge(
    hass: HomeAssistant, bridge: FakeBridge, add: Fill, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pairs_for_reading(monkeypatch, bridge)
    form = await fill(await add(bridge.url), code=CODE)
    await bridge.stop()
    hass.config_entries.flow.async_abort(form["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_form_that_is_closed_while_pairing_goes_on_leaves_no_token(
    hass: HomeAssistant, bridge: FakeBridge, add: Fill, fill: Fill
) -> None:
    form = await add(bridge.url)
    bridge.hold("/api/v1/pair")
    pairing = hass.async_create_task(fill(form, code=CODE))
    await bridge.asked("/api/v1/pair")

    hass.config_entries.flow.async_abort(form["flow_id"])
    bridge.release()

    result = await pairing
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "closed")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert list(bridge.tokens) == [TOKEN_ID]
    assert hass.config_entries.async_entries("vms_bridge") == []


@pytest.mark.parametrize("step", ["user", "pair", "token"])
async def test_a_flow_that_is_aborted_leaves_nothing(hass: HomeAssistant, bridge: FakeBridge, add: Fill, step: str) -> None:
    if step == "user":
        form = await hass.config_entries.flow.async_init("vms_bridge", context={"source": "user"})
    else:
        form = await add(bridge.url, step)
    assert form["step_id"] == step
    hass.config_entries.flow.async_abort(form["flow_id"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.config_entries.async_entries("vms_bridge") == []
    assert hass.config_entries.flow.async_progress() == []
    assert list(bridge.tokens) == [TOKEN_ID]
    with pytest.raises(UnknownFlow):
        await hass.config_entries.flow.async_configure(form["flow_id"], {})
