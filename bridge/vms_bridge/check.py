"""Tries everything that a configuration names, as `vms-bridge check` does, and says what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
import getpass
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.backends.guard import Guard, make_backend, secrets_of
from vms_bridge.boundary import Boundary
from vms_bridge.errors import BackendDefect, BridgeError
from vms_bridge.findings import Finding, admitted
from vms_bridge.hub import claims
from vms_bridge.sinks import Trial
from vms_bridge.store.database import is_in_use, peek
from vms_bridge.store.privacy import flaws, root_flaw
from vms_bridge.views import SWITCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets
    from vms_bridge.config import Config, SinkConfig, SystemConfig
    from vms_bridge.store.privacy import Flaw
    from vms_bridge.views import Claim

_LIMIT_S = 30.0
_ANY_REMEDY = "check the address in the configuration, whether the host is up and reachable from here, and what its own log says"
_GRACE_S = 15.0
"""What a sink's check that takes its full time may need beyond it, before it is ended."""


async def examine(config: Config, clock: Clock, *, limit_s: float = _LIMIT_S) -> list[tuple[str, Finding]]:
    """Return what was found, each with the part of the configuration that it is about. Never raises.

    All connections are tried at the same time, each for `limit_s` at most.
    """
    concealed = config.secrets()
    found = [("config", Finding(text=_summary(config)))]
    found += [("config", Finding(text=remark.text, hint=remark.hint)) for remark in (*config.remarks, *config.exposures)]
    found += [("data_dir", finding) for finding in await asyncio.to_thread(_data_dir, config.data_dir)]
    found += [("discovery", finding) for finding in await asyncio.to_thread(_discovery, config.data_dir, clock.now())]
    parts = [(section, _sink(sink, config, clock, limit_s)) for section, sink in config.sinks.items()]
    parts += [(key, _system(system, clock, limit_s, concealed)) for key, system in config.systems.items()]
    results = await asyncio.gather(*(part for _, part in parts))
    found += [(name, finding) for (name, _), findings in zip(parts, results, strict=True) for finding in findings]
    strike = concealed.strike
    return [(name, replace(finding, text=strike(finding.text), hint=strike(finding.hint))) for name, finding in found]


def _summary(config: Config) -> str:
    systems = ", ".join(f"{key} ({system.kind.name})" for key, system in config.systems.items())
    return f"well formed: instance {config.instance}, systems {systems}"


def _data_dir(place: Path) -> list[Finding]:
    """Say whether the state can be kept there, and who else can get at it; nothing is created or changed."""
    remarks = [Finding(text=flaw.text, hint=_soon(flaw)) for flaw in flaws(place)]
    if (root := root_flaw()) is not None:
        remarks.append(Finding(text=root.text, hint=root.hint))
    return [_can_be_kept(place), *remarks]


def _discovery(data_dir: Path, now: datetime) -> list[Finding]:
    """Say who claims the devices, so that MQTT discovery is off, and who of them may be no more."""
    try:
        found = claims.read_claims(peek(data_dir, claims.SCOPE, claims.KEY))
    except ValueError:
        hint = "`vms-bridge discovery off`, and then `vms-bridge discovery on`, writes it anew"
        return [Finding(text="what is kept of it can't be read: devices are announced by MQTT", hint=hint)]
    return [_claimed(claim, now) for claim in found]


def _claimed(claim: Claim, now: datetime) -> Finding:
    since = f"since {claim.since:%Y-%m-%d}"
    if claim.holder == SWITCH:
        return Finding(text=f"MQTT discovery is off: it was turned off by hand, {since}")
    if not claim.is_stale(now):
        return Finding(text=f"MQTT discovery is off: {claim.holder} claims the devices, {since}")
    text = f"MQTT discovery is off: {claim.holder} claims the devices, and was seen last on {claim.seen:%Y-%m-%d}"
    return Finding(text=text, hint=f"if that Home Assistant is no more: vms-bridge discovery drop {claim.holder}")


def _soon(flaw: Flaw) -> str:
    will_be_mended = flaw.is_grave and flaw.hint.startswith("chmod")
    return f"{flaw.hint}; the bridge does so itself when it starts" if will_be_mended else flaw.hint


def _can_be_kept(place: Path) -> Finding:
    nearest = place
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return Finding(
            text=f"{nearest} is not a directory", problem=True, hint="set data_dir: to another place, or move the file away"
        )
    if os.access(nearest, os.W_OK | os.X_OK):
        return Finding(text=f"{place} {'can be written' if nearest == place else 'will be created'}")
    hint = "give it to the user that runs the bridge (chown), or set data_dir: to another place"
    return Finding(text=f"{_user()} can't write to {nearest}", problem=True, hint=hint)


def _user() -> str:
    try:
        return f"user {getpass.getuser()}"
    except (KeyError, OSError):  # a user id without a name, as in containers
        return f"user {os.getuid()}"


async def _system(system: SystemConfig, clock: Clock, limit_s: float, concealed: Secrets) -> Sequence[Finding]:
    """Have the backend try its connection, and hold it to its promise never to raise and to end."""
    try:
        async with clock.timeout(limit_s):
            backend = await make_backend(system.kind, system.key, system.settings, clock)
            concealed.include(system.key, secrets_of(backend))
            found = await Guard(system.key, backend, clock).check(limit_s=limit_s)
    except TimeoutError:
        text = f"no result within {limit_s:g} s"
        return [Finding(text=text, problem=True, hint="is the host up, and does a firewall let the port through?")]
    except BackendDefect as error:
        text = f"the check itself failed: {error.kind}"
        return [Finding(text=text, problem=True, hint=f"this is a bug in the backend {system.kind.name}: please report it")]
    except BridgeError as error:  # from `create`; `check` itself never raises
        return [Finding(text=str(error), problem=True, hint=error.hint or _ANY_REMEDY)]
    return _with_remedies(found)


async def _sink(sink: SinkConfig, config: Config, clock: Clock, limit_s: float) -> Sequence[Finding]:
    """Have the sink try what it would do, and hold it to its promise never to raise and to end."""
    kind = sink.kind
    trial = Trial(
        bridge=config.identity,
        clock=clock,
        limit_s=limit_s,
        is_at_work=partial(is_in_use, config.data_dir),
        kept=partial(peek, config.data_dir, f"sink:{kind.name}"),
    )

    async def findings() -> list[Finding]:
        return admitted(await kind.check(sink.settings, trial))

    outcome = await Boundary(f"the sink {kind.name}", clock).attempt("check", findings, limit_s=limit_s + _GRACE_S)
    if outcome.error is not None or outcome.value is None:
        what = type(outcome.error).__name__ if outcome.error is not None else "it has not ended"
        hint = f"this is a bug in the sink {kind.name}: please report it"
        return [Finding(text=f"the check itself failed: {what}", problem=True, hint=hint)]
    return _with_remedies(outcome.value)


def _with_remedies(found: Sequence[Finding]) -> list[Finding]:
    return [replace(finding, hint=_ANY_REMEDY) if finding.problem and not finding.hint else finding for finding in found]
