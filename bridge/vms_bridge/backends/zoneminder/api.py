"""ZoneMinder's API as the bridge asks it: the library's client, over the border to HTTP that all backends share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from vms_bridge.backends.traffic import MeasuredClient
from vms_bridge.backends.zoneminder.remarks import Remarks
from vms_bridge.http import CONNECTIONS, HttpClient
from vms_bridge.zoneminder import Client

if TYPE_CHECKING:
    from vms_bridge.backends.traffic import Traffic
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets


class Api(Client):
    """Requests to one configured ZoneMinder, timed where somebody keeps the times; use as an async context manager."""

    def __init__(
        self,
        config: ZoneMinderConfig,
        clock: Clock,
        remarks: Remarks | None = None,
        secrets: Secrets | None = None,
        *,
        traffic: Traffic | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self.remarks = remarks or Remarks()
        accept = "application/json, image/jpeg"
        self._http = HttpClient(config, config.timeout, accept, name="ZoneMinder", secrets=secrets, connections=connections)
        super().__init__(
            config.url,
            self._http if traffic is None else MeasuredClient(self._http, traffic),
            clock,
            username=config.username,
            password=None if config.password is None else config.password.get_secret_value(),
            keep_secrets=self._http.secrets.keep_passing,
            note=self.remarks.note,
        )

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__()
