"""Listens to alerts that the installation pushes: each has the list of events be read at once, which tells what there is.

The list stays what is believed: alerts are of rules only, and what came while nobody listened is gone.
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.backoff import Backoff
from vms_bridge.errors import VmsError
from vms_bridge.logs import Trouble
from vms_bridge.vxg.alerts import listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.vxg.alerts import Alert, Broker

_LOGGER = logging.getLogger(__name__)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0


async def follow_alerts(
    connection: Connection, broker: Broker, alerted: Callable[[Alert], None], missed: Callable[[], None]
) -> NoReturn:
    """Listen until cancelled; a broker that is away is asked again, and loses nothing but time.

    `missed` is called each time that it listens anew: what was pushed before was said to nobody.
    """
    clock, backoff = connection.clock, Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
    trouble = Trouble(_LOGGER, f"{connection.name}: alerts are not pushed, and events come by asking", clock.monotonic)
    while True:
        since_s = None
        try:
            async with listening(broker, clock) as alerts, aclosing(alerts):
                since_s = clock.monotonic()
                trouble.over()
                missed()
                async for alert in alerts:
                    alerted(alert)
        except VmsError as error:
            trouble.report(str(error), hint=error.hint, code=error.code)
        await clock.sleep(backoff.failed(lasted_s=0.0 if since_s is None else clock.monotonic() - since_s))
