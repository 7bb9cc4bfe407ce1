"""Who may read and write over the local API: everybody may read, unless that is closed; writing takes the token.

Who reads gives the token as `Authorization: Bearer TOKEN`, or as the password of HTTP Basic, which browsers and old
clients know. Who writes gives it as Bearer: a browser adds Basic by itself, also to what a page of another site makes
it send, and Bearer only where a script knows the token.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Way = Callable[[str], bytes | None]
"""Finds what is said to be the token in an Authorization header; None where there is nothing of that kind."""

_ASK_READER = 'Basic realm="Fluksometer", charset="UTF-8"'
_ASK_WRITER = 'Bearer realm="Fluksometer"'


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
        reason = "give the token of token_file in [lan], as Bearer or as the password of Basic authentication"
        return (
            handler if self._open_reading else self._guarded(handler, (_bearer, _basic_password), reason, _ASK_READER)
        )

    def writes(self, handler: Handler) -> Handler:
        """A handler that only whoever has the token gets to: `router.add_post(path, access.writes(handler))`.

        401 where the token is missing or wrong, 403 where there is none at all.
        """
        reason = "give the token of token_file in [lan] as Authorization: Bearer"
        return self._refused if self._token is None else self._guarded(handler, (_bearer,), reason, _ASK_WRITER)

    def _guarded(self, handler: Handler, ways: tuple[_Way, ...], reason: str, ask: str) -> Handler:
        @functools.wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            authorization = request.headers.get("Authorization", "")
            if any(self._is_token(way(authorization)) for way in ways):
                return await handler(request)
            return refusal(401, reason, {"WWW-Authenticate": ask})

        return guarded

    async def _refused(self, _request: web.Request) -> web.StreamResponse:
        return refusal(403, "nothing may be changed over the network; name a token_file in [lan] to allow it")

    def _is_token(self, said: bytes | None) -> bool:
        return said is not None and self._token is not None and hmac.compare_digest(said, self._token)


def _bearer(authorization: str) -> bytes | None:
    return _after("bearer", authorization)


def _basic_password(authorization: str) -> bytes | None:
    said = _after("basic", authorization)
    try:
        return None if said is None else base64.b64decode(said, validate=True).partition(b":")[2]
    except binascii.Error:
        return None


def _after(wanted: str, authorization: str) -> bytes | None:
    scheme, _, given = authorization.partition(" ")
    return given.strip().encode("utf-8", "surrogateescape") if scheme.lower() == wanted else None


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
