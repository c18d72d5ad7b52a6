"""How a change that ZoneMinder is asked for may end: its answers say little, so that what became of it is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import BrokeOff, CommandRejected, TimedOut, TooLarge, VmsAuthFailed, VmsProtocolError
from vms_bridge.zoneminder import EmptyAnswer, GatewayFailed
from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.backends.zoneminder.api import Api

PERMISSIONS = "modes, settings and restart need the permission Monitors: Edit, run states System: Edit, events Events: Edit"


async def asked(api: Api, ask: Callable[[], Awaitable[object]], *, what: str = "") -> object:
    """Return the answer, None where there is no clear one: then a later read shows what became of it.

    `what` is to be saved, and may be refused. Raises CommandRejected or VmsError.
    """
    try:
        answer = await ask()
    except (TimedOut, GatewayFailed, EmptyAnswer, BrokeOff, TooLarge):
        return None  # a run state takes minutes, a gateway waits for one; PHP goes on either way, whatever becomes of its answer
    except VmsAuthFailed as error:
        raise CommandRejected(f"ZoneMinder does not let this user do that: {error}", hint=PERMISSIONS) from error
    except VmsProtocolError as error:
        if "JSON" in str(error):
            return None  # some edits answer with a page
        raise CommandRejected(str(error), hint=error.hint) from None
    message = as_text(mapping(answer).get("message"))
    if what and message.startswith("Error"):
        raise CommandRejected(f"ZoneMinder did not save {what}: {api.quoted(message)}")
    return answer
