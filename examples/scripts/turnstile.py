"""Locks the turnstile while there is an alarm at it, through the HTTP API of its controller, and lets it go afterwards.

The controller's token is a secret of the bridge's configuration: the bridge puts it into the header, this script never sees it.
"""

from vms_bridge.script import Alarm, ScriptError, Text, http, lock, log, notify, on, permissions, secret, settings, sleep, state

permissions(
    http=["https://turnstile.example/api/*"],
    secrets=["turnstile_token"],
    notify=True,
)
settings(name=Text("main", title="The turnstile's name"))

TRIES = 3


@on.alarm(monitor="*turnstile*", to="alarm", timeout="1m")
async def began(alarm: Alarm) -> None:
    """Lock it at once."""
    await turn(is_locked=True, why=f"alarm at {alarm.name}")


@on.alarm(monitor="*turnstile*", to="idle", for_="30s", timeout="1m")
async def over() -> None:
    """Let it go when it has been calm for half a minute."""
    if state.get("is_locked"):
        await turn(is_locked=False, why="it has been calm for 30 s")


async def turn(*, is_locked: bool, why: str) -> None:
    """Lock it or let it go; a controller that does not answer is asked again, and then people are."""
    async with lock("turnstile"):  # so that a slow answer to the one never overtakes the other
        for attempt in range(1, TRIES + 1):
            try:
                answer = await http.put(
                    f"https://turnstile.example/api/{settings['name']}/lock",
                    json={"locked": is_locked},
                    headers={"Authorization": "Bearer " + secret("turnstile_token")},
                )
                answer.check()
            except ScriptError as error:
                log.warning(f"attempt {attempt} of {TRIES}: {error}")
                await sleep(f"{attempt * 2}s")
            else:
                state["is_locked"] = is_locked
                log.info("locked:" if is_locked else "let go:", why)
                return
    await notify(f"The turnstile could not be {'locked' if is_locked else 'let go'}: {why}.", title="Turnstile")
