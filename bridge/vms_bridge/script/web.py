"""What a script asks of servers outside, through the bridge: to addresses that its header names, and no others."""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode, urlsplit

from vms_bridge.script.asked import ask, given
from vms_bridge.script.checks import check_names, check_text
from vms_bridge.script.durations import Duration, seconds
from vms_bridge.script.errors import Failed
from vms_bridge.script.media import Media
from vms_bridge.script.plain import plain_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.script.asked import Asked

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MOST_S = 60.0
_LONGEST_URL = 2048
_MOST_HEADERS = 64
_LONGEST_AROUND = 256
"""How long the text before or behind a secret may be."""


class HiddenText:
    """A secret of the configuration's that the bridge puts into a header; the script never sees it."""

    __slots__ = ("_said",)

    def __init__(self, said: Mapping[str, str]) -> None:
        for name in ("prefix", "suffix"):
            if said.get(name):
                check_text(said[name], f"the {name} of a secret", _LONGEST_AROUND)
        self._said = said

    def plain(self) -> dict[str, str]:
        """Return what the bridge puts the secret in for."""
        return dict(self._said)

    def __repr__(self) -> str:
        return f"<secret {self._said['secret']!r}>"

    def __format__(self, spec: str) -> NoReturn:
        raise TypeError('a secret can\'t stand in a text: the script never sees it. Write secret("name", prefix="Bearer ")')

    def __radd__(self, before: str) -> HiddenText:
        return HiddenText({**self._said, "prefix": f"{before}{self._said.get('prefix', '')}"})

    def __add__(self, behind: str) -> HiddenText:
        return HiddenText({**self._said, "suffix": f"{self._said.get('suffix', '')}{behind}"})


def secret(name: str, *, prefix: str = "", suffix: str = "", user: str | None = None) -> HiddenText:
    """Stand for a secret of the configuration, as the value of a header.

    `headers={"Authorization": "Bearer " + secret("token")}`

    With `user` it is the password of HTTP's basic authentication. Needs its name in `permissions(secrets=[...])`.
    """
    said = {"secret": check_text(name, "the name of a secret", 64)}
    if user is not None:
        if prefix or suffix:
            raise TypeError("with `user` there is no prefix or suffix: the bridge writes all of the header")
        return HiddenText({**said, "user": check_text(user, "user", 256)})
    return HiddenText({**said, "prefix": prefix, "suffix": suffix})


class Response:
    """What a server has answered: `status`, `headers` (names in small letters), `text()`, `json()`, `bytes`."""

    __slots__ = ("_data", "headers", "status")

    def __init__(self, words: Mapping[str, Any], data: bytes) -> None:
        self._data = data
        self.status: int = int(words["status"])
        self.headers: dict[str, str] = {str(name).lower(): str(value) for name, value in dict(words.get("headers") or {}).items()}

    @property
    def ok(self) -> bool:
        """Whether the server says that it is done: a status of 200 to 299."""
        return 200 <= self.status <= 299

    @property
    def bytes(self) -> bytes:
        """What it has sent."""
        return self._data

    def text(self) -> str:
        """Return what it has sent as a text."""
        return self._data.decode("utf-8", "replace")

    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Return what it has sent as JSON. Raises ValueError where it is none."""
        return json_.loads(self._data)

    def check(self) -> Response:
        """Return itself. Raises Failed where the status says that it is not done."""
        if not self.ok:
            raise Failed(f"the server answers {self.status}: {self.text()[:200]}")
        return self

    def __repr__(self) -> str:
        return f"<Response {self.status} {len(self._data)} bytes>"


class Http:
    """Requests to servers outside: `answer = await http.get("https://api.example/open")`.

    Addresses need `permissions(http=["https://api.example/*"])`. What is sent is one of `json`, `data` (text, bytes, or a dict
    for a form) and `file` (a picture or clip).
    """

    __slots__ = ()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str | HiddenText] | None = None,
        timeout: Duration = 10,
    ) -> Asked[Response]:
        """Get what is there."""
        return self.request("GET", url, params=params, headers=headers, timeout=timeout)

    def post(
        self,
        url: str,
        *,
        json: object = None,
        data: str | bytes | Mapping[str, object] | None = None,
        file: Media | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str | HiddenText] | None = None,
        timeout: Duration = 10,
    ) -> Asked[Response]:
        """Send something there."""
        return self.request("POST", url, json=json, data=data, file=file, params=params, headers=headers, timeout=timeout)

    def put(
        self,
        url: str,
        *,
        json: object = None,
        data: str | bytes | Mapping[str, object] | None = None,
        file: Media | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str | HiddenText] | None = None,
        timeout: Duration = 10,
    ) -> Asked[Response]:
        """Put something there."""
        return self.request("PUT", url, json=json, data=data, file=file, params=params, headers=headers, timeout=timeout)

    def delete(
        self,
        url: str,
        *,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str | HiddenText] | None = None,
        timeout: Duration = 10,
    ) -> Asked[Response]:
        """Delete what is there."""
        return self.request("DELETE", url, params=params, headers=headers, timeout=timeout)

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        data: str | bytes | Mapping[str, object] | None = None,
        file: Media | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str | HiddenText] | None = None,
        timeout: Duration = 10,
    ) -> Asked[Response]:
        """Do any request. Raises NotPermitted for an address that the header does not name, TimedOut, Failed, TooLarge."""
        check_names(method, "method", _METHODS)
        timeout_s = seconds(timeout, "timeout")
        if not 0 < timeout_s <= _MOST_S:
            raise ValueError(f"timeout is more than nothing and at most {_MOST_S:g} s, and not {timeout!r}")
        if sum(each is not None for each in (json, data, file)) > 1:
            raise TypeError("a request sends one of json, data and file")
        said_headers = _headers(headers or {})
        sent = _sent(data, said_headers)
        words = {
            "method": method,
            "url": _url(url, params),
            "headers": said_headers,
            "timeout_s": timeout_s,
            **given(json=None if json is None else plain_words(json, "json"), media=_media(file)),
        }
        return ask("http.request", words, Response, sent).holding(file)


http = Http()


def _url(url: object, params: Mapping[str, object] | None) -> str:
    text = check_text(url, "url", _LONGEST_URL)
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"url is whole, as https://api.example/open, and not {text[:200]!r}")
    if params:
        text += ("&" if parts.query else "?") + urlencode(dict(params), doseq=True)
    return check_text(text, "url with its params", _LONGEST_URL)


def _headers(headers: Mapping[str, str | HiddenText]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if len(headers) > _MOST_HEADERS:
        raise ValueError(f"a request has at most {_MOST_HEADERS} headers, and not {len(headers)}")
    for name, value in headers.items():
        check_text(name, "the name of a header", 200)
        if not isinstance(value, str | int | HiddenText):
            raise TypeError(f"header {name} is a text or secret(...), and not {value!r}")
        if isinstance(value, str) and ("\n" in value or "\r" in value):
            raise ValueError(f"header {name} has one line")
        said[name] = value.plain() if isinstance(value, HiddenText) else str(value)
    return said


def _sent(data: object, headers: dict[str, Any]) -> bytes:
    if data is None:
        return b""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    kind, text = "text/plain; charset=utf-8", data
    if hasattr(data, "items"):
        kind, text = "application/x-www-form-urlencoded", urlencode(dict(data.items()), doseq=True)
    if not isinstance(text, str):
        raise TypeError(f"data is a text, bytes, or a dict for a form, and not {data!r}; for JSON there is json="[:300])
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = kind
    return text.encode()


def _media(file: object) -> Any:  # noqa: ANN401 - the bridge's number or text
    if file is None:
        return None
    if not isinstance(file, Media):
        raise TypeError(
            f"file is a picture or clip, as of snapshot() and clip(), and not {file!r}; for bytes there is data="[:300]
        )
    return file.plain()
