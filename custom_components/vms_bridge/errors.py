"""What can go wrong between Home Assistant and a bridge; whoever shows it to people translates it by its `key`."""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """A bridge could not be asked, or did not do what it was asked.

    `detail` is what happened, in English, from whom it came: the bridge's own words where it gave some. `code` is the bridge's
    word for it, for programs (docs/api.md), and `hint` what it says can be done. Neither holds a secret.
    """

    key: ClassVar[str] = "bridge"
    """By this it is translated: as an error of a form, and as an exception."""

    def __init__(self, detail: str, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail, self.code, self.hint = detail, code, hint


class CannotConnect(BridgeError):
    """Nobody answers at that address, or not in time, or the connection has ended."""

    key = "cannot_connect"


class ConnectionLost(CannotConnect):
    """The connection has ended while it was in use; what was asked may have been done all the same."""


class BadAddress(BridgeError):
    """The text is no address of a bridge."""

    key = "bad_address"


class CertificateUntrusted(CannotConnect):
    """The certificate there is signed by nobody whom Home Assistant trusts, or is for another name; its `fingerprint` is known.

    A person may say that it is the right one: `Address(url, fingerprint)` then pins it.
    """

    key = "certificate_untrusted"

    def __init__(self, detail: str, fingerprint: str | None) -> None:
        super().__init__(detail)
        self.fingerprint = fingerprint


class CertificateChanged(BridgeError):
    """Another certificate is shown than the one that is pinned; `fingerprint` is the one that is shown."""

    key = "certificate_changed"

    def __init__(self, detail: str, fingerprint: str | None) -> None:
        super().__init__(detail)
        self.fingerprint = fingerprint


class NotABridge(BridgeError):
    """What answers does not speak a bridge's language."""

    key = "not_a_bridge"


class Impostor(BridgeError):
    """What answers does not know the token, so it was not sent there: an impostor, or the token was revoked.

    The two can't be told apart: a bridge answers for a token that it does not know as a stranger would.
    """

    key = "impostor"


class OtherBridge(Impostor):
    """What answers says itself that it is another bridge than the one that is meant; `bridge_id` is what it says."""

    key = "other_bridge"

    def __init__(self, detail: str, bridge_id: str) -> None:
        super().__init__(detail)
        self.bridge_id = bridge_id


class TokenRefused(BridgeError):
    """The bridge does not take the token, or no more."""

    key = "token_refused"


class NotAllowed(BridgeError):
    """The token does not go so far."""

    key = "not_allowed"


class TooOld(BridgeError):
    """The bridge is too old: it speaks older protocols only."""

    key = "too_old"


class TooNew(BridgeError):
    """The bridge is too new: it speaks newer protocols only."""

    key = "too_new"


class Misdirected(BridgeError):
    """The bridge does not know whether the address is its own, and proves nothing by it: see `allowed_hosts` there."""

    key = "misdirected"


class Busy(BridgeError):
    """The bridge has too much to do, or is asked too often; `retry_after_s` is how many seconds it wants to be left alone."""

    key = "busy"

    def __init__(self, detail: str, retry_after_s: float = 1.0, *, code: str | None = None, hint: str | None = None) -> None:
        super().__init__(detail, code=code, hint=hint)
        self.retry_after_s = retry_after_s


class NotFound(BridgeError):
    """There is no such thing, or the token may not know of it."""

    key = "not_found"


class PairingRefused(BridgeError):
    """The bridge gives no token, for a reason that it says in `detail`."""

    key = "pairing_refused"


class PairingClosed(PairingRefused):
    """Nobody has opened pairing, or it has been closed since."""

    key = "pairing_closed"


class PairingCodeWrong(PairingRefused):
    """The code is wrong."""

    key = "wrong_code"


class Refused(BridgeError):
    """The bridge, or the VMS behind it, says no to this for another reason: `code` and `detail` say which.

    `fields` are those of what was asked that it does not take.
    """

    key = "refused"

    def __init__(
        self, detail: str, *, code: str | None = None, hint: str | None = None, fields: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(detail, code=code, hint=hint)
        self.fields = fields


class Unanswered(BridgeError):
    """It was asked, and there was no answer in time: whether it was done is not known."""

    key = "unanswered"
