"""The short way for what a cloud gets most: an upload that is whole, signed, and of a sensor that sent one before.

It answers these as the route of API v1 does, without what other requests need: routing, a session, security headers.
Everything else goes the long way, from its beginning.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .api import v1
from .api.request import ANSWER_SECONDS, MOST_BYTES
from .api.signed import VERSION
from .clock import unix_now
from .cloud import Cloud
from .ingest import MalformedError, RefusedError
from .store import StoreUnavailableError

_PREFIX = "/sensor/"
_PATH_LENGTH = len(_PREFIX) + 32
_VERSION = VERSION.encode()
_OK: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"access-control-allow-origin", b"*"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-length", b"17"),
    ],
}
_OK_BODY: Message = {"type": "http.response.body", "body": b'{"response":"ok"}'}
_CONFIGURED: Message = {
    "type": "http.response.start",
    "status": 204,
    "headers": [(b"access-control-allow-origin", b"*"), (b"x-content-type-options", b"nosniff")],
}
_NO_BODY: Message = {"type": "http.response.body", "body": b""}
_LATER: Message = {
    "type": "http.response.start",
    "status": 503,
    "headers": [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"x-content-type-options", b"nosniff"),
        (b"retry-after", b"5"),
        (b"content-length", b"32"),
    ],
}
_LATER_BODY: Message = {"type": "http.response.body", "body": b"cannot store now, send it again\n"}


class QuickUploads:
    """ASGI middleware: takes such uploads itself, and passes all other requests on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an upload, or pass the request on."""
        if scope["type"] != "http" or scope["method"] != "POST" or len(scope["path"]) != _PATH_LENGTH:
            await self.app(scope, receive, send)
            return
        cloud: Cloud = scope["app"].state.cloud
        sensor_id = scope["path"][len(_PREFIX) :]
        signature = _signature_of(scope)
        if signature is None or not cloud.ingest.knows(sensor_id):
            await self.app(scope, receive, send)
            return
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body"):
            answer = await _taken(cloud, sensor_id, bytes(first["body"]), signature)
            if answer is not None:
                scope["endpoint"] = v1.sensor
                scope["path_params"] = {"sensor": sensor_id}
                await send(answer[0])
                await send(answer[1])
                return

        unread = [first]

        async def receive_again() -> Message:
            return unread.pop() if unread else await receive()

        await self.app(scope, receive_again, send)


async def _taken(cloud: Cloud, sensor_id: str, body: bytes, signature: str) -> tuple[Message, Message] | None:
    """Store an upload; return the answer, None if it is not for here to give it."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            measured = await cloud.ingest.measurements(sensor_id, body, signature, unix_now())
    except (RefusedError, MalformedError):
        return None
    except (StoreUnavailableError, TimeoutError):
        return _LATER, _LATER_BODY
    return (_OK, _OK_BODY) if measured else (_CONFIGURED, _NO_BODY)


def _signature_of(scope: Scope) -> str | None:
    """Return the digest of a request whose header is as FLM02 and fluksod send it, each name once."""
    headers = dict(scope["headers"])
    if len(headers) != len(scope["headers"]) or scope["query_string"] or headers.get(b"x-version") != _VERSION:
        return None
    length = headers.get(b"content-length", b"")
    if not length.isdigit() or int(length) > MOST_BYTES:
        return None
    signature: bytes = headers.get(b"x-digest", b"")
    return signature.decode("latin-1")
