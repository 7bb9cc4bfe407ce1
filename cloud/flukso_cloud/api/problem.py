"""Errors of API v2: problem details for HTTP APIs (RFC 9457). API v1 keeps the plain lines of the original."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route

from flukso_cloud.extras import NotInstalledError
from flukso_cloud.store import GoneError, StoreUnavailableError

V2 = "/api/v2/"
MEDIA = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong. `detail` says what to do; `field` is the member or parameter that is wrong, where it is one.

    `type` is about:blank: the status says which kind it is.
    """

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None


class FieldError(HTTPException):
    """400: one parameter of the query, or one member of the body, is wrong; None where it is the whole."""

    def __init__(self, field: str | None, detail: str) -> None:
        super().__init__(400, f"{detail}\n")
        self.field = field


async def refusal(request: Request, error: Exception) -> Response:
    """Answer an HTTPException: as a problem in API v2, else as a plain line."""
    if not isinstance(error, HTTPException):
        raise error
    headers = {**(error.headers or {})}
    if error.status_code == 405:
        headers["Allow"] = _allowed(request)
    field = getattr(error, "field", None)
    return plainly(request.url.path, error.status_code, error.detail, headers, field)


def plainly(
    path: str, status: int, detail: str, headers: Mapping[str, str] | None = None, field: str | None = None
) -> Response:
    """Return the answer that tells on a path what is wrong: a problem in API v2, else a plain line."""
    if is_v2(path):
        return problem(status, detail, headers, field)
    return PlainTextResponse(detail, status, headers)


def _allowed(request: Request) -> str:
    """Return the methods of all routes of a path: each method may have a route of its own."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE:
            found |= route.methods or set()
    return ", ".join(sorted(found))


async def unavailable(request: Request, error: Exception) -> Response:
    """Answer 503 where the store cannot be used now."""
    if not isinstance(error, StoreUnavailableError):
        raise error
    return await refusal(request, HTTPException(503, "cannot do that now, ask again\n", {"Retry-After": "5"}))


async def not_installed(request: Request, error: Exception) -> Response:
    """Answer 501 where a library is not installed."""
    if not isinstance(error, NotInstalledError):
        raise error
    return await refusal(request, HTTPException(501, f"{error}\n"))


async def gone(request: Request, error: Exception) -> Response:
    """Answer 404 where what a request was about has gone while it was answered."""
    if not isinstance(error, GoneError):
        raise error
    return await refusal(request, HTTPException(404, "that has just been deleted\n"))


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None, field: str | None = None) -> Response:
    """Return the answer that tells a problem."""
    title = HTTPStatus(status).phrase
    told = Problem("about:blank", title, status, detail.strip() or title, field)
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(msgspec.json.encode(told), status, kept, media_type=MEDIA)


def is_v2(path: str) -> bool:
    """Tell whether a path is one of API v2."""
    return path.startswith(V2)
