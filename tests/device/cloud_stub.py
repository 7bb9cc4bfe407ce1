"""A cloud for tests: a real TLS server that checks each digest over the raw bytes and keeps what it was told."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from dataclasses import dataclass, field
from typing import Any

import trustme
from aiohttp import web


@dataclass
class Request:
    """What came in, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    members: dict[str, Any]
    connection: int


@dataclass
class CloudStub:
    """Serves on `address` with a certificate of `authority` for `name`.

    `answers` maps a path's first part ("device" or "sensor") to an answer of another kind, tried before the right one.
    """

    authority: trustme.CA
    name: str = "127.0.0.1"
    address: str = "127.0.0.1"
    live: int = 1
    upgrade: Any = 0
    refused: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    stored: dict[str, list[list[int]]] = field(default_factory=dict)
    gauges: dict[str, list[list[float]]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{self.port}"

    async def start(self) -> None:
        """Listen, at the same port again after a stop."""
        app = web.Application(client_max_size=1 << 24)
        app.router.add_post("/{kind}/{id}", self._post)
        app.router.add_post("/{kind}/{id}/{what}", self._post)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(self.name).configure_cert(context)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address, self.port, ssl_context=context, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Go down: refuse connections and cut those that are open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def heartbeats(self) -> list[Request]:
        return [request for request in self.requests if request.path.count("/") == 2 and "/device/" in request.path]

    def uploads(self) -> list[Request]:
        return [request for request in self.requests if request.path.startswith("/sensor/")]

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        members = json.loads(body)
        connection = id(request.transport)
        self.requests.append(Request(request.path, dict(request.headers), body, members, connection))
        kind, identity = request.match_info["kind"], request.match_info["id"]
        if (answer := self.answers.get(kind)) is not None and (early := await answer(request, members)) is not None:
            assert isinstance(early, web.StreamResponse)
            return early
        if "what" in request.match_info:
            return web.Response(status=404)
        if kind == "device":
            return self._heartbeat(identity, members, body, request.headers.get("X-Digest", ""))
        return self._measurements(identity, members, body, request.headers.get("X-Digest", ""))

    def _heartbeat(self, device: str, members: dict[str, Any], body: bytes, claimed: str) -> web.Response:
        key = self.keys.get(device) or members.get("key", "")
        if not right(key, body, claimed):
            return web.Response(status=401, headers={"WWW-Authenticate": "Incorrect digest"})
        self.keys[device] = key
        for sensor in members["sensors"]:
            self.owners.setdefault(sensor, device)
        refused = [sensor for sensor in members["sensors"] if self.owners[sensor] != device]
        answer = json.dumps(
            {"upgrade": self.upgrade, "timestamp": members["time"], "live": self.live, "claimed": 0, "refused": refused}
        ).encode()
        return web.Response(body=answer, headers={"X-Digest": sign(key, answer)}, content_type="application/json")

    def _measurements(self, sensor: str, members: dict[str, Any], body: bytes, claimed: str) -> web.Response:
        key = self.keys.get(self.owners.get(sensor, ""), "")
        if not right(key, body, claimed):
            return web.Response(status=401, headers={"WWW-Authenticate": "No proper provisioning for this sensor"})
        self.stored.setdefault(sensor, []).extend(members["measurements"])
        self.gauges.setdefault(sensor, []).extend(members.get("gauges", []))
        return web.json_response({"response": "ok"})


def sign(key: str, body: bytes) -> str:
    """X-Digest as the protocol reference defines it; written apart from the daemon's own."""
    return hmac.new(key.encode(), body, hashlib.sha1).hexdigest()


def right(key: str, body: bytes, claimed: str) -> bool:
    return bool(key) and hmac.compare_digest(sign(key, body), claimed)
