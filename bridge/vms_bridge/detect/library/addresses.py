"""Pictures and videos by their addresses: bounded in size and time, certificates checked, no redirection followed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from vms_bridge.doors import HttpOptions
from vms_bridge.errors import TooLarge, VmsError, VmsUnreachable
from vms_bridge.http import HttpClient
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from typing import BinaryIO

TIMEOUT_S = 30.0
_ENCODED = "%/:?#[]@!$&'()*+,;=~"
"""What stays as it is in an address that somebody has written."""


async def save_address(url: str, file: BinaryIO, *, limit_bytes: int, verify: bool = True) -> None:
    """Write what is there into a file; `verify=False` believes any certificate. Raises VmsError, also where it is refused."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise VmsError(f"{parts.scheme!r} is no way to a web server", hint="write http:// or https://")
    place = f"{parts.hostname}{parts.path}"
    options = HttpOptions(url=url, verify_tls=verify)
    try:
        async with HttpClient(options, TIMEOUT_S, "*/*", name="the web server") as http:
            stream = await http.open(quote(url, safe=_ENCODED), headers={})
            try:
                if stream.status != 200:
                    raise VmsError(f"{place} answers HTTP {stream.status}")
                size = 0
                while piece := await stream.read():
                    if (size := size + len(piece)) > limit_bytes:
                        raise TooLarge(f"what {place} gives is larger than {limit_bytes} bytes")
                    await in_thread("download", partial(file.write, piece))
            finally:
                stream.close()
    except VmsUnreachable as error:
        if "certificate" not in str(error):
            raise
        hint = "have the authority of its certificate trusted on this machine, or give the check up by disable_ssl_cert_check"
        raise VmsUnreachable(str(error), hint=hint) from None
