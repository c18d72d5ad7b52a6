"""Which ZoneMinder is meant: a system of the configuration, or an address with a user; the password is never an argument."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from vms_bridge.cli.direct.systems import Kind, as_usage_error, belongs_to_url, configured, secret_in, tls_of

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.cli.program import Program
    from vms_bridge.zoneminder import ZoneMinder
    from vms_bridge.zoneminder.zoneminder import Options

PASSWORD = "VMS_BRIDGE_ZM_PASSWORD"  # noqa: S105 - the variable's name
_TIMEOUT_S = 30.0
"""A person waits for longer than a bridge that has others to ask."""
_KIND = Kind("ZoneMinder", "--url URL --user NAME")
_BESIDE_URL = ("user", "password_file", "ca_file", "fingerprint", "verify_tls")


class Place(NamedTuple):
    """The options that say which ZoneMinder is meant."""

    config: Path
    system: str | None
    url: str | None
    user: str | None
    password_file: Path | None
    ca_file: Path | None
    fingerprint: str | None
    verify_tls: bool | None


def zoneminder_at(place: Place, program: Program, *, may_ask: bool = True) -> ZoneMinder:
    """Return the ZoneMinder that is meant, not asked yet. Raises click.UsageError and ConfigError.

    Without `may_ask` nobody is asked for a password, and one that is nowhere else is a wrong usage.
    """
    if place.url is None:
        for name in _BESIDE_URL:
            if getattr(place, name) is not None:
                raise belongs_to_url(name)
        from vms_bridge.backends.zoneminder.config import ZoneMinderConfig  # noqa: PLC0415  # --help has no use for it

        return _by_settings(configured(place.config, place.system, ZoneMinderConfig, _KIND, program))
    if place.system is not None:
        raise click.UsageError("name --system, or --url, and not both")
    if place.user is None and place.password_file is not None:
        raise click.UsageError("--password-file belongs to --user")
    password = None if place.user is None else _password(place, place.user, may_ask=may_ask)
    program.secrets.keep([password] if password else [])
    from vms_bridge.zoneminder import ZoneMinder  # noqa: PLC0415  # as below

    tls = tls_of(place.ca_file, place.fingerprint, verify_tls=place.verify_tls)
    with as_usage_error():
        return ZoneMinder(place.url, place.user, password, **tls)


def _by_settings(settings: ZoneMinderConfig) -> ZoneMinder:
    from vms_bridge.zoneminder import ZoneMinder  # noqa: PLC0415  # as above

    options: Options = {"verify": settings.verify_tls, "timeout_s": max(settings.timeout, _TIMEOUT_S)}
    if settings.ca_file is not None:
        options["ca_file"] = settings.ca_file
    if settings.fingerprint is not None:
        options["fingerprint"] = settings.fingerprint
    if settings.client_certificate is not None and settings.client_key is not None:
        options["client_certificate"], options["client_key"] = settings.client_certificate, settings.client_key
    if settings.http_username is not None and settings.http_password is not None:
        options["http_username"] = settings.http_username
        options["http_password"] = settings.http_password.get_secret_value()
    password = None if settings.password is None else settings.password.get_secret_value()
    return ZoneMinder(settings.url, settings.username, password, **options)


def _password(place: Place, user: str, *, may_ask: bool) -> str:
    """Return the password of a file, of the environment, or of who is at the terminal."""
    if place.password_file is not None:
        return secret_in(place.password_file, "--password-file")
    if text := os.environ.get(PASSWORD, ""):
        return text
    if may_ask and sys.stdin.isatty():
        return str(click.prompt(f"Password of {user}", hide_input=True, err=True))
    raise click.UsageError(f"--user takes a password: by --password-file FILE, or in the variable {PASSWORD}")
