"""Answers that may be large: compressed as the asker wants it, and not sent again to who has them already."""

from __future__ import annotations

import gzip
from hashlib import blake2b

import msgspec
import zstandard
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
SMALL = 1024
"""Bytes below which compressing is not worth it."""
LARGE = 256 * 1024
"""Bytes from which on it would hold up the event loop."""
_LEVELS = {"zstd": 3, "gzip": 4}


async def packed(request: Request, content: object, media: str = JSON) -> Response:
    """Return `content` as JSON with an ETag: 304 if the asker has it, else in the encoding that he prefers."""
    body = msgspec.json.encode(content)
    tag = blake2b(body, digest_size=12).hexdigest()
    headers = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Cookie, X-Token, Authorization"}
    encoding = encoding_of(request.headers.get("accept-encoding", "")) if len(body) >= SMALL else None
    headers["ETag"] = f'"{tag}"' if encoding is None else f'"{tag}-{encoding}"'
    if is_known(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    if encoding is not None:
        headers["Content-Encoding"] = encoding
        body = (
            _compressed(body, encoding) if len(body) < LARGE else await run_in_threadpool(_compressed, body, encoding)
        )
    return Response(body, headers=headers, media_type=media)


def _compressed(body: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdCompressor(_LEVELS["zstd"]).compress(body)
    return gzip.compress(body, _LEVELS["gzip"], mtime=0)


def encoding_of(accepted: str) -> str | None:
    """Return which of zstd and gzip an Accept-Encoding prefers (zstd of equals), None if neither or none rather."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, *parameters = (word.strip() for word in part.split(";"))
        try:
            weights[name] = next((float(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        except ValueError:
            weights[name] = 0.0
    best = max(_LEVELS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    weight = weights.get(best, weights.get("*", 0.0))
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else None


def is_known(if_none_match: str, tag: str) -> bool:
    """Tell whether an If-None-Match names this content, in whatever encoding (RFC 9110, weak comparison)."""
    known = {one.strip().removeprefix("W/").strip('"') for one in if_none_match.split(",")}
    return "*" in known or bool(known & {tag, *(f"{tag}-{encoding}" for encoding in _LEVELS)})
