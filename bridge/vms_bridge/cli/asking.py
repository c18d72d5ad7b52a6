"""The options of the verbs that ask a running bridge: which one, and by which way."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vms_bridge.addresses import WrongAddress, parse_address
from vms_bridge.cli.client import Api
from vms_bridge.cli.options import config_option
from vms_bridge.cli.ways import NetworkWay, SocketWay
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.cli.program import Program
    from vms_bridge.cli.ways import Way

TOKEN = "VMS_BRIDGE_TOKEN"  # noqa: S105 - the variable's name
_SCHEMES = {"http": 80, "https": 443}
_OPTIONS = (
    config_option,
    click.option("--url", metavar="URL", help=f"Another bridge's API, as https://cameras.example; with a token in {TOKEN}."),
    click.option(
        "--token-file", type=click.Path(path_type=Path), metavar="FILE", help=f"The token for --url, in the place of {TOKEN}."
    ),
    click.option("--ca-file", type=click.Path(path_type=Path), metavar="FILE", help="Who has signed the certificate there."),
    click.option("--fingerprint", metavar="SHA256", help="The certificate that is shown there."),
)


PLACE = ("config", "url", "token_file", "ca_file", "fingerprint")
"""What these options are called in a verb."""


def asks_the_bridge(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the options by which the bridge is found, and itself the `Api` of that."""

    @click.pass_obj
    @functools.wraps(verb)
    def asking(program: Program, /, **options: Any) -> Any:  # noqa: ANN401 - the verb's own, and those above
        place = {name: options.pop(name) for name in PLACE}
        return verb(Api(way_by(program, **place)), **options)

    for option in reversed(_OPTIONS):
        asking = option(asking)
    return asking


def way_by(
    program: Program, *, config: Path, url: str | None, token_file: Path | None, ca_file: Path | None, fingerprint: str | None
) -> Way:
    """Return the way to the bridge that these options name. Raises click.UsageError and BridgeError."""
    if url is not None:
        return _by_network(program, url, token_file, ca_file, fingerprint)
    if token_file is not None or ca_file is not None or fingerprint is not None:
        raise click.UsageError("--token-file, --ca-file and --fingerprint belong to --url")
    from vms_bridge.config import load  # noqa: PLC0415  # it takes half of a verb's time, and neither --help nor --url needs it

    return SocketWay(api_socket(load(config).data_dir))


def _by_network(program: Program, url: str, token_file: Path | None, ca_file: Path | None, fingerprint: str | None) -> NetworkWay:
    try:
        address = parse_address(url, _SCHEMES)
    except WrongAddress as error:
        raise click.BadParameter(f"it {error}", param_hint="--url") from None
    if address.username is not None or address.path.strip("/") or address.query or address.fragment:
        raise click.BadParameter("write scheme, host and port, and nothing else", param_hint="--url")
    token = _token(token_file)
    program.secrets.keep([token])
    from vms_bridge.doors import TlsOptions  # noqa: PLC0415  # as above

    try:
        trust = TlsOptions(url=url, ca_file=ca_file, fingerprint=fingerprint)
    except ValueError:
        raise click.BadParameter("expected 64 hex digits", param_hint="--fingerprint") from None
    return NetworkWay(address, trust, token)


def _token(file: Path | None) -> str:
    """Return the token: never from an argument, which others on the machine can see."""
    if file is None:
        text = os.environ.get(TOKEN, "")
    else:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise click.BadParameter(f"{file} can't be read: {error}", param_hint="--token-file") from None
    token = text.strip()
    if not token or not token.isprintable() or not token.isascii():
        where = f"the variable {TOKEN}" if file is None else str(file)
        raise click.UsageError(
            f"--url takes a token: {where} holds none; `vms-bridge token create` makes one on the bridge's machine"
        )
    return token
