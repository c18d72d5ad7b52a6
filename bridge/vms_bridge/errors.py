"""Everything that can go wrong, by cause.

    BridgeError
    ├ ConfigError               ├ CommandError
    │ └ InvalidConfig           │ ├ UnsupportedCommand   refused: the capability is missing
    ├ StoreError                │ ├ CommandRejected      the VMS said no
    ├ VmsError                  │ └ CommandUnverified    sent, but its effect was not seen in time
    │ ├ VmsUnreachable          ├ MediaUnavailable
    │ ├ VmsAuthFailed           └ BrokerError
    │ └ VmsProtocolError          ├ BrokerUnreachable
                                  ├ BrokerRefused
                                  └ RivalBridge

`code` crosses every border unchanged (MQTT, API); the message says what happened and where, `hint` what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_Error = TypeVar("_Error", bound=BaseException)


class BridgeError(Exception):
    """The root: anything that the bridge can explain."""

    code: ClassVar[str] = "error"

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


class CommandError(BridgeError):
    """A command that was not applied."""

    code = "command"


class UnsupportedCommand(CommandError):
    """The target can't do this."""

    code = "unsupported"


class CommandRejected(CommandError):
    """The VMS said no."""

    code = "rejected"


class CommandUnverified(CommandError):
    """The command was sent, but its effect did not show in time."""

    code = "unverified"


class MediaUnavailable(BridgeError):
    """There is no such picture or clip, or not yet."""

    code = "media"


class BrokerError(BridgeError):
    """Something between the bridge and the MQTT broker."""

    code = "broker"


class BrokerUnreachable(BrokerError, OSError):
    """No connection to the broker."""

    code = "broker_unreachable"


class BrokerRefused(BrokerError):
    """The broker answered, and said no."""

    code = "broker_refused"


class RivalBridge(BrokerError):
    """Another bridge with the same instance name is at work on this broker."""

    code = "rival"


def causes(group: BaseExceptionGroup[_Error]) -> Iterator[_Error]:
    """Yield the errors in a group, however deep they are nested; the one that made the others stop comes first."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from causes(error)
        else:
            yield error
