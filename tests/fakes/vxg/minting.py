"""Tokens as VXG makes them: packed ones of groups and channels, and what is within."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any


def packed(said: dict[str, Any]) -> str:
    """[S] Standard base64 of JSON, padded."""
    return base64.b64encode(json.dumps(said).encode()).decode()


@dataclass(slots=True)
class Mint:
    """Makes tokens, and knows which are good."""

    host: str = "127.0.0.1"
    port: int = 80
    path: str = ""
    names_api: bool = True
    """Whether tokens say where the API is."""
    _good: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    _serial: int = 0

    def of_channel(self, channel_id: int, access: str = "all") -> str:
        """[S] The keys of a channel's token; the structure of what is within is [I]."""
        inner = self._inner("Acc", channel_id, access)
        return packed({"token": inner, "camid": channel_id, "cmngrid": channel_id + 1000, "access": access, **self._place()})

    def of_group(self, group_id: int, access: str = "all") -> str:
        """[S] The same idea without a camid."""
        return packed({"token": self._inner("SI", group_id, access), "access": access, **self._place()})

    def revoke(self, token: str) -> None:
        """Have a packed token be good no more."""
        self._good.pop(inner_of(token) or "", None)

    def whose(self, inner: str | None) -> tuple[str, int, str] | None:
        """Return the scheme, the id and the access of an inner token; None for one that is not good."""
        return self._good.get(inner or "")

    def _inner(self, scheme: str, number: int, access: str) -> str:
        self._serial += 1
        si = base64.urlsafe_b64encode(json.dumps({"si": self._serial}).encode()).decode().rstrip("=")
        inner = f"share.{si}.{self._serial:024x}.{'Sgn' * 9}{self._serial}"
        self._good[inner] = (scheme, number, access)
        return inner

    def _place(self) -> dict[str, Any]:
        if not self.names_api:
            return {}
        return {
            **({"path": self.path} if self.path else {}),
            "api": self.host,
            "api_p": self.port,
            "api_sp": 443,
            "cam": self.host,
            "cam_p": 8888,
            "cam_sp": 8883,
            "proxy": {"socks4": "evil.example:1080", "socks5": "evil.example:1080"},
        }


def inner_of(token: str) -> str | None:
    """Return what is within a packed token."""
    try:
        said = json.loads(base64.b64decode(token, validate=True))
    except ValueError:
        return None
    inner = said.get("token") if isinstance(said, dict) else None
    return inner if isinstance(inner, str) else None
