"""`vms-bridge check`: the settings of ZoneMinder that clients of its API are told to mind, and what they mean to the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.backends.base import Finding
from vms_bridge.errors import VmsAuthFailed, VmsError, VmsUnreachable
from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Collection

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.zoneminder import Version

_ON = ("1", "true", "on", "yes")
_WHERE = "under Options > System"
_USER_API = "turn on API access for this user under Options > Users"
_API = f"turn on OPT_USE_API {_WHERE}"


class _Harmless(NamedTuple):
    """A setting that matters to others: at which values, and why it does not here."""

    name: str
    values: Collection[str]
    why: str


_HARMLESS = (
    _Harmless("AUTH_RELAY", ("plain", "none"), "it is about login hashes; the bridge shows tokens"),
    _Harmless("AUTH_HASH_IPS", _ON, "it binds login hashes to an address; the bridge shows tokens"),
    _Harmless("ENABLE_CSRF_MAGIC", _ON, "it guards the forms of web pages; the bridge sends none of these"),
    _Harmless("OPT_USE_GOOG_RECAPTCHA", _ON, "it guards the login page; the bridge logs in by the API"),
)


def remedy(error: VmsError) -> str:
    """Return what to do about a refusal, by the setting that it comes from where that is told, else as the error has it."""
    said = str(error).lower()
    if "api disabled for" in said:
        return _USER_API
    return _API if "api disabled" in said else error.hint


async def about_settings(api: Api, version: Version) -> list[Finding]:
    """Name the settings that are as other clients can't have them, and say that they do not matter here, or that they do.

    None of them holds a secret. Those that this user may not read are passed over.
    """
    found: list[Finding] = []
    for setting in _HARMLESS:
        try:
            answer = mapping(await api.get(f"configs/viewByName/ZM_{setting.name}"))
        except (VmsAuthFailed, VmsUnreachable):
            return found
        except VmsError:
            continue
        value = as_text(mapping(answer.get("config")).get("Value")).strip().lower()
        if value not in setting.values:
            continue
        said = f"{setting.name} is {'on' if value in _ON else value}"
        if setting.name == "OPT_USE_GOOG_RECAPTCHA" and version < (1, 34):
            found.append(Finding(text=f"{said}: before 1.34 no program can log in", problem=True, hint=f"turn it off {_WHERE}"))
        else:
            found.append(Finding(text=f"{said}, which does not matter: {setting.why}"))
    return found
