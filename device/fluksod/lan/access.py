"""Who may read and write over the local API: everybody may read, unless that is closed; writing takes the token.

The token comes as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic, which browsers and old clients know.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ASK = 'Basic realm="Fluksometer", charset="UTF-8"'


class Access:
    """Knows the token, if there is one, and whether reading is open to everybody."""

    def __init__(self, token: str | None = None, *, open_reading: bool = True) -> None:
        self._token = None if token is None else token.encode()
        self._open_reading = open_reading

    @property
    def is_closed(self) -> bool:
        """Whether reading takes the token too."""
        return not self._open_reading

    def reads(self, handler: Handler) -> Handler:
        """A handler that only whoever may read gets to."""
        return handler if self._open_reading else self._guarded(handler)

    def writes(self, handler: Handler) -> Handler:
        """A handler that only whoever has the token gets to; 403 where there is none at all."""
        return self._refused if self._token is None else self._guarded(handler)

    def _guarded(self, handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self._knows_token(request.headers.get("Authorization", "")):
                return await handler(request)
            reason = "give the token of token_file in [lan], as Bearer or as the password of Basic authentication"
            return refusal(401, reason, {"WWW-Authenticate": _ASK})

        return guarded

    async def _refused(self, _request: web.Request) -> web.StreamResponse:
        return refusal(403, "nothing may be changed over the network; name a token_file in [lan] to allow it")

    def _knows_token(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        said = given.strip().encode()
        if scheme.lower() == "basic":
            try:
                said = base64.b64decode(said, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        return self._token is not None and hmac.compare_digest(said, self._token)


def refusal(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as the API tells it: `{"error": "what to do"}`."""
    return web.json_response({"error": reason}, status=status, headers={"Cache-Control": "no-store", **(headers or {})})


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell of unknown addresses and methods as the rest of the API does."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return refusal(404, "there is nothing here; /api/v2/openapi.json tells what there is")
    except web.HTTPRequestEntityTooLarge:
        return refusal(413, "that is more than this API takes")
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return refusal(405, f"{request.method} is not possible here; use {allowed}", {"Allow": allowed})
