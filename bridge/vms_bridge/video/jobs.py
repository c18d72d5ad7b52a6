"""What a child can be asked to do. A job is sent over its standard input: addresses may have passwords in them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Reading(StrEnum):
    """How a video is read; what is read so may name no other protocols."""

    RTSP = "rtsp"
    HTTP = "http"
    FILES = "files"
    """Files, one after the other."""
    FED = "fed"
    """What the bridge gives on standard input, behind the job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """Where a video comes from."""

    reading: Reading
    urls: tuple[str, ...] = field(default=(), repr=False)
    format: str | None = None
    """FFmpeg's name of the container, where it can't be found out."""
    is_paced: bool = True
    """Whether files are read as fast as they play, and not as fast as that goes."""
    is_repeated: bool = True
    """Whether they are read again and again."""

    @property
    def secrets(self) -> Iterator[str]:
        """What nobody is to see of it."""
        for url in self.urls if self.reading in {Reading.RTSP, Reading.HTTP} else ():
            parts = urlsplit(url)
            yield url
            if parts.password:
                yield unquote(parts.password)
                yield parts.netloc.rpartition("@")[0]
            yield from (value for _, value in parse_qsl(parts.query) if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may take. Memory is address space, of which libraries alone take some hundred MB."""

    memory_bytes: int = 1024 * 1024 * 1024
    processor_s: int | None = None
    """In all; None: without an end, as far as `share` goes."""
    share: float | None = None
    """Of one processor, over half a minute."""


class Job(Protocol):
    """A frozen dataclass that JSON can hold."""

    kind: ClassVar[str]
    """By which name the child knows it."""

    @property
    def limits(self) -> Limits:
        """What the child may take for it."""

    @property
    def secrets(self) -> Iterator[str]:
        """What nobody is to see of it, in whatever the child says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remux:
    """Hand a live video on, as MPEG-TS and as fragments of MP4 at once; its times begin at `since_s`."""

    kind: ClassVar[str] = "remux"
    input: Input
    since_s: float = 0.0
    limits: Limits = Limits(share=0.5)

    @property
    def secrets(self) -> Iterator[str]:
        """What nobody is to see of it."""
        return self.input.secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """Decode what is fed, and give `rate` pictures a second at most, no wider than `width` pixels."""

    kind: ClassVar[str] = "decode"
    input: Input
    rate: float
    width: int
    limits: Limits = Limits()

    @property
    def secrets(self) -> Iterator[str]:
        """Nothing."""
        return iter(())


def encode(job: Job) -> bytes:
    """Return the job as its line."""
    return json.dumps({"kind": job.kind, "job": asdict(job)}).encode() + b"\n"  # type: ignore[call-overload]  # a dataclass


def input_of(said: Mapping[str, Any]) -> Input:
    """Read an input."""
    return Input(**{**said, "reading": Reading(said["reading"]), "urls": tuple(said["urls"])})


def limits_of(said: Mapping[str, Any]) -> Limits:
    """Read limits."""
    return Limits(**said)
