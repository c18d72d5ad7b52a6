"""Pictures and videos: the script has a handle, the bridge has the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.script.asked import ask, given, nothing
from vms_bridge.script.checks import check_number, check_switch, check_text
from vms_bridge.script.errors import TooLarge
from vms_bridge.script.link import SEAT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.script.asked import Asked

MOST_READ = 4 * 1024 * 1024
_PART = 1024 * 1024


class Media:
    """A picture or video that the bridge holds. Hand it to `http.post(url, file=...)`, `notify(..., media=...)` or `detect`.

    `type` is such as "image/jpeg", `size` is in bytes (None while it is not known), `name` is what it may be called.
    """

    __slots__ = ("__weakref__", "id", "name", "size", "type")

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.id: Any = words["id"]
        self.type: str = str(words.get("type") or "application/octet-stream")
        self.size: int | None = words.get("size")
        self.name: str = str(words.get("name") or "")

    def plain(self) -> Any:  # noqa: ANN401 - the bridge's number or text
        """Return its form in JSON."""
        return self.id

    def read(self, offset: int = 0, size: int | None = None) -> Asked[bytes]:
        """Read its bytes, at most 4 MB at once: `data = await picture.read()`."""
        check_number(offset, "offset", 0, 2**53)
        check_number(size, "size", 1, MOST_READ)
        if size is None and self.size is not None and self.size - offset > MOST_READ:
            raise TooLarge(
                f"{self.name or 'this'} has {self.size} bytes", hint="read it in parts: read(offset, size), at most 4 MB each"
            )
        return ask("media.read", {"media": self.id, "offset": offset, **given(size=size)}, lambda _, data: data).holding(self)

    def export(self, name: str | None = None, *, folder: str | None = None, overwrite: bool = False) -> Asked[str]:
        """Write it as a file into the folder that an administrator has set (`scripts.export_folder`); answers the path.

        `folder` is one in that folder. A file of that name is refused unless `overwrite`. Needs `permissions(export=True)`.
        """
        words = given(
            name=None if name is None else check_text(name, "name", 200),
            folder=None if folder is None else check_text(folder, "folder", 200),
            overwrite=check_switch(overwrite, "overwrite") or None,
        )
        return ask("media.export", {"media": self.id, **words}, lambda said, _: str(said.get("path", ""))).holding(self)

    def drop(self) -> None:
        """Let go of it now. It is let go of anyway when nothing in the script knows it any more."""
        self._let_go()

    def _let_go(self) -> None:
        here, gone = SEAT.link, self.id
        if here is not None and gone is not None:
            self.id = None
            here.later(lambda: here.ask("media.drop", {"media": gone}, nothing, b""))

    def __del__(self) -> None:
        self._let_go()

    def __repr__(self) -> str:
        return f"<Media {self.name or self.id} {self.type}>"


def media_of(words: Mapping[str, Any], _data: bytes) -> Media:
    """Return the handle that an answer has."""
    return Media(words["media"])
