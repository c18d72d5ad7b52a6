"""Which system of the configuration is asked itself, and secrets that are given beside it: never as arguments."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict, TypeVar

import click
from pydantic import BaseModel

from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.cli.program import Program

_Settings = TypeVar("_Settings", bound=BaseModel)
FILE = click.Path(path_type=Path, dir_okay=False)
TLS_OPTIONS = (
    click.option("--ca-file", type=FILE, metavar="FILE", help="Who has signed the certificate there."),
    click.option("--fingerprint", metavar="SHA256", help="The certificate that is shown there."),
    click.option("--no-verify-tls", "verify_tls", flag_value=False, default=None, help="Take any certificate."),
)


class Tls(TypedDict, total=False):
    """What `TLS_OPTIONS` say, as both libraries take it."""

    verify: bool
    ca_file: Path
    fingerprint: str


class Kind(NamedTuple):
    """A kind of VMS, in words: what it is called, and how one that is in no configuration is named."""

    title: str
    otherwise: str


def configured(config: Path, system: str | None, wanted: type[_Settings], kind: Kind, program: Program) -> _Settings:
    """Return the settings of the system of this key, or of the only one of this kind. Raises click.UsageError and ConfigError."""
    if system is None and not config.exists():
        raise click.UsageError(
            f"say which {kind.title}: --config FILE names the bridge's configuration ({config} is not there),"
            f" {kind.otherwise} any other one"
        )
    from vms_bridge.config import load  # noqa: PLC0415  # --help has no use for it

    loaded = load(config)
    program.secrets.include("configuration", loaded.secrets())
    known = {key: each.settings for key, each in loaded.systems.items() if isinstance(each.settings, wanted)}
    if system is not None and system not in known:
        other = loaded.systems.get(system)
        what = "is not there" if other is None else f"is no {kind.title}, but of type {other.kind.name}"
        hint = f"there are: {', '.join(known)}" if known else f"say which one by {kind.otherwise}"
        raise ConfigError(f"the system {system!r} {what}", file=str(config), hint=hint)
    if system is None and len(known) != 1:
        if known:
            raise click.UsageError(f"say which {kind.title}, by --system: {', '.join(known)}")
        raise ConfigError(f"has no {kind.title}", file=str(config), hint=f"say which one by {kind.otherwise}")
    return known[system] if system is not None else next(iter(known.values()))


def tls_of(ca_file: Path | None, fingerprint: str | None, *, verify_tls: bool | None) -> Tls:
    """Return what a library is told of `TLS_OPTIONS`."""
    said: Tls = {"verify": verify_tls is not False}
    if ca_file is not None:
        said["ca_file"] = ca_file
    if fingerprint is not None:
        said["fingerprint"] = fingerprint
    return said


@contextmanager
def as_usage_error() -> Iterator[None]:
    """Have what is wrong with options of `--url` be a wrong usage, and not a wrong configuration. Raises click.UsageError."""
    try:
        yield
    except ConfigError as error:
        raise click.UsageError(f"{error}{f': {error.hint}' if error.hint else ''}") from None


def secret_in(file: Path, option: str) -> str:
    """Return the secret in a file, without the end of its line. Raises click.BadParameter, which quotes nothing of it."""
    try:
        text = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{file} can't be read: {error}", param_hint=option) from None
    if not text:
        raise click.BadParameter(f"{file} is empty", param_hint=option)
    return text


def belongs_to_url(name: str) -> click.UsageError:
    """Return what to raise where an option of `--url` is given without it; `name` is what it is called in a verb."""
    option = {"verify_tls": "--no-verify-tls", "allowed_host": "--allow-host"}.get(name, f"--{name.replace('_', '-')}")
    return click.UsageError(f"{option} belongs to --url: a system of the configuration has its own")
