"""What original Fluksometers may ask for over their weak listener: their own routes, and nothing else."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DEVICE_ROUTES = re.compile(r"/(?:device|sensor)/[^/]*|/xmlrpc/1")
_EMPTY = [(b"content-length", b"0")]
_OF_A_BODY = (b"content-length", b"content-type")


class DeviceRoutesOnly:
    """ASGI middleware: lets heartbeats, uploads and XML-RPC pass; everything else is not found."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it without a body: that cannot be taken for the next answer."""
        if scope["type"] == "http" and (scope["method"] != "POST" or not _DEVICE_ROUTES.fullmatch(scope["path"])):
            await send({"type": "http.response.start", "status": 404, "headers": _EMPTY})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)


class WithoutErrorBodies:
    """ASGI middleware: errors go out without their text, which a device may take for the beginning of its next answer.

    The reason stays in WWW-Authenticate, which devices log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer."""
        is_error = False

        async def send_without_body(message: Message) -> None:
            nonlocal is_error
            if message["type"] == "http.response.start" and message["status"] >= 400:
                is_error = True
                kept = [pair for pair in message["headers"] if pair[0].lower() not in _OF_A_BODY]
                message = {**message, "headers": [*kept, *_EMPTY]}
            elif is_error:
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self.app(scope, receive, send_without_body)
