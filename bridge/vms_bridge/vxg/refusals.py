"""What VXG's answers amount to where they are no answer, in the words of our errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vms_bridge.errors import ConfigError, MediaUnavailable, VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONG = re.compile(r"[A-Za-z0-9+/=_~%.-]{32,}")
"""What is so long is no word: a token, or an address with one in it."""
_LOST = "it has expired or was revoked, or it is of another installation: have a new one made"


class TokenUnusable(ConfigError):
    """This is no token of VXG's, or not all of one."""


class HostRefused(ConfigError):
    """A token leads to a host that nobody has listed."""


class CredentialMissing(ConfigError):
    """What is asked for needs a credential that was not given."""


class CredentialRefused(VmsAuthFailed):
    """VXG does not accept this credential (HTTP 401): it has expired, was revoked, or is of another installation."""


class AccessMissing(VmsAuthFailed):
    """The credential is good, and does not allow this (HTTP 403)."""


class NotThere(VmsProtocolError):
    """VXG has no such thing (HTTP 404), or no more."""


class Refused(VmsProtocolError):
    """VXG says no to what was asked for (another HTTP 4xx, `status`)."""

    def __init__(self, message: str, *, hint: str = "", status: int) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class ServerFailed(VmsProtocolError):
    """VXG failed at this question (HTTP 5xx); it may do better the next time."""


class GatewayFailed(ServerFailed):
    """Something before VXG got no answer from it (HTTP 502, 503, 504); what was asked for may have been done all the same."""


class TooBusy(VmsUnreachable):
    """VXG wants to be asked less often (HTTP 429), for longer than anybody waits; `retry_after_s` says how long, if it does."""

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class PagingRefused(VmsProtocolError):
    """The next page of a list is said to be where it can't be."""


class NotDone(VmsProtocolError):
    """A change was taken without a complaint; reading again shows that it was not made, or was undone by somebody else."""


class WrongValue(VmsProtocolError, ValueError):
    """What was asked for can't be meant; nothing was sent."""


class MetadataRefused(VmsProtocolError):
    """Some documents were not taken: `refused` are their places in what was sent, with the reasons; `ids` are of all others."""

    def __init__(self, message: str, *, hint: str = "", refused: Sequence[tuple[int, str]], ids: Sequence[str | None]) -> None:
        super().__init__(message, hint=hint)
        self.refused, self.ids = tuple(refused), tuple(ids)


class MediaExpired(MediaUnavailable):
    """The address of a picture or video is good no more: the row that it is from is to be read anew."""


class ClipFailed(MediaUnavailable):
    """VXG could not make this clip."""


class ClipEmpty(ClipFailed):
    """There is nothing recorded in the time of this clip."""


def plain(text: object, quoted: Callable[[str], str]) -> str:
    """Return what somebody else has said, as far as it is words."""
    return _LONG.sub("***", quoted(text)) if isinstance(text, str) else ""


def refusal(where: str, status: int, said: object, credential: str, quoted: Callable[[str], str]) -> VmsError:
    """Return what to raise for an answer of 400 and more. `said` is its JSON, None where it is none."""
    body = said if isinstance(said, dict) else {}
    reason = " ".join(part for part in (plain(body.get(name), quoted) for name in ("errorType", "errorDetail")) if part)
    what = f"{where} is refused: {reason or 'no reason given'} (HTTP {status})"
    if status == 401:
        return CredentialRefused(f"VXG does not accept the {credential}: {reason or 'no reason given'} ({where})", hint=_LOST)
    if status == 403:
        hint = 'pictures, clips, events and metadata want a token with access "all"; "watch" is for looking on'
        return AccessMissing(f"the {credential} does not allow this: {reason or 'no reason given'} ({where})", hint=hint)
    if status == 404:
        return NotThere(f"{where} is not there: {reason or 'no reason given'}", hint="it may have been deleted meanwhile")
    if status in {502, 503, 504}:
        return GatewayFailed(f"{where} failed with HTTP {status}", hint="try again later; VXG says how it is on its status page")
    if status >= 500:
        return ServerFailed(f"{where} failed: {reason or 'no reason given'} (HTTP {status})", hint="try again later")
    return Refused(what, status=status)
