"""Answers of API v2 as the asker wants them: compressed, and not sent again to who has them already."""

from __future__ import annotations

import gzip
import zlib
from hashlib import blake2b
from typing import Protocol

import zstandard
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problem import is_v2

SMALL = 1024
"""Bytes below which compressing is not worth it."""
LARGE = 256 * 1024
"""Bytes from which on it would hold up the event loop."""
KEPT_BY_ASKER = "private, no-cache"
"""Nobody else keeps an answer, and who keeps it asks each time whether it is still so."""
ASKER = "Cookie, X-Token, Authorization"
"""What says who asks: to somebody else the answer is another."""
_LEVELS = {"zstd": 3, "gzip": 4}
_PACKABLE = ("application/json", "text/csv")
_ENDLESS = "text/event-stream"


class Packed:
    """ASGI middleware: gives each answer of a GET an ETag, 304 to who has it, else the encoding that he prefers.

    An answer that comes in parts is packed part by part; its ETag, if it has one, is that of its handler, who answers
    304 himself. Streams without an end, and errors, pass as they are.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer packed."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"} or not is_v2(scope["path"]):
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _Packing(Headers(scope=scope), send).send)


class _Packing:
    """One answer on its way out."""

    def __init__(self, asked: Headers, send: Send) -> None:
        self._encoding = encoding_of(asked.get("accept-encoding", ""))
        self._known = asked.get("if-none-match", "")
        self._send = send
        self._begin: Message | None = None
        self._stream: _Compressor | None = None

    async def send(self, message: Message) -> None:
        """Send a message of the answer; its beginning waits for the first part, to see whether there are more."""
        if message["type"] == "http.response.start" and _is_told_of(message):
            self._begin = message
        elif message["type"] == "http.response.body" and self._begin is not None:
            begin, self._begin = self._begin, None
            if message.get("more_body"):
                await self._in_parts(begin, message)
            else:
                await self._whole(begin, message)
        elif message["type"] == "http.response.body" and self._stream is not None:
            await self._part(self._stream, message)
        else:
            await self._send(message)

    async def _whole(self, begin: Message, message: Message) -> None:
        headers, body = MutableHeaders(scope=begin), message.get("body", b"")
        given = headers.get("etag", "").strip('"')
        tag = given or blake2b(body, digest_size=12).hexdigest()
        is_worth_it = len(body) >= SMALL or begin["status"] == 304
        encoding = self._encoding if is_worth_it and _is_packable(headers) else None
        _tell(headers, tag, encoding)
        if begin["status"] == 304 or is_known(self._known, tag):
            for name in ("content-length", "content-type", "content-encoding"):
                del headers[name]
            begin, body = {**begin, "status": 304}, b""
        elif encoding is not None:
            in_thread = len(body) >= LARGE
            body = await run_in_threadpool(_packed, body, encoding) if in_thread else _packed(body, encoding)
            headers["Content-Length"] = str(len(body))
        await self._send(begin)
        await self._send({**message, "body": body})

    async def _in_parts(self, begin: Message, message: Message) -> None:
        headers = MutableHeaders(scope=begin)
        encoding = self._encoding if _is_packable(headers) else None
        _tell(headers, headers.get("etag", "").strip('"'), encoding)
        await self._send(begin)
        if encoding is None:
            await self._send(message)
            return
        self._stream = zstandard.ZstdCompressor(_LEVELS["zstd"]).compressobj() if encoding == "zstd" else _gzip()
        await self._part(self._stream, message)

    async def _part(self, stream: _Compressor, message: Message) -> None:
        body = await run_in_threadpool(stream.compress, message.get("body", b""))
        more = bool(message.get("more_body"))
        if not more:
            body += stream.flush()
        if body or not more:
            await self._send({**message, "body": body})


class _Compressor(Protocol):
    """What compresses a stream part by part."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def _gzip() -> _Compressor:
    return zlib.compressobj(_LEVELS["gzip"], zlib.DEFLATED, zlib.MAX_WBITS | 16)


def _is_told_of(begin: Message) -> bool:
    kind = MutableHeaders(scope=begin).get("content-type", "")
    return begin["status"] in {200, 304} and not kind.startswith(_ENDLESS)


def _is_packable(headers: MutableHeaders) -> bool:
    return headers.get("content-type", "").startswith(_PACKABLE)


def _tell(headers: MutableHeaders, tag: str, encoding: str | None) -> None:
    """Say what the answer depends on, who may keep it, and which one it is; each encoding has a tag of its own."""
    is_public = headers.get("cache-control", "no-store") != "no-store"
    headers["Vary"] = "Accept-Encoding" if is_public else f"Accept-Encoding, {ASKER}"
    if not is_public:
        headers["Cache-Control"] = KEPT_BY_ASKER
    if tag:
        headers["ETag"] = f'"{tag}"' if encoding is None else f'"{tag}-{encoding}"'
    if encoding is not None:
        headers["Content-Encoding"] = encoding
        del headers["content-length"]


def _packed(body: bytes, encoding: str) -> bytes:
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
    return bool(tag) and ("*" in known or bool(known & {tag, *(f"{tag}-{encoding}" for encoding in _LEVELS)}))
