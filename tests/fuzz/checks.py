"""What schemathesis is to check beside its own checks; it imports this by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import schemathesis

from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from schemathesis import Case, CheckContext, HookContext, Response

SCOPE = "VMS_BRIDGE_FUZZ_SCOPE"
"""The scope of the token with which it asks; empty: it has none."""
LINK = "VMS_BRIDGE_FUZZ_LINK"
"""The link with which it asks in place of a token: the address that it is good for; empty: it has none."""

_SHORT_WAIT_S = 0.1
_LONGEST_WAIT_S = 25
"""What is longer is refused, and so does not wait."""


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - the hook's form
    """Have every request bring the signature of the link, whatever else it asks for, and no token that is made up.

    What may wait for something waits for a moment only, or the run would not come to its end.
    """
    if case.operation.definition.raw["operationId"] == "get_script_log" and _is_long(dict(case.query or {}).get("wait")):
        case.query = {**dict(case.query or {}), "wait": _SHORT_WAIT_S}
    if os.environ[LINK]:
        if case.headers:
            case.headers.pop("Authorization", None)
        case.query = {**dict(case.query or {}), "auth": os.environ[LINK].rpartition("auth=")[2]}


@schemathesis.check
def none_without_a_right(ctx: CheckContext, response: Response, case: Case[Any]) -> None:  # noqa: ARG001 - the check's form
    """Nothing is given, or done, by a token of too small a scope."""
    needed, has = case.operation.definition.raw.get("x-scope"), os.environ[SCOPE]
    if needed == Scope.HOOK and has != Scope.HOOK:
        needed = Scope.CONTROL  # the level of the simulator's receiver
    if needed is None or (has and Scope(has).includes(Scope(needed))):
        return
    if os.environ[LINK] and response.request.url == os.environ[LINK]:
        return
    assert response.status_code >= 400, f"{case.operation.label} was served, and it takes the scope {needed}"


@schemathesis.check
def nothing_fails(ctx: CheckContext, response: Response, case: Case[Any]) -> None:  # noqa: ARG001 - the check's form
    """Nothing fails: the simulator always answers, and there is no client to be asked."""
    is_asking = case.operation.definition.raw["operationId"] == "ask_client"
    assert response.status_code < 500 or (is_asking and response.status_code == 503), response.text


def _is_long(said: Any) -> bool:  # noqa: ANN401 - whatever schemathesis has thought of
    try:
        return _SHORT_WAIT_S < float(said) <= _LONGEST_WAIT_S
    except (TypeError, ValueError):
        return False
