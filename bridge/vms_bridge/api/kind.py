"""The API as the rest of the bridge knows it: the one door into this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.api.check import check
from vms_bridge.api.config import HttpConfig
from vms_bridge.api.models.info import PROTOCOLS
from vms_bridge.api.routes.media import CLIP, PICTURE
from vms_bridge.api.sink import NAME, ApiSink
from vms_bridge.links import LinkKind, MessageLinks
from vms_bridge.sinks import ApiAddress, SinkKind
from vms_bridge.tls import UnusableFile, fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.findings import Finding
    from vms_bridge.sinks import BridgeIdentity, Trial
    from vms_bridge.views import Sink


def _create(config: BaseModel, bridge: BridgeIdentity, clock: Clock) -> Sink:
    assert isinstance(config, HttpConfig)  # noqa: S101  # the registry hands over what `config` below made
    return ApiSink(config, bridge, clock)


async def _check(config: BaseModel, trial: Trial) -> Sequence[Finding]:
    assert isinstance(config, HttpConfig)  # noqa: S101  # the same
    return await check(config, trial)


def _address(config: BaseModel) -> ApiAddress | None:
    assert isinstance(config, HttpConfig)  # noqa: S101  # the same
    if config.url is None:
        return None
    return ApiAddress(
        url=config.url, lowest_protocol=PROTOCOLS.lowest, highest_protocol=PROTOCOLS.highest, fingerprint=_fingerprint(config)
    )


def _fingerprint(config: HttpConfig) -> str | None:
    """Return that of the certificate which clients see: behind a proxy they see the proxy's, which is not known here."""
    if config.tls is None or config.trusted_proxies:
        return None
    try:
        return fingerprint_of(config.tls.certificate)
    except UnusableFile:  # the sink says so when it starts
        return None


def _message_links(config: BaseModel) -> MessageLinks | None:
    assert isinstance(config, HttpConfig)  # noqa: S101  # the same
    if config.public_url is None or not config.linked:
        return None
    return MessageLinks(url=config.public_url, picture=PICTURE, clip=CLIP if LinkKind.CLIP in config.linked else None)


KIND = SinkKind(
    name=NAME,
    section="http",
    config=HttpConfig,
    create=_create,
    is_durable=False,
    check=_check,
    address=_address,
    message_links=_message_links,
    remedy="write where the API listens, as in `http: {host: 127.0.0.1, port: 8098}`, or `http: {}`",
)
"""What the registry looks for, under this name."""
