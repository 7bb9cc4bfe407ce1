"""What the GET requests of API v1 have in common: version once, CORS, the form of the answer (sections 2 and 2.5)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from .request import bad_request
from .signed import VERSION

OPEN = {"Access-Control-Allow-Origin": "*"}
FRESH = {**OPEN, "Cache-Control": "private, no-cache", "Vary": "Accept"}
JSON, CSV, GZIP = "application/json", "text/csv", "application/gzip"
_CALLBACK = re.compile(r"[0-9a-zA-Z_]{1,100}")

Handler = Callable[[Request], Awaitable[Response]]


def open_to_all(handler: Handler) -> Handler:
    """Check the version, and let pages of other origins read all answers: refusals too."""

    @wraps(handler)
    async def opened(request: Request) -> Response:
        try:
            _check_version(request)
            return await handler(request)
        except HTTPException as error:
            raise HTTPException(error.status_code, error.detail, {**OPEN, **(error.headers or {})}) from error

    return opened


def _check_version(request: Request) -> None:
    """The version comes in the header or in the query, not in both (trap 16)."""
    sent = (request.headers.get("x-version"), request.query_params.get("version"))
    if [version for version in sent if version is not None] != [VERSION]:
        raise bad_request(f"send version {VERSION} in X-Version or in version, not in both")


def wanted_of(request: Request, offered: Sequence[str]) -> str:
    """Return the media type that `Accept` wants most, the first offered among equals; 406 if it wants none."""
    ranges: dict[str, float] = {}
    for part in request.headers.get("accept", "*/*").split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        ranges[kind] = next((_number(word[2:]) for word in parameters if word.startswith("q=")), 1)

    def quality(media: str) -> float:
        kinds = (media, media.partition("/")[0] + "/*", "*/*")
        return next((ranges[kind] for kind in kinds if kind in ranges), 0)

    best = max(offered, key=quality)
    if quality(best) <= 0:
        raise HTTPException(406, f"this is served as {', '.join(offered)}\n")
    return best


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0


def padding_of(request: Request) -> tuple[bytes, bytes] | None:
    """Return what goes around a JSONP answer: `callback` ends in `;`, the older `jsonp_callback` does not (trap 15)."""
    callback, old_callback = (request.query_params.get(name) for name in ("callback", "jsonp_callback"))
    name = callback if callback is not None else old_callback
    if name is None:
        return None
    if not _CALLBACK.fullmatch(name):
        raise bad_request("a callback is made of letters, digits and _")
    return name.encode() + b"(", b");" if callback is not None else b")"


def answer(content: Any, padding: tuple[bytes, bytes] | None) -> Response:
    """Return compact JSON, or JSONP: as a script, since browsers run nothing else as one."""
    body = msgspec.json.encode(content)
    if padding is None:
        return Response(body, headers=FRESH, media_type=JSON)
    before, after = padding
    return Response(before + body + after, headers=FRESH, media_type="text/javascript")
