"""What the broker retains, read by a client of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.e2e.broker import Observer

if TYPE_CHECKING:
    from tests.e2e.broker import Message


class Recorder(Observer):
    """Knows what the broker retains; forgets it with the connection, as the broker may have forgotten it too."""

    options = SubscribeOptions(qos=1, retainAsPublished=True)

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.retained: dict[str, bytes] = {}
        """The newest payload of each topic, of what was published to be retained."""

    def forget(self) -> None:
        """Forget it."""
        super().forget()
        self.retained.clear()

    def _take(self, message: Message) -> None:
        if message.retained:
            self.retained[message.topic] = message.payload
        super()._take(message)

    def _set_connected(self, connected: bool) -> None:  # noqa: FBT001 - as the observer has it
        if not connected:
            self.forget()
        super()._set_connected(connected)

    async def until_born(self, within: float) -> None:
        """Wait for Home Assistant's birth message on this connection."""
        born = "homeassistant/status"
        await self._changes.until(lambda: self.latest.get(born), lambda: born, within)
