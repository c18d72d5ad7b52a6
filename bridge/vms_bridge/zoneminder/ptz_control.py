"""The way to ZoneMinder's camera control: its table of control types, its control page, and `request=control`.

The API can't move a camera: that is done by the portal's own page, which answers 200 whatever became of it. What it says is
only that the word was handed on to the camera's module: whether the camera has moved, nobody knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import Redirected, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.zoneminder.answers import NotJson, UnfitJson, decode
from vms_bridge.zoneminder.parse import as_text, mapping
from vms_bridge.zoneminder.ptz_values import parse_control, parse_preset_names
from vms_bridge.zoneminder.refusals import (
    EmptyAnswer,
    GatewayFailed,
    LoginWanted,
    NotThere,
    PermissionMissing,
    ServerFailed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.zoneminder.client import Client
    from vms_bridge.zoneminder.ptz_orders import Order
    from vms_bridge.zoneminder.ptz_values import Capabilities

CONTROL_S = 20.0
"""How long one word may take: where no control daemon runs yet, ZoneMinder starts it, and tries ten times, a second apart."""
_PAGE_BYTES = 2 * 1024 * 1024
_ANSWER_BYTES = 256 * 1024
_LOG_HINT = "look at ZoneMinder's log, component zmcontrol, and at the web server's"
_PLACE_HINT = "url: must be ZoneMinder's web address; of a monitor on another server, PathToIndex in Options > Servers"
_RIGHT_HINT = "give the user the permission Control in ZoneMinder's Options > Users"


class ControlDoor:
    """What is asked of one ZoneMinder about its cameras' controls; `url` is its portal.

    `at` is the API of the server that runs the monitor, None for the portal's own: the control daemon is there and nowhere else.
    """

    def __init__(self, client: Client, url: str) -> None:
        self._client, self._url = client, url

    async def capabilities(self, control_id: str) -> Capabilities:
        """Return what cameras of this control type can do. Raises NotThere and other VmsErrors."""
        found = parse_control(mapping(await self._client.get(f"controls/{control_id}")).get("control"))
        if found is None:
            raise VmsProtocolError(f"api/controls/{control_id} answered without a control type", hint="look at ZoneMinder's log")
        return found

    async def preset_names(self, monitor_id: str, *, at: str | None = None) -> Mapping[int, str]:
        """Return the presets' names by number; none where this version or this user's rights hide the page. Raises VmsError."""
        query = {"view": "control", "mid": monitor_id}
        try:
            status, content_type, body = await self._client.fetch(self._page(at), query, _PAGE_BYTES)
        except (LoginWanted, Redirected):
            return {}
        if status >= 500:
            raise ServerFailed(f"ZoneMinder's control page failed with HTTP {status}", hint=_LOG_HINT)
        return parse_preset_names(body.decode("utf-8", "replace")) if status == 200 and "html" in content_type else {}

    async def send(self, monitor_id: str, order: Order, *, at: str | None = None, timeout_s: float = CONTROL_S) -> None:
        """Hand the word on to the camera's module. Raises PermissionMissing, EmptyAnswer, TimedOut or another VmsError."""
        query = {"view": "request", "request": "control", "id": monitor_id, "control": order.control, **order.details}
        status, content_type, body = await self._client.fetch(self._page(at), query, _ANSWER_BYTES, timeout_s=timeout_s)
        problem = _problem(self._client, status, content_type, body)
        if problem is not None:
            raise problem

    def _page(self, at: str | None) -> str:
        return f"{self._url if at is None else at.removesuffix('/api')}/index.php"


def _problem(client: Client, status: int, content_type: str, body: bytes) -> VmsError | None:
    """Return why it was not done; None where it was handed on."""
    if status >= 400:
        return _refusal(status)
    if not body.strip():
        return EmptyAnswer("ZoneMinder said nothing about its camera control", hint=_LOG_HINT)
    try:
        answer = mapping(decode(body).value)
    except (NotJson, UnfitJson):
        return _page_problem(body, content_type)
    said = as_text(answer.get("message"))
    if as_text(answer.get("result")).lower() == "ok":
        return None
    if "permission" in said.lower():
        return PermissionMissing(f"ZoneMinder refuses to control the camera: {client.quoted(said)}", hint=_RIGHT_HINT)
    return VmsProtocolError(
        f"ZoneMinder did not control the camera: {client.quoted(said) or 'it says no reason'}", hint=_LOG_HINT
    )


def _refusal(status: int) -> VmsError:
    if status in {401, 403}:
        return PermissionMissing(f"ZoneMinder refuses to control the camera (HTTP {status})", hint=_RIGHT_HINT)
    if status == 404:
        return NotThere("ZoneMinder's index.php is not there (HTTP 404)", hint=_PLACE_HINT)
    kind = GatewayFailed if status in {502, 503, 504} else ServerFailed if status >= 500 else VmsProtocolError
    return kind(f"ZoneMinder's camera control failed with HTTP {status}", hint=_LOG_HINT)


def _page_problem(body: bytes, content_type: str) -> VmsError:
    text = body[: 64 * 1024].decode("utf-8", "replace").lower()
    if "csrf" in text:
        return VmsProtocolError(
            "ZoneMinder took the camera control for a forged one (CSRF)",
            hint="ask it at its own address, or switch ENABLE_CSRF_MAGIC off under Options > System",
        )
    if "view=login" in text or 'name="password"' in text or 'name="view" value="login"' in text:
        return LoginWanted("ZoneMinder's camera control wants a login", hint=_RIGHT_HINT)
    if "permission" in text:
        return PermissionMissing("ZoneMinder refuses to control the camera", hint=_RIGHT_HINT)
    kind = content_type or "something without a type"
    return VmsProtocolError(f"ZoneMinder's camera control answered {kind}, and no JSON", hint=_LOG_HINT)


def is_refusal(error: VmsError) -> bool:
    """Say whether it is certain that the camera was not told."""
    return isinstance(error, VmsAuthFailed | NotThere)
