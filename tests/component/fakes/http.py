"""The fake's HTTP: the routes of docs/api.md that a client of the scope `control` needs, each held against the API's document."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web
from tests.component.fakes import commands, index, media, proof, schemas
from tests.component.fakes.garbage import body_of
from tests.component.fakes.socket import Session
from tests.component.fakes.values import indexed, written

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler
    from tests.component.fakes.bridge import FakeBridge, Token
    from tests.component.fakes.schemas import JsonObject

BASE = "/api/v1"
_TOKEN: web.RequestKey[Any] = web.RequestKey("token", object)


class Refused(Exception):
    """The request is answered by a problem."""

    def __init__(self, status: int, code: str, detail: str = "no", hint: str | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.hint, self.headers = status, code, detail, hint, headers

    @property
    def body(self) -> JsonObject:
        """What RFC 9457 wants."""
        return {
            "type": "about:blank",
            "title": "No",
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "hint": self.hint,
            "mistakes": [],
        }


class Server:
    """The application and its handlers."""

    def __init__(self, bridge: FakeBridge) -> None:
        self._bridge = bridge
        self._links: dict[str, tuple[str, str, str]] = {}
        """What each link's signature opens, which token asked for it, and which key signed it."""

    def application(self) -> web.Application:
        """Return an application, for one start."""
        app = web.Application(middlewares=[self._around], client_max_size=64 * 1024)
        monitor = "{system}/{monitor}"
        app.router.add_routes(
            [
                web.get(f"{BASE}/info", self._info),
                web.get(f"{BASE}/health", self._health),
                web.get(f"{BASE}/systems", self._systems),
                web.get(f"{BASE}/systems/{{system}}", self._system),
                web.get(f"{BASE}/monitors", self._monitors),
                web.get(f"{BASE}/monitors/{monitor}", self._monitor),
                web.get(f"{BASE}/events", self._events),
                web.get(f"{BASE}/events/{{event}}", self._event),
                web.get(f"{BASE}/timeline", self._timeline),
                web.get(f"{BASE}/values", self._values),
                web.get(f"{BASE}/media/events/{{event}}/picture", self._event_media),
                web.get(f"{BASE}/media/events/{{event}}/clip", self._event_media),
                web.get(f"{BASE}/media/monitors/{monitor}/picture", self._monitor_media),
                web.get(f"{BASE}/media/monitors/{monitor}/objects/{{object}}/picture", self._object_picture),
                web.get(f"{BASE}/media/monitors/{monitor}/clip", self._monitor_media),
                web.get(f"{BASE}/media/monitors/{monitor}/live", self._live),
                *(web.get(f"{BASE}/media/monitors/{monitor}/{kind}", self._stream) for kind in media.STREAM_TYPES),
                web.post(f"{BASE}/links", self._link),
                web.post(f"{BASE}/commands", self._command),
                web.get(f"{BASE}/discovery", self._discovery),
                web.post(f"{BASE}/discovery/claims", self._claim),
                web.delete(f"{BASE}/discovery/claims/{{holder}}", self._release),
                web.get(f"{BASE}/tokens/self", self._self),
                web.delete(f"{BASE}/tokens/self", self._give_up),
                web.get(f"{BASE}/ws", self._socket),
                web.post(f"{BASE}/proof", self._proof),
                web.post(f"{BASE}/pair", self._pair),
                web.get("/healthz", self._alive),
            ]
        )
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        bridge = self._bridge
        body = await self._note(request)
        await bridge.until_released(request.path)
        if bridge.impostor is not None and hdrs.AUTHORIZATION in request.headers:
            bridge.leaked.append(request.headers[hdrs.AUTHORIZATION])
        canned = bridge.canned(request.path)
        if canned is not None:
            return canned
        is_socket = request.path == f"{BASE}/ws"
        if bridge.garbage is not None and not is_socket:
            content, kind = body_of(bridge.garbage)
            return web.Response(body=content, content_type=kind)
        try:
            self._admit(request, body)
            response = await handler(request)
        except Refused as refusal:
            response = _problem(refusal)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            kept = {name: error.headers[name] for name in (hdrs.ALLOW, hdrs.CONTENT_RANGE) if name in error.headers}
            codes = {404: "not_found", 405: "method", 413: "too_large", 416: "range"}
            response = _problem(Refused(error.status, codes.get(error.status, "request"), error.reason, **kept))
        self._hold_against_document(request, response)
        return response

    async def _note(self, request: web.Request) -> JsonObject | None:
        body: JsonObject | None = None
        if request.can_read_body:
            try:
                body = await request.json()
            except ValueError:
                self._bridge.mistakes.append(f"{request.method} {request.path}: the body is no JSON")
        query = {name: request.query.getall(name) for name in request.query}
        self._bridge.came(request, query, body)
        return body

    def _admit(self, request: web.Request, body: JsonObject | None) -> None:
        """Let a request in as far as the API's document does. Raises Refused."""
        bridge, path = self._bridge, _canonical(request)
        if path is None or not schemas.is_described(path, "get" if request.method == "HEAD" else request.method):
            return  # the router says what is wrong
        scope = (
            bridge.claim_scope if bridge.claim_scope and "/discovery/claims" in path else schemas.scope_of(path, request.method)
        )
        token_id = self._by_link(request) or bridge.token_id_of(request)
        if token_id is None and (scope is not None or hdrs.AUTHORIZATION in request.headers):
            raise Refused(401, "unauthenticated", "the token is not known", **{hdrs.WWW_AUTHENTICATE: "Bearer"})
        token = None if token_id is None else bridge.tokens[token_id]
        if token is not None and scope is not None and commands.LEVELS.get(token.scope, -1) < commands.LEVELS.get(scope, 3):
            raise Refused(403, "forbidden", "this token may not", f"it takes a token of the scope {scope}")
        request[_TOKEN] = token
        query = {name: request.query.getall(name) for name in request.query if name != "auth"}
        wrong = schemas.wrong_with_query(path, request.method, query)
        if wrong is not None:
            bridge.mistakes.append(f"{request.method} {request.path_qs}: {wrong}")
            raise Refused(400, "invalid", wrong)
        wrong = schemas.wrong_with_body(path, request.method, body)
        if wrong is not None:
            bridge.mistakes.append(f"{request.method} {request.path}: {wrong}: {json.dumps(body)[:500]}")
            raise Refused(422 if body is not None else 400, "invalid", wrong)

    def _by_link(self, request: web.Request) -> str | None:
        """Return whose link it is; None: the request shows none. Raises Refused for a bad one."""
        auth = request.query.get("auth")
        if auth is None:
            return None
        opens, token_id, key = self._links.get(auth, ("", "", ""))
        asked = request.rel_url.without_query_params("auth")
        if opens != str(asked) or token_id not in self._bridge.tokens or key != self._bridge.link_key:
            raise Refused(403, "link", "this link is not good")
        return token_id

    def _hold_against_document(self, request: web.Request, response: web.StreamResponse) -> None:
        path = _canonical(request)
        if path is None or not isinstance(response, web.Response) or not schemas.is_described(path, request.method):
            return
        kinds = {"application/json", "application/problem+json"}
        body = json.loads(response.body) if response.content_type in kinds and isinstance(response.body, bytes) else None
        if body is not None:
            self._bridge.check(schemas.wrong_with_answer(path, request.method, response.status, body), body)

    # --- who it is ---

    async def _info(self, _request: web.Request) -> web.Response:
        bridge = self._bridge
        said = {
            "bridge_id": bridge.bridge_id,
            "name": bridge.name,
            "protocol": {"lowest": bridge.lowest_protocol, "highest": bridge.highest_protocol},
        }
        newer = schemas.document("openapi")["components"]["schemas"]["Info"]["properties"].keys() & {"version", "instance"}
        return web.json_response(said | {name: getattr(bridge, name) for name in newer})

    async def _health(self, request: web.Request) -> web.Response:
        bridge = self._bridge
        if _is_limited(request):
            raise Refused(403, "forbidden", "this token is limited")
        said = {"version": bridge.version, "instance": bridge.instance, "epoch": bridge.epoch, **bridge.health}
        return web.json_response({name: value for name, value in said.items() if name != "claims"})

    async def _alive(self, _request: web.Request) -> web.Response:
        is_well = self._bridge.health["problem"] is None
        return web.json_response({"ok": is_well}, status=200 if is_well else 503)

    async def _self(self, request: web.Request) -> web.Response:
        token: Token = request[_TOKEN]
        return web.json_response(
            {
                "systems": token.systems,
                "monitors": token.monitors,
                "door": "api",
                "scope": token.scope,
                "token": {
                    "systems": token.systems,
                    "monitors": token.monitors,
                    "id": token.text.split("_")[1],
                    "name": token.name,
                    "scope": token.scope,
                    "created": written(datetime(2026, 11, 1, tzinfo=UTC)),
                    "receiver": None,
                    "expires": None,
                    "used": written(datetime.now(UTC)),
                },
            }
        )

    async def _give_up(self, request: web.Request) -> web.Response:
        token: Token = request[_TOKEN]
        self._bridge.revoke(token.text.split("_")[1])
        return web.Response(status=204)

    # --- what it knows ---

    async def _systems(self, request: web.Request) -> web.Response:
        shown = [self._whole_system(key) for key in self._bridge.systems if _sees(request, key)]
        return web.json_response({"systems": shown})

    async def _system(self, request: web.Request) -> web.Response:
        key = request.match_info["system"]
        if key not in self._bridge.systems or not _sees(request, key):
            raise Refused(404, "not_found", "there is no such system")
        return web.json_response(self._whole_system(key))

    def _whole_system(self, key: str) -> JsonObject:
        monitors = [monitor for system, monitor in self._bridge.monitors if system == key]
        return {**self._bridge.systems[key], "monitors": monitors}

    async def _monitors(self, request: web.Request) -> web.Response:
        systems, areas = request.query.getall("system", []), request.query.getall("area", [])
        shown = [
            self._whole_monitor(key)
            for key, described in self._bridge.monitors.items()
            if _sees(request, *key) and (not systems or key[0] in systems) and (not areas or described["area"] in areas)
        ]
        return web.json_response({"monitors": shown})

    async def _monitor(self, request: web.Request) -> web.Response:
        return web.json_response(self._whole_monitor(self._named(request)))

    def _whole_monitor(self, key: tuple[str, str]) -> JsonObject:
        bridge = self._bridge
        last = bridge.last_events.get(key)
        return {
            **bridge.monitors[key],
            "objects": bridge.objects.get(key),
            "last_event": last,
            "state": bridge.states[key],
        }

    def _named(self, request: web.Request) -> tuple[str, str]:
        key = request.match_info["system"], request.match_info["monitor"]
        if key not in self._bridge.monitors or not _sees(request, *key):
            raise Refused(404, "not_found", "there is no such monitor")
        return key

    # --- events ---

    def _found(self, request: web.Request) -> tuple[list[JsonObject], dict[str, list[str]]]:
        bridge = self._bridge
        query = {name: request.query.getall(name) for name in request.query}
        areas = {key: described["area"] for key, described in bridge.monitors.items()}
        own = [event for event in bridge.events.values() if _sees(request, event["system"], event["monitor"])]
        return index.found((indexed(event, bridge.notes.get(event["id"], "")) for event in own), query, areas), query

    async def _events(self, request: web.Request) -> web.Response:
        events, query = self._found(request)
        try:
            shown = index.page(events, int(query.get("limit", ["100"])[0]), query.get("after", [None])[0])
        except ValueError:
            raise Refused(400, "search", "after: this was never said as `next`") from None
        return web.json_response(shown)

    async def _event(self, request: web.Request) -> web.Response:
        event = self._event_of(request)
        return web.json_response(indexed(event, self._bridge.notes.get(event["id"], "")))

    def _event_of(self, request: web.Request) -> JsonObject:
        event = self._bridge.events.get(request.match_info["event"])
        if event is None or not _sees(request, event["system"], event["monitor"]):
            raise Refused(404, "not_found", "there is no such event")
        return event

    async def _timeline(self, request: web.Request) -> web.Response:
        events, query = self._found(request)
        try:
            return web.json_response(index.timeline(events, query))
        except ValueError:
            raise Refused(400, "search", "the timeline is too long") from None

    async def _values(self, request: web.Request) -> web.Response:
        events, query = self._found(request)
        return web.json_response(index.values(events, query))

    # --- media ---

    async def _event_media(self, request: web.Request) -> web.StreamResponse:
        event = self._event_of(request)
        what = request.path.rpartition("/")[2]
        is_picture = what == "picture"
        if not event["snapshot_ready" if is_picture else "clip_ready"]:
            raise Refused(404, "media", f"there is no {what} of it")
        store = self._bridge.pictures if is_picture else self._bridge.clips
        content = store.get(f"events/{event['id']}/{what}", media.JPEG if is_picture else media.CLIP)
        return await media.send(
            request, content, "image/jpeg" if is_picture else "video/mp4", event["id"], is_fixed=event["end"] is not None
        )

    async def _monitor_media(self, request: web.Request) -> web.StreamResponse:
        key = self._named(request)
        what = request.path.rpartition("/")[2]
        is_picture = what == "picture"
        if is_picture and "live_picture" not in self._bridge.monitors[key]["capabilities"]:
            raise Refused(404, "media", "there is no such picture")
        store = self._bridge.pictures if is_picture else self._bridge.clips
        content = store.get(f"monitors/{'/'.join(key)}/{what}", media.JPEG if is_picture else media.CLIP)
        kind = "image/jpeg" if is_picture else "video/mp4"
        return await media.send(request, content, kind, "-".join(key), is_fixed=not is_picture)

    async def _object_picture(self, request: web.Request) -> web.StreamResponse:
        key, part = self._named(request), request.match_info["object"]
        if not (self._bridge.states[key]["objects"].get(part) or {}).get("picture"):
            raise Refused(404, "media", "there is no such picture")
        content = self._bridge.pictures.get(f"monitors/{'/'.join(key)}/objects/{part}", media.JPEG)
        return await media.send(request, content, "image/jpeg", part, is_fixed=False)

    async def _live(self, request: web.Request) -> web.Response:
        key = self._named(request)
        able = self._bridge.monitors[key]["capabilities"]
        usual = ["ts", "mp4", "mjpeg"] if "live_stream" in able else ["mjpeg"] if "live_picture" in able else []
        return web.json_response({"forms": self._bridge.forms.get("/".join(key), usual)})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        key = self._named(request)
        what = request.path.rpartition("/")[2]
        content = self._bridge.streams.get(f"monitors/{'/'.join(key)}/{what}", media.PACKETS)
        return await media.stream(request, content, media.STREAM_TYPES[what], self._bridge.streams_end, self._bridge.count_stream)

    async def _link(self, request: web.Request) -> web.Response:
        asked = await request.json()
        path, token = asked["path"], request[_TOKEN]
        if not path.startswith(f"{BASE}/media/"):
            raise Refused(422, "invalid", "that can't be linked to")
        token_id = token.text.split("_")[1]
        is_stream = path.rpartition("/")[2] in media.STREAM_TYPES
        seed = f"{self._bridge.link_key} {token_id} {path} {asked.get('life')} {'' if is_stream else secrets.token_hex(4)}"
        auth = hmac.new(b"links", seed.encode(), hashlib.sha256).hexdigest()[:40]
        self._links[auth] = (path, token_id, self._bridge.link_key)
        signed = f"{path}{'&' if '?' in path else '?'}auth={auth}"
        until = (
            None if is_stream and asked.get("life") is None else datetime.now(UTC) + timedelta(seconds=asked.get("life") or 86400)
        )
        said = {
            "url": f"{self._bridge.url}{signed}",
            "path": signed,
            "key": self._bridge.link_key,
            "token": token_id,
            "until": None if until is None else written(until),
            "uses": asked.get("uses"),
        }
        return web.json_response(said, status=201)

    # --- commands and claims ---

    async def _command(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self._bridge.commanded_by("http", asked)
        try:
            acks = [ack async for ack in commands.follow(self._bridge, asked, request[_TOKEN].scope)]
        except commands.NotThere:
            raise Refused(404, "not_found", "there is no such system or monitor") from None
        return web.json_response(acks[-1])

    async def _discovery(self, request: web.Request) -> web.Response:
        if _is_limited(request):
            raise Refused(403, "forbidden", "this token is limited")
        bridge, own = self._bridge, _id_of(request[_TOKEN])
        week_ago = written(datetime.now(UTC) - timedelta(days=7))
        claims = [
            {**claim, "is_stale": claim["seen"] < week_ago, "is_own": bridge.claimed_by.get(holder) == own, "token": None}
            for holder, claim in bridge.claims.items()
        ]
        return web.json_response({"is_on": not claims, "claims": claims})

    async def _claim(self, request: web.Request) -> web.Response:
        holder = (await request.json())["holder"]
        now = written(datetime.now(UTC))
        since = self._bridge.claims.get(holder, {"since": now})["since"]
        self._bridge.claims[holder] = {"holder": holder, "since": since, "seen": now}
        self._bridge.claimed_by[holder] = _id_of(request[_TOKEN])
        self._bridge.change_health()
        return await self._discovery(request)

    async def _release(self, request: web.Request) -> web.Response:
        holder, token = request.match_info["holder"], request[_TOKEN]
        owner = self._bridge.claimed_by.get(holder)
        if owner in self._bridge.tokens and owner != _id_of(token) and token.scope != "admin":
            raise Refused(409, "rejected", "another token has claimed that")
        self._bridge.claims.pop(holder, None)
        self._bridge.change_health()
        return await self._discovery(request)

    # --- trust ---

    async def _proof(self, request: web.Request) -> web.Response:
        bridge, asked = self._bridge, await request.json()
        nonce, host = secrets.token_hex(32), bridge.host_for_proof(request)
        key = bridge.key_for_proof(asked["token_id"])
        said = {
            "bridge_id": bridge.bridge_id,
            "host": request.host.lower() if bridge.impostor else host,
            "certificate": bridge.fingerprint,
            "nonce": nonce,
            "mac": proof.mac(key, "token", bridge.bridge_id, host, bridge.fingerprint, asked["nonce"], nonce),
        }
        return web.json_response(said)

    async def _pair(self, request: web.Request) -> web.Response:
        bridge, asked = self._bridge, await request.json()
        code, nonce = bridge.code, asked["nonce"]
        if code is None:
            raise Refused(403, "pairing_closed", "pairing is closed", "run `vms-bridge pair` on the bridge's machine")
        guessed = code if bridge.impostor != "stranger" else "00000000"
        key = await bridge.in_thread(lambda: proof.key_of_code(guessed, bridge.bridge_id, nonce))
        bound = bridge.bridge_id, bridge.host_for_proof(request), bridge.fingerprint
        is_right = hmac.compare_digest(proof.mac(key, "pair client", *bound, nonce), asked["proof"])
        if not is_right and bridge.impostor is None:
            bridge.wrong_code()
            raise Refused(403, "wrong_code", "the code is wrong", "read it again")
        token_id, token = bridge.grant(asked["name"])
        sealed = proof.xor(token.text.encode(), proof.pad(key, "pair token", *bound, nonce)).hex()
        said = {
            "systems": token.systems,
            "monitors": token.monitors,
            "bridge_id": bridge.bridge_id,
            "host": request.host.lower(),
            "certificate": bridge.fingerprint,
            "token_id": token_id,
            "scope": token.scope,
            "sealed": sealed,
            "mac": proof.mac(key, "pair bridge", *bound, nonce, sealed, token.scope),
        }
        return web.json_response(said)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        return await Session(self._bridge, request).serve()


def _canonical(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


def _id_of(token: Token) -> str:
    return token.text.split("_")[1]


def _sees(request: web.Request, system: str, monitor: str | None = None) -> bool:
    token: Token | None = request[_TOKEN]
    return token is None or token.sees(system, monitor)


def _is_limited(request: web.Request) -> bool:
    token: Token | None = request[_TOKEN]
    return token is not None and token.is_limited


def _problem(refusal: Refused) -> web.Response:
    return web.json_response(
        refusal.body, status=refusal.status, headers=refusal.headers, content_type="application/problem+json"
    )
