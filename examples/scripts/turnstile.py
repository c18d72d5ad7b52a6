"""Locks the turnstile while there is an alarm at it, through the HTTP API of its controller, and lets it go afterwards.

The controller's token is a secret of the bridge's configuration: the bridge puts it into the header, this script never sees it.
"""

from vms_bridge.script import Alarm, ScriptError, Text, http, log, monitors, notify, on, permissions, secret, settings, sleep

permissions(
    monitors=["zm/4"],  # the camera at the turnstile; the script sees no other one
    http=["https://turnstile.example/api/*"],
    secrets=["turnstile_token"],
    notify=True,
)
settings(name=Text("main", title="The turnstile's name"))

TRIES = 3


@on.alarm(to="alarm", timeout="1m")
async def began(alarm: Alarm) -> None:
    """Lock it at once."""
    await turn(is_locked=True, why=f"alarm at {alarm.name}")


@on.startup(timeout="1m")
@on.alarm(to="idle", for_="30s", timeout="1m")
async def settled() -> None:
    """Have it be as the cameras say: when it was calm for half a minute, and at the start, for nobody has looked till then."""
    is_alarmed = any([(await each.state()).alarm in {"alarm", "alert"} async for each in monitors])
    await turn(is_locked=is_alarmed, why="there is an alarm" if is_alarmed else "all is calm")


async def turn(*, is_locked: bool, why: str) -> None:
    """Lock it or let it go; a controller that does not answer is asked again, and then people are."""
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
            await sleep("2s")
        else:
            log.info("locked:" if is_locked else "let go:", why)
            return
    await notify(f"The turnstile could not be {'locked' if is_locked else 'let go'}: {why}.", title="Turnstile")
