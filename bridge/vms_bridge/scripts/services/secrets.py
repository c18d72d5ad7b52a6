"""Secrets of the configuration that the bridge puts into headers for scripts, which never get them.

A header names a secret, and does not hold it: no text that comes from elsewhere can be taken for such a name.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.concealment import Secrets
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.permissions import require_secret
from vms_bridge.scripts.services.http_headers import check_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.scripts.urls import Url, UrlPattern
    from vms_bridge.scripts.values import Permissions


@dataclass(frozen=True, slots=True)
class ScriptSecret:
    """A secret, and the URLs that it is for."""

    text: str
    patterns: tuple[UrlPattern, ...]

    def __repr__(self) -> str:
        return "<secret>"


class ScriptSecrets:
    """All that scripts may name."""

    def __init__(self, secrets: Mapping[str, ScriptSecret]) -> None:
        self._secrets = dict(secrets)
        self._struck: dict[frozenset[str], Secrets] = {}

    def value(self, permissions: Permissions, name: str, url: Url, *, user: str | None = None) -> str:
        """Return what stands for the secret in a header to this URL: itself, or a login by HTTP basic authentication.

        Raises PermissionMissing: the script has not asked for it, there is none, or it is not for this URL.
        """
        require_secret(permissions, name)
        secret = self._secrets.get(name)
        if secret is None:
            hint = "add it to the configuration, with the URLs that it is for: scripts.secrets"
            raise PermissionMissing(f"there is no secret {name!r}", hint=hint)
        if not any(pattern.matches(url) for pattern in secret.patterns):
            hint = f"add the URL to scripts.secrets.{name}.for in the configuration, if that is meant"
            raise PermissionMissing(f"the secret {name!r} is not for {url.scheme}://{url.host}{url.path}"[:300], hint=hint)
        value = secret.text
        if user is not None:
            value = f"Basic {b64encode(f'{user}:{secret.text}'.encode()).decode()}"
        check_value(f"with the secret {name!r}", value)
        return value

    def is_for(self, name: str, url: Url) -> bool:
        """Say whether a secret is for this URL too, to which one is sent on."""
        secret = self._secrets.get(name)
        return secret is not None and any(pattern.matches(url) for pattern in secret.patterns)

    def struck_for(self, permissions: Permissions) -> Secrets | None:
        """Return what is to be struck out of all that this script hears from elsewhere; None: nothing."""
        names = frozenset(self._secrets.keys() & set(permissions.secrets))
        if not names:
            return None
        if names not in self._struck:
            self._struck[names] = Secrets(self._secrets[name].text for name in names)
        return self._struck[names]
