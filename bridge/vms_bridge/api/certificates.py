"""The certificate that the API shows, read again when its files have changed: those who renew it need not tell the bridge."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge.errors import DoorClosed
from vms_bridge.logs import Trouble
from vms_bridge.threads import in_thread
from vms_bridge.tls import UnusableFile, fingerprint_of, server_context

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from vms_bridge.api.config import TlsFiles
    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
_LOOK_S = 30.0


class Certificates:
    """The newest one that could be used; without `files` nothing is encrypted."""

    def __init__(self, files: TlsFiles | None, clock: Clock) -> None:
        self._files, self._clock = files, clock
        self._trouble = Trouble(_LOGGER, "the API's new certificate can't be used, the old one is shown", clock.monotonic)
        self._stamp: object = None
        self.context: ssl.SSLContext | None = None
        """How to speak TLS with whoever comes now."""
        self.fingerprint: str | None = None
        """The certificate's SHA-256 in hex; None without one."""

    async def load(self) -> None:
        """Read the files. Raises DoorClosed."""
        if self._files is None:
            return
        certificate, key = self._files.certificate, self._files.key
        stamp = await in_thread("certificate", lambda: (_stamp(certificate), _stamp(key)))
        try:
            context, shown = await in_thread(
                "certificate", lambda: (server_context(certificate, key), fingerprint_of(certificate))
            )
        except UnusableFile as error:
            raise DoorClosed(str(error), hint=error.hint) from error
        finally:
            self._stamp = stamp
        if self.fingerprint not in {None, shown}:
            _LOGGER.info("the API shows another certificate, with the SHA-256 %s", shown)
        self.context, self.fingerprint = context, shown

    async def run(self) -> None:
        """Read the files again whenever they have changed, until cancelled."""
        while self._files is not None:
            await self._clock.sleep(_LOOK_S)
            certificate, key = self._files.certificate, self._files.key
            if await in_thread("certificate", lambda: (_stamp(certificate), _stamp(key))) == self._stamp:  # noqa: B023 - run at once
                continue
            try:
                await self.load()
            except DoorClosed as error:
                self._trouble.report(error, hint=error.hint)
            else:
                self._trouble.over()


def _stamp(file: Path) -> object:
    """Return what changes when somebody changes the file. Blocking."""
    try:
        status = file.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino
