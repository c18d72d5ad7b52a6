"""Scripts: which there are, what each may do, and all by which people look after them."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api import route
from vms_bridge.api.context import caller_of, context_of
from vms_bridge.api.models import scripts as models
from vms_bridge.api.replies import reply, reply_raw
from vms_bridge.api.route import BASE, Answer, Route
from vms_bridge.entities.states import encode
from vms_bridge.errors import RequestInvalid
from vms_bridge.scripting import LineLevel, LinesAsked
from vms_bridge.threads import in_thread
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.scripting import Scripts, ScriptView, StateView

_MOST_UPLOAD_BYTES = 6 * models.MOST_CHARACTERS
"""In JSON a letter may be written by six, as `\\u00e9`."""


def _scripts(request: web.Request) -> Scripts:
    return context_of(request).hub.scripts.current


def _name(request: web.Request) -> str:
    return request.match_info["script"]


def _by(request: web.Request) -> str:
    return caller_of(request).principal


def _told(view: ScriptView, *, is_admin: bool) -> models.Script:
    """Return what is told of a script: what may quote its source, or what it has said, is for administrators."""
    life = view.life
    trouble = life.trouble if is_admin else None
    return models.Script(
        name=view.name,
        status=life.status,
        since=life.since,
        reason=life.reason,
        hint=life.hint,
        is_enabled=view.is_enabled,
        level=life.level,
        doc=view.doc,
        sha256=view.sha256,
        running_sha256=life.sha256,
        bytes=view.bytes,
        modified=view.modified,
        permissions=dict(view.permissions),
        may=tuple(view.may),
        needs_approval=view.needs_approval,
        approval=None if view.approval is None else models.ScriptApproval.model_validate(asdict(view.approval)),
        differences=tuple(models.ScriptDifference(is_more=one.is_more, text=one.text) for one in view.differences),
        remarks=tuple(view.remarks) if is_admin else (),
        trouble=None if trouble is None else models.ScriptTrouble(**asdict(trouble)),
        counts=models.ScriptCounts(**asdict(life.counts)),
        queued=life.queued,
        memory_bytes=life.memory_bytes,
        processor=life.processor,
        next_start=life.next_start,
    )


def _reply(request: web.Request, view: ScriptView) -> web.StreamResponse:
    return reply(request, _told(view, is_admin=caller_of(request).scope.includes(Scope.ADMIN)))


async def _list(request: web.Request) -> web.StreamResponse:
    scripts, is_admin = _scripts(request), caller_of(request).scope.includes(Scope.ADMIN)
    told = tuple(_told(view, is_admin=is_admin) for view in scripts.all())
    return reply(request, models.Scripts(approval=scripts.approval, scripts=told))


async def _get(request: web.Request) -> web.StreamResponse:
    return _reply(request, _scripts(request).get(_name(request)))


async def _source(request: web.Request) -> web.StreamResponse:
    scripts, name = _scripts(request), _name(request)
    text = await scripts.source(name)
    return reply(request, models.ScriptSource(name=name, text=text, sha256=scripts.get(name).sha256))


async def _upload(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, models.SourceBody)
    return _reply(request, await _scripts(request).upload(_name(request), asked.text, by=_by(request)))


async def _delete(request: web.Request) -> web.StreamResponse:
    await _scripts(request).delete(_name(request), by=_by(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _approve(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, models.ApprovalBody)
    return _reply(request, await _scripts(request).approve(_name(request), sha256=asked.sha256, by=_by(request)))


async def _revoke(request: web.Request) -> web.StreamResponse:
    return _reply(request, await _scripts(request).revoke(_name(request), by=_by(request)))


async def _restart(request: web.Request) -> web.StreamResponse:
    return _reply(request, await _scripts(request).restart(_name(request), by=_by(request)))


async def _enable(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, models.EnabledBody)
    return _reply(request, await _scripts(request).enable(_name(request), is_enabled=asked.is_enabled, by=_by(request)))


async def _log(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, models.ScriptLogFilter)
    if asked.level not in list(LineLevel):
        raise RequestInvalid("the query can't be understood", mistakes=[("level", f"write one of {', '.join(LineLevel)}")])
    lines = LinesAsked(after=asked.after, level=asked.level, limit=asked.limit, wait_s=asked.wait)
    page = await _scripts(request).lines(_name(request), lines)
    told = tuple(
        models.ScriptLogLine(number=one.number, time=one.time, level=one.level, text=one.text, line=one.line)
        for one in page.lines
    )
    return reply(request, models.ScriptLog(lines=told, after=page.after, lost=page.lost))


async def _state(request: web.Request) -> web.StreamResponse:
    view = await _scripts(request).state(_name(request))
    return reply_raw(request, await in_thread("script state", lambda: _state_as_json(view)))


def _state_as_json(view: StateView) -> bytes:
    """Return what a script keeps. Blocks: it may be a megabyte of small values."""
    items = tuple(
        models.ScriptStateItem(key=one.key, value=one.value, changed=one.changed, expires=one.expires) for one in view.items
    )
    return encode(models.ScriptState(items=items, bytes=view.bytes, most_bytes=view.most_bytes))


async def _clear_state(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, models.StateFilter)
    await _scripts(request).clear_state(_name(request), asked.key, by=_by(request))
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _settings(request: web.Request) -> web.StreamResponse:
    found = await _scripts(request).settings(_name(request))
    return reply(request, models.ScriptSettings(settings=tuple(models.ScriptSetting(**asdict(one)) for one in found)))


async def _set_settings(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, models.SettingsBody)
    found = await _scripts(request).set_settings(_name(request), asked.values, by=_by(request))
    return reply(request, models.ScriptSettings(settings=tuple(models.ScriptSetting(**asdict(one)) for one in found)))


_ALL, _ONE = f"{BASE}/scripts", f"{BASE}/scripts/{{script}}"
_NONE = "this bridge runs no scripts"
_NO_SUCH = f"there is no such script, or {_NONE}"
_NOT_KEPT = "it can't be stored"
_IS_ONE = {200: Answer(meaning="the script, as it is then", contents=(models.Script,))}
ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=_ALL,
        name="list_scripts",
        subject="scripts",
        scope=Scope.READ,
        handler=_list,
        summary="All scripts, as they are now",
        answers={200: Answer(meaning="the scripts", contents=(models.Scripts,))},
        refusals={404: _NONE},
    ),
    Route(
        method=hdrs.METH_GET,
        path=_ONE,
        name="get_script",
        subject="scripts",
        scope=Scope.READ,
        handler=_get,
        summary="One script, as it is now",
        answers={200: Answer(meaning="the script", contents=(models.Script,))},
        refusals={404: _NO_SUCH},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=_ONE,
        name="delete_script",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_delete,
        summary="End a script, and remove it with all that is kept of it",
        answers={204: Answer(meaning="it is gone")},
        refusals={404: _NO_SUCH, 409: "its file can't be removed", 503: _NOT_KEPT},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{_ONE}/source",
        name="get_script_source",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_source,
        summary="A script's source",
        answers={200: Answer(meaning="the source", contents=(models.ScriptSource,))},
        refusals={404: _NO_SUCH, 409: "its file can't be used as it is"},
    ),
    Route(
        method=hdrs.METH_PUT,
        path=f"{_ONE}/source",
        name="upload_script",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_upload,
        summary="Put a source into a script's file, or make one",
        description="It runs once it is approved; with `approval: permissions` at once, if it asks for no more than was approved."
        " 256 KB at most.",
        body=models.SourceBody,
        most_bytes=_MOST_UPLOAD_BYTES,
        answers=_IS_ONE,
        refusals={404: _NONE, 409: "there can be no such script: its name, its header, or its folder"},
    ),
    Route(
        method=hdrs.METH_PUT,
        path=f"{_ONE}/approval",
        name="approve_script",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_approve,
        summary="Let a script run as it asks",
        body=models.ApprovalBody,
        answers=_IS_ONE,
        refusals={404: _NO_SUCH, 409: "it is another one than that which was looked at, or can't run", 503: _NOT_KEPT},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{_ONE}/approval",
        name="revoke_script",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_revoke,
        summary="Take a script's approval back, and end it at once",
        answers=_IS_ONE,
        refusals={404: _NO_SUCH, 503: "it is ended, but that could not be stored: after a restart it may be approved again"},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{_ONE}/restart",
        name="restart_script",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_restart,
        summary="Start a script anew, out of quarantine too",
        answers=_IS_ONE,
        refusals={404: _NO_SUCH, 409: "it can't run as it is"},
    ),
    Route(
        method=hdrs.METH_PUT,
        path=f"{_ONE}/enabled",
        name="enable_script",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_enable,
        summary="Let a script run, or end it until it is let again",
        body=models.EnabledBody,
        answers=_IS_ONE,
        refusals={404: _NO_SUCH, 503: f"{_NOT_KEPT}; it is ended all the same, until a restart"},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{_ONE}/log",
        name="get_script_log",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_log,
        summary="What a script has logged, as it comes",
        description="Ask again with the `after` of the answer, and a `wait`, to follow it.",
        query=models.ScriptLogFilter,
        answers={200: Answer(meaning="the lines, the oldest first", contents=(models.ScriptLog,))},
        refusals={404: _NO_SUCH},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{_ONE}/state",
        name="get_script_state",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_state,
        summary="What a script keeps",
        answers={200: Answer(meaning="all values", contents=(models.ScriptState,))},
        refusals={404: _NO_SUCH, 503: "it can't be read"},
    ),
    Route(
        method=hdrs.METH_DELETE,
        path=f"{_ONE}/state",
        name="clear_script_state",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_clear_state,
        summary="Forget what a script keeps",
        query=models.StateFilter,
        answers={204: Answer(meaning="it is forgotten")},
        refusals={404: f"{_NO_SUCH}, or it keeps nothing under this key", 503: _NOT_KEPT},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{_ONE}/settings",
        name="get_script_settings",
        subject="scripts",
        scope=Scope.READ,
        handler=_settings,
        summary="A script's settings with their values, those of secrets left out",
        answers={200: Answer(meaning="the settings", contents=(models.ScriptSettings,))},
        refusals={404: _NO_SUCH, 503: "they can't be read"},
    ),
    Route(
        method=hdrs.METH_PUT,
        path=f"{_ONE}/settings",
        name="set_script_settings",
        subject="scripts",
        scope=Scope.ADMIN,
        handler=_set_settings,
        summary="Set some of a script's settings; it goes on running",
        body=models.SettingsBody,
        answers={200: Answer(meaning="all settings, as they are then", contents=(models.ScriptSettings,))},
        refusals={404: _NO_SUCH, 409: "no version of it is approved", 503: _NOT_KEPT},
    ),
)
