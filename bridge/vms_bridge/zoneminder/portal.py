"""The address of a ZoneMinder as people copy it, made that of its portal."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from vms_bridge.addresses import WrongAddress, parse_address

_SCHEMES = {"http": 80, "https": 443}
_PAGES = re.compile(
    r"(?i)/(?:(?:index\.php|cgi-bin)(?:/.*)?|api(?:/.*\.(?:json|xml)|/(?:host|monitors|events|states|configs|zones|servers)(?:/.*)?)?)/?$"
)
"""What people copy from the browser's address line, or from ZoneMinder's documentation, behind the portal's path."""
_SECRET_PARAMETERS = frozenset({"user", "username", "pass", "password", "token", "auth"})


class LoginInAddress(WrongAddress):
    """An address with a login in it, which would get into logs."""


def portal_of(text: str) -> str:
    """Return the portal, such as https://host/zm, that this address leads to. Raises WrongAddress, which quotes nothing of it."""
    address = parse_address(text, _SCHEMES)
    parameters = parse_qsl(f"{address.query}&{address.fragment}", keep_blank_values=True)
    if address.username is not None or {name.lower() for name, _ in parameters} & _SECRET_PARAMETERS:
        raise LoginInAddress("credentials do not belong in the address", "give user and password beside it")
    path = re.sub("/{2,}", "/", address.path)
    return f"{address.scheme}://{address.place}{_PAGES.sub('', path).rstrip('/')}"


def page_of(portal: str) -> str:
    """Return where everything of the portal is asked for that is not the API: pictures, videos, control."""
    return f"{portal}/index.php"


def zms_url(portal: str, path: str) -> str:
    """Return where zms is: ZM_PATH_ZMS is a path on the portal's host."""
    parts = urlsplit(portal)
    if not path.startswith("/") or path.startswith("//") or ".." in path or "?" in path:
        return f"{portal}/cgi-bin/nph-zms"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def live_query(monitor_id: str) -> dict[str, str]:
    """Return what zms is asked for one picture of now."""
    return {"monitor": monitor_id, "mode": "single", "scale": "100"}
