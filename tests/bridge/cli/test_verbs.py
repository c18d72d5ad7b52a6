"""The verbs that ask a running bridge, by the real socket of a real API over a hub that a test has made."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from tests.bridge.api.lab import Api, until
from tests.fakes.backend import START, monitor, state

import vms_bridge
from vms_bridge.api import proof
from vms_bridge.api.pairing import key_of
from vms_bridge.api.proof import Binding
from vms_bridge.archive import LogLine
from vms_bridge.cli import FAILED, INTERRUPTED, OK, USAGE, main
from vms_bridge.cli import pair as pair_verb
from vms_bridge.errors import StoreError
from vms_bridge.index import Search, SearchPage
from vms_bridge.model import AlarmState, Zone
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask

    from vms_bridge.tokens import Token


async def test_events_are_listed_as_a_table(ask: Ask) -> None:
    code, out, _ = await ask("events", "list")
    heading, *rows = out.splitlines()
    assert (code, heading.split()) == (OK, ["BEGAN", "LASTED", "MONITOR", "KIND", "LABELS", "SCORE", "ZONES", "CAUSE", "ID"])
    assert len(rows) == 12
    local = (START + timedelta(minutes=1)).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert re.split(r"  +", rows[0].strip())[:3] == [local, "20 s", "Camera 1"]
    assert rows[0].rstrip().endswith(" zm-9")


async def test_all_filters_are_asked_for(ask: Ask, world: World) -> None:
    code, out, err = await ask(
        *("events", "list", "--since", "2026-11-20T11:00:00Z", "--until", "2026-11-21T00:00:00+01:00"),
        *(
            "--system",
            "zm",
            "--monitor",
            "zm/1",
            "--area",
            "Garden",
            "--kind",
            "alarm",
            "--kind",
            "continuous",
            "--label",
            "person",
        ),
        *("--zone", "Drive", "--plate", "B AB 123", "--face", "Ada", "--least-score", "0.5", "--most-score", "1"),
        *("--least-duration", "1.25", "--most-duration", "3600", "--words", "gate deliv*", "--over", "--limit", "7", "--json"),
    )
    assert (code, err) == (OK, "")
    assert json.loads(out)[0]["id"] == "zm-9"
    [(search, after, limit)] = world.pages
    assert search == Search(
        since=datetime(2026, 11, 20, 11, tzinfo=UTC),
        until=datetime(2026, 11, 20, 23, tzinfo=UTC),
        systems=search.systems,
        monitors=search.monitors,
        kinds=frozenset({"alarm", "continuous"}),
        labels=frozenset({"person"}),
        zones=frozenset({"Drive"}),
        plates=frozenset({"B AB 123"}),
        faces=frozenset({"Ada"}),
        least_score=0.5,
        most_score=1.0,
        least_duration_s=1.25,
        most_duration_s=3600.0,
        words="gate deliv*",
        is_open=False,
    )
    assert search.monitors == frozenset({("zm", "1")})
    assert (after, limit) == (None, 7)


async def test_times_may_count_from_now(ask: Ask, world: World) -> None:
    before = datetime.now(UTC)
    assert (await ask("events", "list", "--since", "2h", "--until", "30m", "--ndjson"))[0] == OK
    [(search, _, _)] = world.pages
    assert search.since is not None
    assert search.until is not None
    assert search.until - search.since == pytest.approx(timedelta(minutes=90), abs=timedelta(seconds=20))
    assert timedelta() <= search.since - (before - timedelta(hours=2)) < timedelta(seconds=20)
    for wrong in ("soon", "2026-13-01", "5", "-2h", "99999999999d", "0001-01-01T00:00+14:00"):
        code, _, err = await ask("events", "list", "--since", wrong)
        assert (code, "'--since'" in err) == (USAGE, True), wrong


async def test_a_range_of_time_in_somebodys_zone(ask: Ask, world: World) -> None:
    listed = ("events", "list", "--ndjson", "--time-zone", "America/New_York")
    assert (await ask(*listed, "--during", "2026-11-20 8pm to 10pm"))[0] == OK
    assert (await ask(*listed, "--since", "2026-11-20T20:00", "--until", "2026-11-20 22:00"))[0] == OK
    for search, _, _ in world.pages:
        assert (search.since, search.until) == (datetime(2026, 11, 21, 1, tzinfo=UTC), datetime(2026, 11, 21, 3, tzinfo=UTC))
    code, out, _ = await ask("events", "list", "--time-zone", "America/New_York", "--limit", "1")
    assert (code, (START + timedelta(minutes=1)).astimezone(ZoneInfo("America/New_York")).strftime("%H:%M:%S") in out) == (
        OK,
        True,
    )
    for wrong, words in (
        (("--during", "yesterday", "--since", "2h"), "and not both"),
        (("--during", "now to yesterday"), "ends before it begins"),
        (("--time-zone", "Berlin"), "there is no time zone"),
        (("--time-zone", "../../etc/passwd"), "there is no time zone"),
    ):
        code, _, err = await ask("events", "list", *wrong)
        assert (code, words in " ".join(err.split())) == (USAGE, True), err


async def test_all_events_are_printed_as_they_come(ask: Ask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A million of them do not have to fit into memory, in whichever form."""
    monkeypatch.setattr("vms_bridge.cli.events.filters.PAGE", 5)
    search, asked = world.search, 0

    async def breaking(query: Search, after: str | None = None, limit: int = 100) -> SearchPage:
        nonlocal asked
        asked += 1
        if asked % 3 == 0:
            raise StoreError("the disk is gone")
        return await search(query, after, limit)

    monkeypatch.setattr(world, "search", breaking)
    code, out, err = await ask("events", "list", "--all")
    assert (code, len(out.splitlines()), "the disk is gone" in err) == (FAILED, 11, True)
    code, out, _ = await ask("events", "list", "--all", "--json")
    assert (code, out.count('"id"')) == (FAILED, 10)
    with pytest.raises(json.JSONDecodeError):  # half of them are not all
        json.loads(out)


async def test_columns_stay_where_they_are_from_page_to_page(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vms_bridge.cli.events.filters.PAGE", 5)
    _, out, _ = await ask("events", "list", "--all")
    heading, *rows = out.splitlines()
    assert len({row.index("Motion") for row in [heading.replace("CAUSE", "Motion"), *rows]}) == 1
    assert "BEGAN" not in "".join(rows)


async def test_there_are_no_events(ask: Ask, world: World) -> None:
    world.index.clear()
    assert (await ask("events", "list"))[1].split() == [
        "BEGAN",
        "LASTED",
        "MONITOR",
        "KIND",
        "LABELS",
        "SCORE",
        "ZONES",
        "CAUSE",
        "ID",
    ]
    assert (await ask("events", "list", "--json"))[1] == "[]\n"
    assert (await ask("events", "list", "--ndjson"))[1] == ""


async def test_one_event(ask: Ask) -> None:
    code, out, _ = await ask("events", "show", "zm-2.5/a b", "--time-zone", "UTC")
    fields = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in out.splitlines())
    assert (code, fields["id"], fields["notes"], fields["tags"]) == (OK, "zm-2.5/a b", "by the gate", "parcel")
    assert fields["began"] == (START + timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M:%S")
    assert "archived" not in fields
    assert json.loads((await ask("events", "show", "zm-9", "--json"))[1])["id"] == "zm-9"
    code, _, err = await ask("events", "show", "zm-404")
    assert (code, "no event" in err) == (FAILED, True), err


async def test_monitors(ask: Ask, world: World) -> None:
    world.set_state("2", alarm=AlarmState.ALARM, forced=True)
    world.set_state("1", available=False, alarm=None)
    code, out, _ = await ask("monitors", "list")
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    assert (code, rows[0][:2], len(rows)) == (OK, ["MONITOR", "NAME"], 4)
    assert next(row for row in rows if row[0] == "zm/2")[:3] == ["zm/2", "Camera 2", "alarm, forced"]
    assert "lost" in next(row for row in rows if row[0] == "zm/1")
    code, out, _ = await ask("monitors", "list", "--area", "Garden", "--json")
    assert [each["key"] for each in json.loads(out)] == ["1"]
    code, out, _ = await ask("monitors", "list", "--system", "other", "--ndjson")
    assert [json.loads(line)["system"] for line in out.splitlines()] == ["other"]


async def test_one_monitor(ask: Ask, world: World) -> None:
    world.add_monitor("zm", monitor(3, zones=(Zone(id="1", name="Drive"),)), state(zones={"1": True}))
    world.record(7, "3")
    code, out, _ = await ask("monitors", "show", "zm/3")
    fields = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in out.splitlines())
    assert (code, fields["name"], fields["alarm in"], fields["function may be"]) == (
        OK,
        "Camera 3",
        "Drive",
        "None, Monitor, Modect",
    )
    assert fields["function"] == "Modect"
    assert json.loads((await ask("monitors", "show", "zm/3", "--json"))[1])["key"] == "3"
    assert (await ask("monitors", "show", "zm"))[0] == USAGE
    code, _, err = await ask("monitors", "show", "zm/9")
    assert (code, err.startswith("vms-bridge: ")) == (FAILED, True)


def logged(number: int, seconds: int) -> LogLine:
    return LogLine(
        time=START + timedelta(seconds=seconds), level="warning", component="zmc_m1", message=f"line {number} \x1b[31m"
    )


async def test_the_log_of_a_system(ask: Ask, world: World) -> None:
    world.lines = [logged(1, 0), logged(2, 1)]
    code, out, _ = await ask("logs", "zm", "--since", "2026-11-20T11:00:00Z", "--limit", "7", "--time-zone", "UTC")
    assert (code, [line.split()[:6] for line in out.splitlines()[1:]]) == (
        OK,
        [
            [*(START + timedelta(seconds=at)).strftime("%Y-%m-%d %H:%M:%S").split(), "warning", "zmc_m1", "line", str(at + 1)]
            for at in (0, 1)
        ],
    )
    assert "\x1b" not in out
    [query] = world.log_queries
    assert (query.since, query.until, query.most) == (datetime(2026, 11, 20, 11, tzinfo=UTC), None, 7)
    assert [line["message"] for line in json.loads((await ask("logs", "zm", "--json"))[1])] == [
        each.message for each in world.lines
    ]
    code, _, err = await ask("logs", "other")
    assert (code, "no log" in err) == (FAILED, True)
    assert (await ask("logs", "zm", "--follow", "--json"))[0] == USAGE


async def test_a_log_is_followed(ask: Ask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines have no numbers: two of one moment are two, and none is told twice."""
    told = iter(
        (
            [logged(1, 0), logged(2, 1)],
            [logged(2, 1), logged(2, 1), logged(3, 1)],
            [logged(3, 1), logged(2, 1), logged(2, 1), logged(4, 2)],
        )
    )
    world.lines = next(told)

    def sleep(_seconds: float) -> None:
        world.lines = next(told, [])
        if not world.lines:
            raise KeyboardInterrupt

    monkeypatch.setattr("vms_bridge.cli.logs.time.sleep", sleep)
    code, out, _ = await ask("logs", "zm", "--follow", "--ndjson")
    assert (code, [json.loads(line)["message"][:6] for line in out.splitlines()]) == (
        INTERRUPTED,
        ["line 1", "line 2", "line 2", "line 3", "line 4"],
    )


async def test_pages_follow_by_themselves(ask: Ask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vms_bridge.cli.events.filters.PAGE", 5)
    code, out, _ = await ask("events", "list", "--all", "--ndjson")
    ids = [json.loads(line)["id"] for line in out.splitlines()]
    assert (code, ids) == (OK, list(world.index))
    assert [(after, limit) for _, after, limit in world.pages] == [(None, 5), ("5", 5), ("10", 5)]
    world.pages.clear()
    code, out, err = await ask("events", "list", "--limit", "7")
    assert len(out.splitlines()) == 8
    assert "There may be more than these 7: --limit and --all show them." in err
    assert [(after, limit) for _, after, limit in world.pages] == [(None, 5), ("5", 2)]


async def test_what_the_bridge_refuses_is_said(ask: Ask) -> None:
    code, out, err = await ask("events", "list", "--monitor", "zm:1")
    assert (code, out) == (FAILED, "")
    assert "monitor" in err
    assert "Traceback" not in err


async def test_the_index(ask: Ask, world: World) -> None:
    code, out, _ = await ask("index", "status")
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines()]
    local = START.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert (code, rows[0]) == (OK, ["SYSTEM", "EVENTS", "OF", "BACK TO", "STATE"])
    assert ["zm", "12", "12", local, "complete"] in rows
    assert ["other", "its recordings can't be listed"] in rows
    code, out, _ = await ask("index", "status", "--json")
    assert (code, {each["system"] for each in json.loads(out)}) == (OK, {"zm", "other"})
    assert await ask("index", "rebuild", "--system", "zm") == (OK, "The index is made anew: zm.\n", "")
    assert (await ask("index", "rebuild"))[0] == OK
    assert world.rebuilt[0] == "zm"
    code, _, err = await ask("index", "rebuild", "--system", "attic")
    assert (code, "attic" in err) == (FAILED, True)


async def test_tokens_are_made_listed_and_revoked(ask: Ask, api: Api) -> None:
    code, out, err = await ask("token", "create", "--name", "Kitchen", "--scope", "read", "--monitor", "zm/1", "--expires", "30d")
    token = out.strip()
    found = re.fullmatch(r"vb_([0-9a-z]{10})_[\w-]{43}", token)
    assert found is not None
    token_id = found[1]
    assert (code, f"the token {token_id} of Kitchen, for read of zm/1" in err) == (OK, True)
    [made] = [each for each in api.hub.tokens.all() if each.id == token_id]
    assert made.expires is not None
    assert (made.scope, made.monitors) == (Scope.READ, frozenset({("zm", "1")}))
    code, out, _ = await ask("token", "list")
    assert (code, out.split()[:2]) == (OK, ["ID", "NAME"])
    [row] = [line for line in out.splitlines() if line.startswith(token_id)]
    assert re.split(r"  +", row)[1:3] == ["Kitchen", "read of zm/1"]
    assert token not in out
    code, out, _ = await ask("token", "list", "--json")
    assert token_id in {each["id"] for each in json.loads(out)}
    code, out, _ = await ask("token", "create", "--name", "Panel", "--json")
    assert (code, json.loads(out)["scope"], json.loads(out)["expires"]) == (OK, "control", None)
    assert await ask("token", "revoke", token_id) == (OK, f"The token {token_id} is revoked.\n", "")
    code, _, err = await ask("token", "revoke", "../" + token_id)
    assert (code, err.startswith("vms-bridge: ")) == (FAILED, True)
    assert token_id not in {each.id for each in api.hub.tokens.all()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scope", "all"], "'--scope'"),
        (["--system", "zm", "--monitor", "zm/1"], "and not both"),
        (["--expires", "2020-01-01"], "over already"),
        (["--scope", "hook"], "for one receiver"),
        (["--scope", "read", "--receiver", "zm/event"], "for one receiver"),
    ],
)
async def test_tokens_that_can_not_be(arguments: list[str], words: str, ask: Ask) -> None:
    code, out, err = await ask("token", "create", "--name", "x", *arguments)
    assert (code, out, words in err) == (USAGE, "", True), err


async def test_a_token_for_a_hook_is_for_one_receiver(ask: Ask, api: Api) -> None:
    code, out, err = await ask("token", "create", "--name", "Doorbell", "--scope", "hook", "--receiver", "zm/trigger")
    assert (code, "for hook zm/trigger; it is not shown again" in err) == (OK, True)
    assert "There is no receiver zm/trigger now" in err
    [made] = [each for each in api.hub.tokens.all() if each.id == out.split("_")[1]]
    assert (made.scope, made.receiver) == (Scope.HOOK, ("zm", "trigger"))
    _, out, _ = await ask("token", "list")
    assert "hook zm/trigger" in out
    code, _, err = await ask("token", "create", "--name", "x", "--scope", "hook", "--receiver", "../x")
    assert (code, "receiver" in err) == (FAILED, True)
    assert (await ask("pair", "--scope", "hook"))[0] == USAGE


async def test_a_token_that_the_bridge_does_not_make(ask: Ask) -> None:
    code, out, err = await ask("token", "create", "--name", "x\ny")
    assert (code, out) == (FAILED, "")
    assert "name" in err


async def test_a_token_is_enough_from_elsewhere(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", api.token(Scope.READ))
    assert await asyncio.to_thread(main, ["events", "list", "--json", "--url", api.url]) == OK
    assert len(json.loads(capsys.readouterr().out)) == 12
    assert await asyncio.to_thread(main, ["token", "list", "--url", api.url]) == FAILED
    assert "scope admin" in capsys.readouterr().err
    monkeypatch.setenv("VMS_BRIDGE_TOKEN", f"vb_7k3m9q2x4c_{'s' * 43}")
    assert await asyncio.to_thread(main, ["events", "list", "--url", api.url]) == FAILED
    assert "does not know this token, so it was not sent there" in capsys.readouterr().err


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_verb, "_PERIOD_S", 0.01)


@pytest.mark.usefixtures("quick")
async def test_pairing_waits_until_a_client_has_its_token(ask: Ask, api: Api) -> None:
    pairing = asyncio.create_task(ask("pair", "--scope", "read", "--system", "zm"))
    await until(lambda: api.sink._pairing.seconds_left)
    token = await paired(api, "Kitchen")
    api.token(Scope.ADMIN, name="somebody else's, made in the same moment")
    code, out, err = await pairing
    assert (code, f"Kitchen has paired, and has the token {token.id}" in err) == (OK, True)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\n", out)


@pytest.mark.usefixtures("quick")
async def test_pairing_that_somebody_else_opens_anew_is_over_for_who_has_opened_it_before(ask: Ask, api: Api) -> None:
    pairing = asyncio.create_task(ask("pair"))
    await until(lambda: api.sink._pairing.seconds_left)
    await api.post("/api/v1/pair/opening", {}, by_socket=True)
    await paired(api, "another client")
    code, _, err = await pairing
    assert (code, "Pairing was opened anew meanwhile" in err) == (FAILED, True)


async def paired(api: Api, name: str) -> Token:
    """Pair as a client that knows the code."""
    pairing, nonce = api.sink._pairing, "aa" * 32
    pairing._rounds = 10
    opening, bound = pairing._opening, Binding(bridge_id=api.hub.bridge_id, host=api.host)
    assert opening is not None
    key = key_of(opening.code, bound.bridge_id, nonce, 10)
    return (await pairing.pair(api.hub, name, bound, nonce, proof.mac(key, "pair client", bound, nonce))).token


@pytest.mark.usefixtures("quick")
async def test_pairing_that_nobody_has_used(ask: Ask, api: Api) -> None:
    pairing = asyncio.create_task(ask("pair"))
    await until(lambda: api.sink._pairing.seconds_left)
    await api.clock.advance(601)
    code, _, err = await pairing
    assert (code, "Nobody has paired" in err) == (FAILED, True)


async def test_pairing_is_closed_by_an_interruption(ask: Ask, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vms_bridge.cli.pair.time.sleep", interrupt)
    code, _, _ = await ask("pair")
    assert code == INTERRUPTED
    await until(lambda: not api.sink._pairing.seconds_left)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("form", [[], ["--ndjson"]])
async def test_a_reader_that_goes_away_is_no_error(form: list[str], api: Api, world: World, config: Path) -> None:
    """As in `vms-bridge events list --all | head -1`, with much to say."""
    assert api.port
    found = world.index["zm-9"]
    world.index = {str(number): found for number in range(3_000)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vms_bridge", "events", "list", "--all", "--config", str(config), *form),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1_000,
        env=os.environ | {"PYTHONPATH": str(Path(vms_bridge.__file__).parents[1])},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert await process.stdout.read(10)
    process.stdout._transport.close()  # type: ignore[attr-defined]  # asyncio has no other way to stop reading
    assert await process.stderr.read() == b""
    assert await process.wait() == FAILED
