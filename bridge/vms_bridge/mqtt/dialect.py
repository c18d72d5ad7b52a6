"""How a broker is to be spoken to: in which version of MQTT, how large messages may be, over how many connections."""

from __future__ import annotations

from vms_bridge.mqtt.company import Company
from vms_bridge.mqtt.sizes import Sizes

_PATIENCE = 3


class Dialect:
    """What is known of the MQTT that a broker speaks; outlives its links.

    By 3.1.1 a broker acknowledges what it refuses, and knows no expiry, so a wrong guess would lose events unseen. A broker
    that starts, or a proxy before it, cuts connections too: only one that goes `patience` times in a row without a word,
    and has never answered in MQTT 5, is taken for an old one.
    """

    def __init__(self, *, patience: int = _PATIENCE) -> None:
        self._patience = patience
        self._knows_5 = False
        self._silences = 0
        self.is_old = False
        """Whether it is spoken to in 3.1.1."""
        self.sizes = Sizes()
        self.company = Company()
        self.is_forgetful = False
        """Whether it is known, and was logged, to keep a session for less time than is asked."""

    def answered(self) -> None:
        """Note an answer in MQTT 5, whatever it says."""
        self._knows_5, self.is_old = True, False

    def failed(self) -> None:
        """Note that it could not even be asked."""
        self._silences = 0

    def may_be_old(self, *, was_refused: bool) -> bool:
        """Say whether 3.1.1 is to be tried, after it did not answer in MQTT 5; `was_refused` if it says that it can't."""
        self._silences += 1
        return was_refused or (not self._knows_5 and self._silences >= self._patience)
