"""The fake's HTTP: logins, permissions, routes, pages, pictures, and every way to misbehave."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote

from aiohttp import web
from tests.fakes.zoneminder import changes, control, event_filters, recorded, render
from tests.fakes.zoneminder.media import ERROR_PAGE, JPEG, film, image, video

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    from tests.fakes.gate import Gate
    from tests.fakes.zoneminder.world import FakeEvent, FakeMonitor, World

VIEWER = frozenset({"monitors:view", "events:view", "stream:view"})
ADMIN = VIEWER | {"system:view", "system:edit", "monitors:edit", "events:edit", "control:view", "control:edit"}
_ENUMS = {
    "Capturing": {"None", "Ondemand", "Always"},
    "Analysing": {"None", "Always"},
    "Recording": {"None", "OnMotion", "Always"},
    "Decoding": {"None", "Ondemand", "KeyFrames", "KeyFrames+Ondemand", "Always"},
    "Function": {"None", "Monitor", "Modect", "Record", "Mocord", "Nodect"},
}
_KNOWN_PARAMETERS = frozenset({"p", "sort", "page", "limit", "token", "direction"})
_DENIED = json.dumps(render.error(401, "UnauthorizedException", "Login denied", "/"))
_ZMU_PATIENCE_S = 10.0
_EVERYTHING = re.compile(r"(?P<path>.*?)\.json$")


@dataclass(slots=True)
class User:
    password: str
    permissions: frozenset[str] = ADMIN
    api: bool = True
    hidden: frozenset[int] = frozenset()
    """The monitors that it may not see."""


@dataclass(slots=True)
class Fault:
    """`kind`: hang, drip, truncate, html, 500, 500-json, echo, 502, 503, 504, 401, 403, 404, empty, garbage, no-ids,
    redirect, close.

    `slow` answers as it should, but only once the fake is healed; `no-events` has none in every other answer. `times` -1: for
    ever.
    """

    kind: str
    times: int = -1
    turn: bool = False


@dataclass(slots=True)
class _Denied(Exception):
    status: int
    kind: str
    message: str
    code: str = ""


class _Unreadable(Exception):
    """An answer has a row in it that PHP can't write."""


@dataclass(slots=True)
class FakeZoneMinder:
    """A ZoneMinder on a port of its own; use as an async context manager, then read `url`."""

    world: World
    sub_path: str = "/zm"
    users: dict[str, User] = field(default_factory=lambda: {"admin": User("p&=+ä/%s#"), "viewer": User("viewer", VIEWER)})
    token_ttl_s: float = 7200.0
    ssl_context: ssl.SSLContext | None = None
    port: int = 0
    requests: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=20_000))
    count: int = 0
    pictures_asked: int = 0
    """How often somebody has asked for an event's picture."""
    clips_asked: int = 0
    clip_bytes_per_s: float | None = None
    """How fast clips are given that are files: as fast as the link to a real one is."""
    undeletable: set[int] = field(default_factory=set)
    """Events whose files can't be deleted."""
    clip_cuts: deque[int] = field(default_factory=deque)
    """After so many bytes the next clips break off."""
    clip_fault: str = ""
    """How clips are given: `hangs`, `short`, `long`, `ignores-range`, `416`, `another-part`, `packed`; empty: as they should."""
    logins: deque[str] = field(default_factory=lambda: deque(maxlen=1000))
    faults: dict[str, Fault] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    picture: bytes = JPEG
    picture_of: Callable[[FakeEvent], bytes] | None = None
    """What an event's picture is, where each is to have one of its own."""
    picture_type: str = "image/jpeg"
    film_every_s: float = 0.002
    """How soon the next picture of a film follows: of a real one not before the camera has given it."""
    films: dict[str, asyncio.Event] = field(default_factory=dict)
    """Each zms that runs, by its key: it goes on until it is told to end, whether somebody reads or not."""
    settings: dict[str, str] = field(default_factory=dict)
    """More options, by name."""
    edits: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    event_edits: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    log_rows: list[dict[str, str]] = field(default_factory=list)
    """What clients have written into its log."""
    restarts: list[int] = field(default_factory=list)
    state_changes: list[str] = field(default_factory=list)
    state_steps: int = 0
    """For how many turns of the event loop zmpkg is at work."""
    answers_changes: str = ""
    """How changes are answered though they are made: the kind of a fault; empty: as they should."""
    ignores_edits: bool = False
    """Whether edits of monitors are said to be saved, and are not."""
    gateway_gives_up: bool = False
    """Whether a proxy answers 504 while zmpkg is at work, which goes on all the same."""
    _packages: set[asyncio.Task[object]] = field(default_factory=set)
    obeys_restarts: bool = True
    disk_fields: bool = False
    more_storage: list[dict[str, Any]] = field(default_factory=list)
    clock_ahead_s: float | None = 0.0
    """By how much the web server's clock is off ZoneMinder's; None: it tells no time."""
    latency_s: float = 0.0
    """How long each answer takes."""
    headers: dict[str, str] = field(default_factory=dict)
    """What something before the web server adds to its answers."""
    database_is_down: bool = False
    """Then every API call, login too, answers 200 and nothing."""
    rewrite: Callable[[str, bytes], bytes] | None = None
    """Changes the body of each answer, by path: what PHP, proxies and odd characters make of it."""
    unreadable: dict[str, set[int]] = field(default_factory=dict)
    later_halves: int = 0
    """How many more lists of events are without their first half, as if that were deleted."""
    """By list, the ids of the rows that spoil every answer which contains them: for `events`, `monitors` and so on."""
    unreadable_as: str = "500-json"
    """What comes instead: the kind of a fault."""
    searches: bool = True
    """Whether events can be searched for, too."""
    controls: dict[int, dict[str, Any]] = field(default_factory=lambda: {4: control.AXIS, 40: control.AMCREST})
    """The control types, by id."""
    server_id: int = 0
    keeps_files_apart: bool = False
    """Whether other servers' events are on disks of their own."""
    servers: list[dict[str, Any]] = field(default_factory=list)
    gate: Gate | None = None
    _runner: web.AppRunner | None = None
    _serial: int = 0

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_route("*", "/{tail:.*}", self._let_in)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.ssl_context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await asyncio.gather(*self._packages, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"{'https' if self.ssl_context else 'http'}://127.0.0.1:{self.port}{self.sub_path}"

    def fail(self, path: str, kind: str, times: int = -1) -> None:
        """Misbehave for every API path that begins like this (`` for all), that many times."""
        self.faults[path] = Fault(kind, times)

    def heal(self) -> None:
        self.faults.clear()

    def revoke_tokens(self) -> None:
        """What a change of the hash secret does."""
        self.tokens.clear()

    def asked(self, path: str) -> int:
        """How many requests for API paths that begin like this are remembered."""
        return sum(asked.startswith(path) for _, asked in self.requests)

    async def _let_in(self, request: web.Request) -> web.StreamResponse:
        refusal = None if self.gate is None else self.gate.refuses(request)
        return refusal or await self._handle(request)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.latency_s)
        response = await self._respond(request)
        if not response.prepared:
            date = self.world.now() + timedelta(seconds=self.clock_ahead_s or 0.0)
            response.headers["Date"] = "" if self.clock_ahead_s is None else format_datetime(date, usegmt=True)
            response.headers.update(self.headers)
        return response

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        self.count += 1
        path = unquote(request.rel_url.raw_path)
        if not path.startswith(f"{self.sub_path}/"):
            return web.Response(status=404, text="<html>not here</html>", content_type="text/html")
        path = path.removeprefix(f"{self.sub_path}/")
        if path == "index.php":
            is_control = "control" in {request.query.get("view"), request.query.get("request")}
            return await (self._control(request) if is_control else self._page(request))
        if path.startswith("cgi-bin/"):
            return await self._zms(request)
        found = _EVERYTHING.match(path.removeprefix("api/"))
        if not path.startswith("api/") or found is None:
            return web.Response(status=404, text="<html>not here</html>", content_type="text/html")
        path = found["path"]
        self.requests.append((request.method, path))
        if self.database_is_down:
            return web.Response(content_type="text/html", charset="UTF-8")
        return await self._misbehave(request, path) or await self._answer(request, path)

    def _examine(self, kind: str, ids: Iterable[int]) -> None:
        if not self.unreadable.get(kind, set()).isdisjoint(ids):
            raise _Unreadable

    async def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        try:
            body: object
            self._check_api()
            if path == "host/login":
                body = self._login(form)
            else:
                user = self._user({**request.query, **form})
                body = await self._api(user, request.method, path, request.query, form)
        except _Unreadable:
            return await self._bad(request, self.unreadable_as)
        except changes.DatabaseRefuses as refused:
            return self._refused(_Denied(500, "PDOException", f"SQLSTATE[22007]: {refused}", "22007"), request)
        except _Denied as denied:
            return self._refused(denied, request)
        if self.answers_changes and request.method in {"POST", "PUT", "DELETE"} and path != "host/login":
            return await self._bad(request, self.answers_changes)
        if isinstance(body, web.Response):
            return body
        answer = self._json(body)
        if self.rewrite is not None and isinstance(answer.body, bytes):
            answer.body = self.rewrite(path, answer.body)
        return answer

    def _check_api(self) -> None:
        if self.settings.get("ZM_OPT_USE_API") == "0":
            raise _Denied(401, "UnauthorizedException", "API Disabled")

    def _refused(self, denied: _Denied, request: web.Request) -> web.Response:
        url = str(request.rel_url)
        if denied.kind == "MissingControllerException":
            return self._json({"name": denied.message, "message": denied.message, "url": url}, denied.status)
        return self._json(render.error(denied.status, denied.kind, denied.message, url, denied.code), denied.status)

    def _json(self, body: object, status: int = 200) -> web.Response:
        text = json.dumps(render.spelt(body, self.world.personality) if status == 200 else body)
        return web.Response(text=text, status=status, content_type="application/json")

    def _login(self, form: dict[str, str]) -> dict[str, Any]:
        p = self.world.personality
        base = {"version": p.version, "apiversion": "2.0"}
        if not p.auth:
            if p.login_when_auth_off == "error":
                raise _Denied(401, "UnauthorizedException", "Login denied")
            return base | ({"access_token": None, "refresh_token": None} if p.login_when_auth_off == "nulls" else {})
        if self.settings.get("ZM_AUTH_HASH_SECRET") == "":
            raise _Denied(403, "ForbiddenException", "Please create a valid AUTH_HASH_SECRET in ZoneMinder")
        name = form.get("user", "")
        if "token" in form:
            name = self.tokens.get(form["token"], "") if form["token"].startswith("refresh") else ""
            self.logins.append("refresh")
        else:
            self.logins.append("password")
            known = self.users.get(name)
            if known is None or known.password != form.get("pass"):
                name = ""
        if not name:
            raise _Denied(401, "UnauthorizedException", "Invalid username or password")
        if not self.users[name].api:
            raise _Denied(401, "UnauthorizedException", f"API disabled for: {name}")
        self._serial += 1
        access = f"access-{self._serial}-é"
        self.tokens[access] = name
        answer = base | {"access_token": access, "access_token_expires": int(self.token_ttl_s)}
        answer |= {"credentials": "auth=", "append_password": 0}
        if "token" not in form:
            refresh = f"refresh-{self._serial}"
            self.tokens[refresh] = name
            answer |= {"refresh_token": refresh, "refresh_token_expires": 86400}
        return answer

    def _user(self, query: dict[str, str]) -> User:
        if not self.world.personality.auth:
            return User("", ADMIN)
        token = query.get("token", "")
        if not token:
            raise _Denied(401, "UnauthorizedException", "Not Authenticated")
        user = self.users.get(self.tokens.get(token, "")) if token.startswith("access") else None
        if user is None:
            is_known = token in self.tokens
            raise _Denied(401, "UnauthorizedException", "Incorrect token type" if is_known else "Wrong number of segments")
        return user

    async def _api(self, user: User, method: str, path: str, query: Any, form: dict[str, str]) -> object:  # noqa: ANN401
        is_edit = method in {"POST", "PUT", "DELETE"}
        routes: list[tuple[str, str, Callable[..., object]]] = [
            (r"host/getVersion", "", lambda: {"version": self.world.personality.version, "apiversion": "2.0"}),
            (r"host/getTimeZone", "", lambda: {"tz": self.world.zone_name}),
            (r"host/getLoad", "", lambda: {"load": [0.5, 0.4, 0.3]}),
            (r"host/daemonCheck", "", lambda: {"result": int(not self.world.is_stopped)}),
            (r"states", "system:view", self._states),
            (r"storage", "system:view", self._storage),
            (r"storage/view/(\d+)", "system:view", lambda n: {"storage": self._one(self._areas(), "storage", int(n))}),
            (r"servers", "system:view", lambda: {"servers": [{"Server": row} for row in self.servers]}),
            (r"logs", "system:edit" if is_edit else "system:view", lambda: self._add_log(form) if is_edit else self._logs(query)),
            (r"controls/(\d+)", "", lambda n: self._control_type(int(n))),
            (r"groups", "", lambda: {"groups": [render.group(self.world, *group) for group in self.world.groups]}),
            (r"users", "system:view", lambda: {"users": [self._user_row(*each) for each in enumerate(self.users.items(), 1)]}),
            (r"tags", "events:view", lambda: self._tags(None)),
            (r"tags/index/Events\.Id:([\d,]+)", "events:view", self._tags),
            (r"zones", "monitors:edit" if is_edit else "monitors:view", lambda: self._all_zones(form)),
            (r"zones/(\d+)", "monitors:edit", lambda n: self._zone(int(n), method, form)),
            (r"configs", "", self._configs),
            (r"configs/edit/(\w+)", "system:edit", lambda name: self._set_config(name, form)),
            (r"zones/forMonitor/(\d+)", "monitors:view", lambda n: self._zones(int(n))),
            (r"configs/viewByName/(\w+)", "", self._config),
            (r"monitors", "monitors:edit" if is_edit else "monitors:view", lambda: self._monitors(user, form)),
            (
                r"monitors/(\d+)",
                "monitors:edit" if is_edit else "monitors:view",
                lambda n: self._delete_monitor(int(n)) if method == "DELETE" else self._monitor(int(n), form, user),
            ),
            (r"monitors/daemonStatus/id:(\d+)/daemon:zmc", "monitors:view", lambda n: self._daemon_status(int(n))),
            (r"monitors/daemonControl/(\d+)/(start|stop|restart)", "monitors:edit", self._daemon_control),
            (r"events/consoleEvents/(.*)", "events:view", self._console_events),
            (r"events/index/(.*)", "events:view", lambda filters: self._events(filters, query, user)),
            (r"events/search/(.*)", "events:view", self._search),
            (r"events", "events:view", lambda: self._events_by_query(query, user)),
            (r"events/(\d+)", "events:edit" if is_edit else "events:view", lambda n: self._event(int(n), method, form)),
        ]
        for pattern, permission, answer in routes:
            found = re.fullmatch(pattern, path)
            if found is not None:
                self._allow(user, permission)
                return answer(*found.groups())
        if alarm := re.fullmatch(r"monitors/alarm/id:(\d+)/command:(\w+)", path):
            return await self._alarm(int(alarm[1]), alarm[2], user)
        if change := re.fullmatch(r"states/change/(.+)", path):
            self._allow(user, "system:edit")
            return await self._change_state(change[1])
        raise _Denied(404, "MissingControllerException", "Not Found")

    def _allow(self, user: User, permission: str) -> None:
        if permission and permission not in user.permissions:
            raise _Denied(401, "UnauthorizedException", "Insufficient Privileges")

    def _states(self) -> object:
        rows = [
            {"State": {"Id": number, "Name": name, "Definition": self._definition(), "IsActive": int(active)}}
            for number, (name, active) in enumerate(self.world.states.items(), 1)
        ]
        self._examine("states", range(1, len(rows) + 1))
        return {"states": rows}

    def _logs(self, query: Any) -> object:  # noqa: ANN401 (a multidict)
        lines = list(enumerate(self.world.log, 1))
        lines.sort(key=lambda line: line[1].time, reverse=query.get("direction") == "desc")
        limit, page = min(int(query.get("limit", 100)), 100), int(query.get("page", 1))
        shown = lines[(page - 1) * limit : page * limit]
        if page > 1 and not shown:
            raise _Denied(404, "NotFoundException", "Not Found")
        return {"logs": [render.log_line(number, line) for number, line in shown]}

    def _control_type(self, number: int) -> object:
        if number not in self.controls:
            raise _Denied(404, "NotFoundException", "Invalid control")
        return {"control": {"Control": self.controls[number]}}

    def _add_log(self, form: dict[str, str]) -> object:
        message = form["Log[Message]"]
        western = message.encode("cp1252", "ignore").decode("cp1252")
        held = re.sub(r"[^\u0000-\uffff]", "", message) if self.world.personality.modern_modes else western
        if message != held:
            raise _Denied(500, "PDOException", "SQLSTATE[22007]: Invalid datetime format: 1366 Incorrect string value", "22007")
        self.log_rows.append({key[4:-1]: value for key, value in form.items() if key.startswith("Log[")})
        return self._deleted()

    def _all_zones(self, form: dict[str, str]) -> object:
        fields = changes.columns("Zone", form)
        changes.check_text(fields)
        return changes.add_zone(self.world, fields) if fields else self._zones()

    def _zone(self, number: int, method: str, form: dict[str, str]) -> object:
        row = next((row for row in render.zones(self.world) if row["Zone"]["Id"] == number), None)
        if row is None:
            raise _Denied(404, "NotFoundException", "Invalid zone")
        if method == "DELETE":
            changes.delete_zone(self.world, number)
            return self._deleted()
        fields = changes.columns("Zone", form)
        changes.check_text(fields)
        return changes.set_zone(self.world, number, fields) if fields else {"zone": row}

    def _deleted(self) -> web.Response:
        """Say what this version says after DELETE, which tells nothing."""
        if self.world.personality.after_delete == "html":
            page = "<!DOCTYPE html><html><head><meta http-equiv='Refresh' content='1;url=/zm/api'></head>deleted</html>"
            return web.Response(text=page, content_type="text/html")
        return web.Response(content_type="application/json")

    def _user_row(self, number: int, named: tuple[str, User]) -> dict[str, Any]:
        name, user = named
        hidden = ",".join(str(each) for each in self.world.monitors if each not in user.hidden) if user.hidden else ""
        return render.user(number, name, user.permissions, has_api=user.api, monitors=hidden)

    def _tags(self, events: str | None) -> object:
        if not self.world.personality.has_tags:
            raise _Denied(404, "MissingControllerException", "Controller class TagsController could not be found.")
        chosen = [event for event in self.world.events.values() if events is None or str(event.id) in events.split(",")]
        rows = render.tags(self.world, chosen)
        if events is None:
            given = {row["Tag"]["Id"] for row in rows}
            rows += [{"Tag": {"Id": number, "Name": name}} for number, name in self.world.tags.items() if number not in given]
        return {"tags": rows}

    def _zones(self, monitor: int | None = None) -> object:
        rows = [row for row in render.zones(self.world) if monitor in {None, row["Zone"]["MonitorId"]}]
        self._examine("zones", [row["Zone"]["Id"] for row in rows])
        return {"zones": rows}

    def _one(self, rows: Sequence[dict[str, Any]], kind: str, number: int) -> dict[str, Any]:
        found = next((row for row in rows if row["Id"] == number), None)
        if found is None:
            raise _Denied(404, "NotFoundException", f"Invalid {kind}")
        self._examine(kind, [number])
        return {kind.capitalize(): found}

    def _definition(self) -> str:
        if self.world.personality.modern_modes:
            modes = ((item.id, item.capturing, item.analysing, item.recording) for item in self.world.monitors.values())
            return ",".join(":".join(map(str, part)) for part in modes)
        return ",".join(f"{item.id}:{item.function}:{int(item.enabled)}" for item in self.world.monitors.values())

    def _console_events(self, interval: str) -> object:
        """Count the events that began in such a time; without any, PHP makes a list of the empty map."""
        number, _, unit = interval.partition(" ")
        if not number.isdecimal() or unit.rstrip("s") not in {"minute", "hour", "day"}:
            raise _Denied(500, "Exception", f"Invalid interval: {interval}")
        since = self.world.now() - timedelta(**{f"{unit.rstrip('s')}s": int(number)})
        counts = Counter(event.monitor_id for event in self.world.events.values() if event.start >= since)
        return {"results": {str(monitor): count for monitor, count in counts.items()} or []}

    async def _change_state(self, name: str) -> object:
        """Have zmpkg do it: the answer comes when it is done, if nothing before the web server gives up sooner."""
        self.state_changes.append(name)
        done = asyncio.create_task(self._package(name), name="zmpkg")
        self._packages.add(done)
        done.add_done_callback(self._packages.discard)
        if self.gateway_gives_up:
            raise _Denied(504, "GatewayTimeout", "Gateway Time-out")
        return await done

    async def _package(self, name: str) -> object:
        for _ in range(self.state_steps):
            await asyncio.sleep(0)
        if name in {"start", "stop", "restart"}:
            (self.world.stop if name == "stop" else self.world.start)()
            return {"blah": ""}
        if name not in self.world.states:
            raise _Denied(400, "BadRequestException", "Invalid state")
        self.world.states = {known: known == name for known in self.world.states}
        for number in self.world.monitors:
            self.world.restart_monitor(number)
        return {"blah": ""}

    def _storage(self) -> object:
        areas = self._areas()
        self._examine("storage", [area["Id"] for area in areas])
        return {"storage": [{"Storage": area} for area in areas]}

    def _areas(self) -> list[dict[str, Any]]:
        row: dict[str, Any] = {"Id": 1, "Name": "Default", "DiskSpace": 12345, "Path": "/events"}
        if self.world.personality.modern_modes:
            row = dict(recorded.STORAGE)
        if self.disk_fields:
            row |= {"DiskTotalSpace": 1000, "DiskUsedSpace": 600}
        return [row, *self.more_storage]

    def _options(self) -> dict[str, str]:
        values = {"ZM_PATH_ZMS": f"{self.sub_path}/cgi-bin/nph-zms", "ZM_BULK_FRAME_INTERVAL": str(self.world.bulk_frames)}
        return values | self.settings

    def _configs(self) -> object:
        rows = [
            {"Id": number, "Name": name, "Value": value, "Type": "string", "Category": "system", "DefaultValue": "", "Prompt": ""}
            for number, (name, value) in enumerate(self._options().items(), 1)
        ]
        return {"configs": [{"Config": row} for row in rows]}

    def _set_config(self, name: str, form: dict[str, str]) -> object:
        if name not in self._options():
            raise _Denied(404, "NotFoundException", "Invalid config")
        self.settings[name] = changes.columns("Config", form)["Value"]
        return changes.SAVED

    def _config(self, name: str) -> object:
        values = self._options()
        if name not in values:
            raise _Denied(404, "NotFoundException", "Invalid config")
        config = {"Value": values[name]}
        return {"config": {"Name": name, **config} if self.world.personality.modern_modes else config}

    def _monitors(self, user: User, form: dict[str, str]) -> object:
        if fields := changes.columns("Monitor", form):
            _check(fields)
            return changes.add_monitor(self.world, fields)
        shown = [item for item in self.world.monitors.values() if item.id not in user.hidden]
        self._examine("monitors", [item.id for item in shown])
        return {"monitors": [render.monitor(self.world, item) for item in shown]}

    def _monitor(self, number: int, form: dict[str, str], user: User) -> object:
        item = self.world.monitors.get(number)
        if item is None:
            raise _Denied(404, "NotFoundException", "Invalid monitor")
        if number in user.hidden:
            raise _Denied(401, "UnauthorizedException", "Insufficient Privileges")
        fields = changes.columns("Monitor", form)
        if not fields:
            self._examine("monitors", [number])
            return {"monitor": render.monitor(self.world, item)}
        _check(fields)
        if self.ignores_edits:
            return changes.SAVED
        self.edits.append((number, fields))
        changes.set_monitor(self.world, item, fields)
        self.world.restart_monitor(number)
        return changes.SAVED

    def _delete_monitor(self, number: int) -> object:
        if number not in self.world.monitors:
            raise _Denied(404, "NotFoundException", "Invalid monitor")
        del self.world.monitors[number]  # the API deletes the row; it is the web page that only flags it
        if number in self.world.memories:
            self.world.memories.pop(number).remove()
        return self._deleted()

    def _daemon_status(self, number: int) -> object:
        item = self.world.monitors.get(number)
        if item is None:
            raise _Denied(404, "NotFoundException", "Invalid monitor")
        if item.status == "NotRunning":
            return {"status": False, "statustext": f"'zmc -m {number}' not running"}
        process = 1000 * number + item.restarts
        return {"status": True, "statustext": f"'zmc -m {number}' running since 26/11/28 01:47:45, pid = {process}"}

    def _daemon_control(self, monitor: str, command: str) -> object:
        number = int(monitor)
        if number not in self.world.monitors:
            raise _Denied(404, "NotFoundException", "Invalid monitor")
        self.restarts.append(number)
        if command == "stop":
            self.world.monitors[number].status = "NotRunning"
        elif self.obeys_restarts:
            self.world.restart_monitor(number)
        return {"status": "ok", "statustext": f"'zmc -m {number}' sending stop to pid 100 at 26/11/28 01:51:58\n"}

    def _zmu_failed(self, item: FakeMonitor, command: str, user: User) -> str | None:
        """Return what zmu says where it can't do what it is asked."""
        if self.world.personality.modern_modes and item.capturing == "None" and not self.world.is_stopped:
            return "0" if command == "status" else f"Monitor {item.id}({item.name})\nCurrent capturing state: None"
        if not self.world.runs(item) or item.server_id != self.server_id or item.id in user.hidden:
            return ""
        return None

    async def _alarm(self, number: int, command: str, user: User) -> object:
        item = self.world.monitors.get(number)
        if item is None:
            raise _Denied(404, "NotFoundException", "Invalid monitor")
        if command not in {"on", "off", "disable", "status"}:
            raise _Denied(400, "BadRequestException", "Invalid command")
        failed = self._zmu_failed(item, command, user)
        if failed is not None:
            return {"status": "false", "code": 255, "error": failed}
        if command == "status":
            status = item.state + self.world.personality.state_from_one
            return {"status": str(status) if self.world.personality.status_as_text else status, "output": status}
        if item.function == "Monitor" and not self.world.personality.modern_modes:
            said = f"Monitor {number}({item.name})\nA Monitor in monitor mode cannot handle alarms"
            return {"status": "A Monitor in monitor mode cannot handle alarms", "output": said}
        if command == "disable":
            self.world.force_off(number, on=True)
            return {"status": "Forcing alarm off", "output": f"Monitor {number}({item.name})\nForcing alarm off"}
        if command == "on":
            await asyncio.sleep(self.world.alarm_delay_s)
            if not self.world.force_on(number):
                await asyncio.sleep(_ZMU_PATIENCE_S)
            newest = max((event.id for event in self.world.events.values() if event.monitor_id == number), default=0)
            return {"status": f"Alarmed event id: {newest}", "output": "Forcing alarm on current state"}
        self.world.cancel(number)
        return {"status": "Cancelling forced alarm on/off", "output": ""}

    def _event(self, number: int, method: str, form: dict[str, str]) -> object:
        event = self.world.events.get(number)
        if event is None:
            raise _Denied(404, "NotFoundException", "Invalid event")
        if method == "DELETE":
            if not event.archived and number not in self.undeletable:  # of those it says no more than of others, and keeps them
                self.world.delete_event(number)
            return self._deleted()
        if fields := changes.columns("Event", form):
            self.event_edits.append((event.id, form))
            changes.check_text(fields)
            return changes.set_event(event, fields)
        return {"event": render.event(self.world, event) | {"Frame": render.frames(self.world, event)}}

    def _events_by_query(self, query: Any, user: User) -> object:  # noqa: ANN401 (a multidict)
        """Without a named filter 1.38 takes every parameter that it does not know for a column."""
        unknown = next((name for name in query if name not in _KNOWN_PARAMETERS), None)
        if unknown is not None and self.world.personality.default_limit is None:
            said = f"SQLSTATE[42S22]: Column not found: 1054 Unknown column '{unknown}' in 'WHERE'"
            raise _Denied(500, "PDOException", said, "42S22")
        return self._events("Id >:0", query, user)

    def _events(self, filters: str, query: Any, user: User) -> object:  # noqa: ANN401 (a multidict)
        if self.world.personality.lists_fail_without_auth and not self.world.personality.auth:
            raise _Denied(500, "TypeError", "count(): Argument #1 ($value) must be of type Countable|array, null given")
        chosen = [event for event in self._filtered(filters) if event.monitor_id not in user.hidden]
        by_start = query.get("sort") in {"StartDateTime", "StartTime"}
        chosen.sort(key=lambda event: (event.start if by_start else 0, event.id), reverse=query.get("direction") == "desc")
        p = self.world.personality
        if "limit" not in query and p.default_limit is None:
            rows = [render.event(self.world, event) for event in chosen]
            return {"events": rows, "pagination": render.unlimited()}
        limit = min(int(query.get("limit", p.default_limit or 100)), 100)
        page = int(query.get("page", 1))
        shown = chosen[(page - 1) * limit : page * limit]
        if self.later_halves:
            self.later_halves -= 1
            shown = shown[(len(shown) + 1) // 2 :]
        if page > 1 and not shown:
            raise _Denied(404, "NotFoundException", "Not Found")
        self._examine("events", [event.id for event in shown])
        rows = [render.event(self.world, event) for event in shown]
        descends = query.get("direction") == "desc"
        return {"events": rows, "pagination": render.pagination(len(chosen), page, limit, rows, descends=descends)}

    def _search(self, filters: str) -> object:
        """Give all rows that are found, whoever may see them; two columns are worked out for the list only."""
        if not self.searches:
            raise _Denied(404, "MissingActionException", "Action EventsController::search() could not be found.")
        chosen = sorted(self._filtered(filters), key=lambda event: event.id)
        self._examine("events", [event.id for event in chosen])
        return {"results": [{"Event": self._searched(render.event(self.world, event)["Event"])} for event in chosen]}

    def _searched(self, row: dict[str, Any]) -> dict[str, Any]:
        # The second one is a column of its own from 1.37.68 on.
        left_out = {"FileSystemPath"} if self.world.personality.modern_modes else {"FileSystemPath", "MaxScoreFrameId"}
        return {name: value for name, value in row.items() if name not in left_out}

    def _filtered(self, filters: str) -> list[FakeEvent]:
        try:
            return event_filters.chosen(self.world, filters)
        except event_filters.UnknownColumn as unknown:
            said = f"SQLSTATE[42S22]: Column not found: 1054 Unknown column 'Event.{unknown}' in 'WHERE'"
            raise _Denied(500, "PDOException", said, "42S22") from None

    async def _page(self, request: web.Request) -> web.StreamResponse:
        view = request.query.get("view")
        is_video, is_command = view == "view_video", view == "request"
        self.pictures_asked += not (is_video or is_command)
        self.clips_asked += is_video
        bad = await self._misbehave(request, "view_video" if is_video else "index.php")
        if bad is not None or is_command:
            return bad or self._command(request)
        try:
            user = self._user(dict(request.query))
        except _Denied:
            return web.Response(status=302, headers={"Location": f"{self.sub_path}/index.php?view=login"})
        if "events:view" not in user.permissions:
            return web.Response(text=ERROR_PAGE, content_type="text/html")
        event = self.world.events.get(int(request.query.get("eid", 0)))
        if event is not None and self.keeps_files_apart and self.world.monitors[event.monitor_id].server_id != self.server_id:
            event = None
        if event is None:
            return web.Response(status=404, content_type="text/html", charset="UTF-8")
        if is_video:
            cut = self.clip_cuts.popleft() if self.clip_cuts else None
            return await video(request, event, self.clip_fault, self.clip_bytes_per_s, cut=cut)
        picture = self.picture_of(event) if self.picture_of else self.picture
        return image(self.world, event, request.query.get("fid", ""), picture, self.picture_type)

    async def _control(self, request: web.Request) -> web.StreamResponse:
        bad = await self._misbehave(request, f"control/{request.query.get('control', 'page')}")
        if bad is not None:
            return bad
        is_page = request.query.get("view") == "control"
        try:
            user = self._user(dict(request.query))
        except _Denied:
            status, headers = (302, {"Location": f"{self.sub_path}/index.php?view=login"}) if is_page else (401, {})
            return web.Response(status=status, headers=headers, content_type="text/html", charset="UTF-8")
        item = self.world.monitors.get(int(request.query.get("mid" if is_page else "id", 0)))
        if not user.permissions & {"control:view", "control:edit"} or (item is not None and item.id in user.hidden):
            return web.Response(text=ERROR_PAGE, content_type="text/html") if is_page else self._json(control.DENIED)
        return self._controlled(request, item, user, is_page=is_page)

    def _controlled(self, request: web.Request, item: FakeMonitor | None, user: User, *, is_page: bool) -> web.Response:
        if item is None:
            return web.Response(content_type="text/html", charset="UTF-8")
        if item.server_id != self.server_id:
            return self._json({"result": "Error", "message": "Failed"})
        if is_page:
            known = self.controls.get(int(str(item.columns.get("ControlId", 0))), control.row(0, "", ""))
            return web.Response(text=control.page(item, known), content_type="text/html")
        return self._json(control.obey(item, request.query, edits="control:edit" in user.permissions))

    async def _zms(self, request: web.Request) -> web.StreamResponse:
        bad = await self._misbehave(request, "zms")
        if bad is not None:
            return bad
        try:
            self._allow(self._user(dict(request.query)), "stream:view")
        except _Denied:
            return web.Response(status=403, text="Forbidden")
        item = self.world.monitors.get(int(request.query.get("monitor", 0)))
        runs = item is not None and self.world.runs(item)
        if runs and request.query.get("mode") == "jpeg":
            return await film(request, self.films, self.picture, self.film_every_s)
        return web.Response(body=self.picture if runs else b"", content_type=self.picture_type)

    def _command(self, request: web.Request) -> web.Response:
        is_tag = request.query.get("request") in {"tags", "event"}
        return self._tag_request(request) if is_tag else self._stream_request(request)

    def _tag_request(self, request: web.Request) -> web.Response:
        """Answer as ajax/tags.php and ajax/event.php do; tokens are good for GET only."""
        try:
            self._allow(self._user(dict(request.query)), "events:view")
        except _Denied:
            return web.Response(status=401, text="Unauthorized")
        if not self.world.personality.has_tags:
            return self._json({"result": "Error", "message": "Unrecognised action"})
        return self._json(changes.tag_command(self.world, dict(request.query)))

    def _stream_request(self, request: web.Request) -> web.Response:
        """Hand a command to the zms of that key, as ajax/stream.php does."""
        key = request.query.get("connkey", "")
        self._allow(self._user(dict(request.query)), "stream:view")
        if key not in self.films:
            return self._json({"result": "Error", "message": "Socket does not exist"})
        if request.query.get("command") == "17":
            self.films.pop(key).set()
        return self._json({"result": "Ok"})

    async def _misbehave(self, request: web.Request, path: str) -> web.StreamResponse | None:
        for prefix, fault in list(self.faults.items()):
            if path.startswith(prefix) and fault.times != 0:
                fault.times -= 1
                if fault.kind == "no-events":
                    fault.turn = not fault.turn
                    return self._json({"events": []}) if fault.turn else None
                if fault.kind == "slow":
                    while fault in self.faults.values():  # noqa: ASYNC110 - tests change them as they like
                        await asyncio.sleep(0.01)
                    return None
                return await self._bad(request, fault.kind)
        return None

    async def _bad(self, request: web.Request, kind: str) -> web.StreamResponse:
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind == "close" and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if kind in {"truncate", "drip"}:
            return await self._broken_stream(request, kind)
        plain: dict[str, tuple[int, str, str]] = {
            "html": (200, "<!DOCTYPE html><html>login</html>", "text/html"),
            "500": (500, "<html>Internal Server Error</html>", "text/html"),
            "502": (502, "<html>Bad Gateway</html>", "text/html"),
            "503": (503, '{"error": "unavailable"}', "application/json"),
            "504": (504, "<html>Gateway Time-out</html>", "text/html"),
            "401": (401, "Unauthorized", "text/plain"),
            "403": (403, "<html>Forbidden</html>", "text/html"),
            "404": (404, "<html>Not Found</html>", "text/html"),
            "deprecated-401": (401, f"<br />\n<b>Deprecated</b>: x in <b>y</b> on line <b>1</b><br />\n{_DENIED}", "text/html"),
            "empty": (200, "", "text/html"),
            "csrf": (
                200,
                "<html><head><title>CSRF check failed</title></head><body>CSRF check failed.</body></html>",
                "text/html",
            ),
            "login": (200, '<html><form><input type="hidden" name="view" value="login"/></form></html>', "text/html"),
            "php": (200, '<br />\n<b>Warning</b>: x in <b>y</b> on line <b>1</b><br />\n{"result":"Ok"}', "text/html"),
            "no-ids": (
                200,
                '{"events": [{"Event": {"MonitorId": "1", "StartDateTime": "2026-11-20 10:00:00"}}]}',
                "application/json",
            ),
            "list": (200, "[]", "application/json"),
            "no-rows": (200, '{"events": []}', "application/json"),
            "garbage": (200, '{"events": [{"Event": 5}, 7, null], "monitors": [[1]], "version": []}', "application/json"),
        }
        if kind in {"redirect", "flash"}:
            token = request.query.get("token", "")
            place = f"{self.sub_path}/api/monitors" if kind == "flash" else f"https://elsewhere/zm?token={token}"
            return web.Response(status=302, headers={"Location": place})
        if kind in {"500-json", "echo"}:
            said = "count(): Argument must be Countable" if kind == "500-json" else await _echo(request)
            return self._json(render.error(500, "TypeError", said, str(request.rel_url)), 500)
        if kind == "big":
            return web.Response(body=JPEG + b"x" * (6 * 1024 * 1024), content_type="image/jpeg")
        status, text, content_type = plain[kind]
        return web.Response(status=status, text=text, content_type=content_type)

    async def _broken_stream(self, request: web.Request, kind: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"monitors": [')
        while kind == "drip":
            await asyncio.sleep(1)
            await response.write(b" ")
        if request.transport is not None:
            request.transport.abort()
        return response


def _check(fields: dict[str, str]) -> None:
    """Refuse what the table of monitors can't hold."""
    changes.check_text(fields)
    for column, value in fields.items():
        if value not in _ENUMS.get(column, {value}):
            said = f"SQLSTATE[01000]: Warning: 1265 Data truncated for column '{column}' at row 1"
            raise _Denied(500, "PDOException", said, "01000")


async def _echo(request: web.Request) -> str:
    """Say back what was sent, as it is and encoded, as debugging pages do."""
    told = [str(request.rel_url), request.headers.get("Authorization", ""), *map(str, (await request.post()).values())]
    return " ".join([*told, *map(quote, told), *map(repr, told)])
