"""Everything that can go wrong, by cause.

    BridgeError
    ├ ConfigError               ├ CommandError
    │ └ InvalidConfig           │ ├ UnsupportedCommand   refused: the capability is missing
    ├ StoreError                │ ├ CommandRejected      the VMS said no
    ├ OutputError               │ └ CommandUnverified    sent, but its effect was not seen in time
    ├ TokenRefused              ├ SearchRefused
    ├ ReceiverRefused           ├ ReceiverBusy
    ├ DoorClosed                ├ MediaUnavailable
    ├ VideoFailed               │ ├ NoSuchEvent          the VMS has no such event, or no more
    ├ DetectionFailed           │ ├ NoSuchPart           it is there, but has not the bytes that were asked for
    │ ├ EngineGone              │ └ ClipRefused, NoRoom  no clip can be made of what is there
    │ ├ ModelRefused            ├ ContributionRefused
    │ └ PictureRefused          ├ RequestError           a request to the API that is not served
    └ VmsError                  ├ NobodyAnswers, RequestUnanswered
      ├ VmsUnreachable          └ BrokerError
      ├ VmsAuthFailed             ├ BrokerUnreachable
      ├ VmsProtocolError          ├ BrokerRefused
      └ BackendDefect             └ RivalBridge

`code` crosses every border unchanged (MQTT, API); the message says what happened and where, `hint` what to do.
`explaining.explained` makes one of these of anything that may come out of a part that is not ours to trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


class BridgeError(Exception):
    """The root: anything that the bridge can explain."""

    code: ClassVar[str] = "error"
    is_fatal: ClassVar[bool] = False
    """Whether the bridge has to end for it, whichever part it comes from."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(BridgeError):
    """The configuration can't be used; `file`, `line` (from 1) and `key` say where."""

    code = "config"

    def __init__(
        self, message: str, *, hint: str = "", file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.file, self.line, self.key = file, line, key

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return " ".join(part for part in (where and f"{where}:", self.key and f"{self.key}:", super().__str__()) if part)


class InvalidConfig(ConfigError):
    """A configuration file with mistakes in it: all that were found, in the order of their lines."""

    def __init__(self, mistakes: Sequence[ConfigError]) -> None:
        self.mistakes = tuple(mistakes)
        count = "a mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
        super().__init__(f"the configuration has {count}", hint="`vms-bridge check` names each with its remedy")

    def __str__(self) -> str:
        return "\n".join(f"{mistake} ({mistake.hint})" if mistake.hint else str(mistake) for mistake in self.mistakes)


class StoreError(BridgeError):
    """The data directory or the database in it can't be used."""

    code = "store"


class TokenRefused(BridgeError):
    """There can be no such token."""

    code = "token"


class ReceiverRefused(BridgeError):
    """There can be no such receiver of what comes from outside."""

    code = "receiver"


class ReceiverBusy(BridgeError):
    """A receiver has too much to do already; it may be tried again soon."""

    code = "busy"


class DoorClosed(BridgeError):
    """A door of the API can't be opened: its address, its socket or its certificate can't be used."""

    code = "door"


class VmsError(BridgeError):
    """Something between the bridge and a VMS."""

    code = "vms"

    def __init__(self, message: str, *, hint: str = "", system: str = "") -> None:
        super().__init__(message, hint=hint)
        self.system = system


class VmsUnreachable(VmsError, OSError):
    """No answer: refused, timed out, name not found, TLS failed."""

    code = "unreachable"


class VmsAuthFailed(VmsError):
    """The VMS does not accept the credentials, or their permissions do not suffice."""

    code = "auth"


class VmsProtocolError(VmsError):
    """The VMS answered something that can't be understood."""

    code = "protocol"


class TimedOut(VmsUnreachable):
    """No answer in time; what was asked for may have been done all the same."""


class ConnectionClosed(VmsUnreachable):
    """The server took the question and hung up."""


class GateClosed(VmsAuthFailed):
    """What is in front of the server (a web server's own login, a proxy) does not let the bridge through."""


class BrokeOff(VmsProtocolError):
    """The answer came to an end before it was whole; what was asked for may have been done all the same."""


class TooLarge(VmsProtocolError):
    """The answer is larger than anybody can mean; what was asked for in parts may be had in smaller ones."""


class Redirected(VmsProtocolError):
    """The server sends whoever asks to another place, `location`."""

    def __init__(self, message: str, *, hint: str, location: str) -> None:
        super().__init__(message, hint=hint)
        self.location = location


class BackendDefect(VmsError):
    """A backend failed in a way that it does not explain: a mistake in its program. `kind` says how, without foreign words."""

    code = "error"

    def __init__(self, kind: str, text: str = "") -> None:
        self.kind = kind
        hint = "this is a defect of that kind of system: the log has more, please report it"
        super().__init__(f"internal error: {kind}{': ' if text else ''}{text}", hint=hint)


class CommandError(BridgeError):
    """A command that was not applied."""

    code = "command"


class UnsupportedCommand(CommandError):
    """The target can't do this."""

    code = "unsupported"


class CommandRejected(CommandError):
    """The VMS said no."""

    code = "rejected"


class CommandForbidden(CommandRejected):
    """Whoever asks may not."""

    code = "forbidden"


class CommandTooOld(CommandRejected):
    """The command waited for too long before the bridge could receive it."""

    code = "too_old"


class CommandUnverified(CommandError):
    """The command was sent, but its effect did not show in time."""

    code = "unverified"


class MediaUnavailable(BridgeError):
    """There is no such picture or clip, or not yet."""

    code = "media"


class MediaBusy(MediaUnavailable):
    """Too many pictures and clips are read from the system at a time; it may be tried again soon."""

    code = "busy"


class VideoFailed(BridgeError):
    """A video can't be read, or no more; what reads it may have failed, or been ended for taking too much."""

    code = "video"


class DetectionFailed(BridgeError):
    """A picture could not be looked at."""

    code = "detection"


class EngineGone(DetectionFailed):
    """The process that looks at pictures has ended, is not there, does not answer in time, or has too much to do."""

    code = "engine_gone"


class ModelRefused(DetectionFailed):
    """A model can't be used: it can't be loaded, was not understood, or fails."""

    code = "model"


class PictureRefused(DetectionFailed):
    """A picture can't be decoded: it is broken, too large, or none."""

    code = "picture"


class ClipRefused(MediaUnavailable):
    """What is asked for is there, and no clip is made of it: too long, too large, or its parts don't fit together."""

    code = "clip"


class NoRoom(MediaUnavailable):
    """There is no room on the disk, or in the spool, to make a clip."""

    code = "no_room"


class SearchRefused(BridgeError):
    """What is asked of the index can't be answered: it makes no sense, or takes too long."""

    code = "search"


class SearchBusy(SearchRefused):
    """Too many searches wait already; it may be tried again soon."""

    code = "busy"


class NoSuchEvent(MediaUnavailable):
    """The VMS has no such event, or no more."""

    code = "gone"


class NoSuchPart(MediaUnavailable):
    """A picture or clip has not the bytes that were asked for; `length` is how many it has."""

    code = "range"

    def __init__(self, message: str, *, hint: str = "", length: int) -> None:
        super().__init__(message, hint=hint)
        self.length = length


class ContributionRefused(BridgeError):
    """What a part other than a backend wanted to add can't be added."""

    code = "contribution"


class LinkKeyRefused(BridgeError):
    """There can be no such key for links, or it does not sign such ones."""

    code = "link_key"


class RequestError(BridgeError):
    """A request to the API that is not served."""

    code = "request"


class RequestInvalid(RequestError):
    """It says something that can't be understood; `mistakes` are pairs of the field and what is wrong with it."""

    code = "invalid"

    def __init__(self, message: str, *, hint: str = "", mistakes: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message, hint=hint)
        self.mistakes = tuple(mistakes)


class BodyInvalid(RequestInvalid):
    """Its body is JSON, and says something else than what can be asked for."""


class BodyTooLarge(RequestError):
    """Its body is larger than what it is for takes."""

    code = "too_large"


class Unauthenticated(RequestError):
    """It brings no token, or none that is known, or no more."""

    code = "unauthenticated"


class RequestForbidden(RequestError):
    """Whoever asks is known, and may not."""

    code = "forbidden"


class NotFound(RequestError):
    """There is nothing of that name, or nothing that whoever asks may know of."""

    code = "not_found"


class TooManyRequests(RequestError):
    """Whoever asks has asked too often, or too much at a time; after `retry_after_s` it may be tried again."""

    code = "too_many"

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Misdirected(RequestError):
    """It is meant for another server, as far as the bridge can tell: its `Host` is no name of the API."""

    code = "misdirected"


class LinkRefused(RequestError):
    """It comes by a link that is not good, or not any more; why, is told to nobody."""

    code = "link"


class PairingClosed(RequestError):
    """Nobody has opened pairing, or it has been closed since."""

    code = "pairing_closed"


class PairingCodeWrong(RequestError):
    """The code is another one than that of the opening."""

    code = "wrong_code"


class RangeUnsatisfiable(RequestError):
    """It asks for bytes behind the end of something that has `length` of them."""

    code = "range"

    def __init__(self, length: int) -> None:
        super().__init__(f"it has {length} bytes, and none of those that were asked for")
        self.length = length


class NobodyAnswers(BridgeError):
    """Nobody is there who has said that it answers such questions."""

    code = "nobody_answers"


class RequestUnanswered(BridgeError):
    """Who was asked has not answered in time, has gone, or says that it can't."""

    code = "unanswered"


class BrokerError(BridgeError):
    """Something between the bridge and the MQTT broker."""

    code = "broker"


class BrokerUnreachable(BrokerError, OSError):
    """No connection to the broker."""

    code = "broker_unreachable"


class BrokerRefused(BrokerError):
    """The broker answered, and said no."""

    code = "broker_refused"


class StrangeSession(BrokerError):
    """The broker had a session for our client id that was not ours."""

    code = "strange_session"


class OutputError(BridgeError):
    """What a sink writes to, a file or standard output, does not take it."""

    code = "output"


class RivalBridge(BrokerError):
    """Another bridge with the same instance name is at work on this broker."""

    code = "rival"
    is_fatal = True


def system_gone(system: str) -> CommandRejected:
    """Return the refusal of a command for a system that there is no more."""
    return CommandRejected(f"there is no system {system!r} any more", hint="the configuration was reloaded")


def in_words(error: BridgeError) -> str:
    """Return what happened, and what to do about it if that is known."""
    return f"{error}: {error.hint}" if error.hint else str(error)
