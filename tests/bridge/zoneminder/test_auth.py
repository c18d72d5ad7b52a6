from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.errors import VmsAuthFailed
from vms_bridge.zoneminder.auth import Authenticator

if TYPE_CHECKING:
    from collections.abc import Mapping


class Server:
    """Answers logins, and counts them."""

    def __init__(self) -> None:
        self.forms: list[Mapping[str, str]] = []
        self.answer: dict[str, object] | None = None
        self.refuses_refresh = False

    async def login(self, form: Mapping[str, str]) -> object:
        self.forms.append(form)
        await asyncio.sleep(0)
        if self.answer is not None:
            return self.answer
        if "token" in form and self.refuses_refresh:
            raise VmsAuthFailed("revoked")
        number = len(self.forms)
        refresh = {} if "token" in form else {"refresh_token": f"r{number}", "refresh_token_expires": 86400}
        return {"access_token": f"a{number}", "access_token_expires": "7200", "version": "1.36.33", **refresh}


def authenticator(server: Server, clock: FakeClock) -> Authenticator:
    return Authenticator("user", "pass", server.login, clock)


async def test_one_login_serves_all_who_wait() -> None:
    server = Server()
    auth = authenticator(server, FakeClock())
    assert set(await asyncio.gather(*(auth.token() for _ in range(20)))) == {"a1"}
    assert server.forms == [{"user": "user", "pass": "pass"}]


async def test_renewal_comes_between_half_and_three_quarters_of_the_lifetime() -> None:
    server, clock = Server(), FakeClock()
    auth = authenticator(server, clock)
    await auth.token()
    await clock.advance(3599)
    assert await auth.token() == "a1"
    await clock.advance(1802)
    assert set(await asyncio.gather(*(auth.token() for _ in range(5)))) == {"a2"}
    assert server.forms[1:] == [{"token": "r1"}]


async def test_full_login_after_the_refresh_token_ran_out() -> None:
    server, clock = Server(), FakeClock()
    auth = authenticator(server, clock)
    await auth.token()
    await clock.advance(86400 - 200)
    await auth.token()
    assert server.forms[-1] == {"user": "user", "pass": "pass"}


async def test_full_login_after_a_refused_refresh() -> None:
    server, clock = Server(), FakeClock()
    auth = authenticator(server, clock)
    await auth.token()
    server.refuses_refresh = True
    await clock.advance(6000)
    assert await auth.token() == "a3"


async def test_refusal_renews_once_for_all_and_not_when_fresh() -> None:
    server, clock = Server(), FakeClock()
    auth = authenticator(server, clock)
    token = await auth.token()
    assert token is not None
    assert not await auth.renew_after_refusal(token, younger_than_s=30)
    await clock.advance(31)
    assert await asyncio.gather(*(auth.renew_after_refusal(token, younger_than_s=30) for _ in range(4))) == [True] * 4
    assert len(server.forms) == 2


@pytest.mark.parametrize("answer", [{"version": "1.36.33"}, {"version": "1.34.1", "access_token": None}])
async def test_server_without_logins(answer: dict[str, object]) -> None:
    server = Server()
    server.answer = answer
    auth = authenticator(server, FakeClock())
    assert await auth.token() is None
    assert auth.is_off
    assert await auth.token() is None
    assert len(server.forms) == 1


async def test_login_without_a_token_says_what_to_do() -> None:
    server = Server()
    server.answer = {"access_token": ""}
    with pytest.raises(VmsAuthFailed) as caught:
        await authenticator(server, FakeClock()).token()
    assert "AUTH_HASH_SECRET" in caught.value.hint


async def test_no_credentials() -> None:
    with pytest.raises(VmsAuthFailed, match="none is configured"):
        await Authenticator(None, None, Server().login, FakeClock()).token()


async def test_tokens_do_not_show() -> None:
    server = Server()
    auth = authenticator(server, FakeClock())
    await auth.token()
    assert [repr(auth._access), repr(auth._refresh)] == ["<token>", "<token>"]
