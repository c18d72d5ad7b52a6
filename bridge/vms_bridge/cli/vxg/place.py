"""Which VXG is meant: a system of the configuration, or an address with a token or a key; neither is ever an argument."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from vms_bridge.cli.direct.systems import Kind, as_usage_error, belongs_to_url, configured, secret_in, tls_of

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.cli.direct.systems import Tls
    from vms_bridge.cli.program import Program
    from vms_bridge.vxg import Options, Vxg

TOKEN, LKEY = "VXG_TOKEN", "VXG_LKEY"
_TIMEOUT_S = 30.0
"""A person waits for longer than a bridge that has others to ask."""
_KIND = Kind("VXG Cloud VMS", f"--url URL, with a token in {TOKEN} or a key in {LKEY},")
_BESIDE_URL = ("token_file", "allowed_host", "ca_file", "fingerprint", "verify_tls")


class Place(NamedTuple):
    """The options that say which VXG is meant."""

    config: Path
    system: str | None
    url: str | None
    token_file: Path | None
    lkey_file: Path | None
    allowed_host: tuple[str, ...]
    ca_file: Path | None
    fingerprint: str | None
    verify_tls: bool | None


def vxg_at(place: Place, program: Program) -> Vxg:
    """Return the VXG that is meant, not asked yet. Raises click.UsageError and ConfigError, which quote no credential.

    What is in the environment counts for `--url` only: a system of the configuration has its own token, and may be another one.
    """
    lkey = None if place.lkey_file is None else secret_in(place.lkey_file, "--lkey-file").strip()
    if place.url is None:
        for name in _BESIDE_URL:
            if getattr(place, name) not in {None, ()}:
                raise belongs_to_url(name)
        from vms_bridge.backends.vxg.config import VxgConfig  # noqa: PLC0415  # --help has no use for it

        settings = configured(place.config, place.system, VxgConfig, _KIND, program)
        token, hosts = settings.token.get_secret_value(), settings.allowed_hosts
        options: Options = {**settings.options, "timeout_s": max(settings.timeout, _TIMEOUT_S)}
        return _made(program, settings.url, token=token, lkey=lkey, hosts=hosts, options=options)
    if place.system is not None:
        raise click.UsageError("name --system, or --url, and not both")
    given = os.environ.get(TOKEN, "") if place.token_file is None else secret_in(place.token_file, "--token-file")
    given, lkey = given.strip(), lkey or os.environ.get(LKEY, "").strip()
    if not given and not lkey:
        raise click.UsageError(
            f"--url takes a token of a group or a channel, or the account's key: by --token-file FILE or --lkey-file FILE,"
            f" or in the variables {TOKEN} and {LKEY}"
        )
    tls = tls_of(place.ca_file, place.fingerprint, verify_tls=place.verify_tls)
    with as_usage_error():
        return _made(program, place.url, token=given or None, lkey=lkey or None, hosts=place.allowed_host, options=tls)


def _made(
    program: Program, url: str, *, token: str | None, lkey: str | None, hosts: tuple[str, ...], options: Options | Tls
) -> Vxg:
    for secret in filter(None, (token, lkey)):
        program.secrets.keep_long(secret)
    from vms_bridge.vxg import Vxg  # noqa: PLC0415  # --help has no use for it

    return Vxg(url, token=token, lkey=lkey, allowed_hosts=hosts, **options)
