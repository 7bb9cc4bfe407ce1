"""The local API of the original Fluksometers: the last minute of a sensor as JSON or JSONP.

Source: docs/protocol.md and the behaviour of FLM02 2.x. Old clients depend on every detail of it, so: chunked,
`Connection: close`, no CORS header, integers and the string "nan", 400 without a Content-Type.
"""

from __future__ import annotations

import math
import re

from aiohttp import web

from fluksod.store import Store, Stream

MALFORMED = (
    "Malformed query string: version=1.0, interval=minute and unit=watt or unit=lperday are required, "
    "for example /sensor/<id>?version=1.0&interval=minute&unit=watt"
)
_PAIR = re.compile(r"([^&=]+)=([^&=]+)")
_UNITS = ("watt", "lperday")


class MinuteApi:
    """Serves `GET /sensor/<id>`.

    Both units give the number the daemon computed, as in the original: W for electricity, L/day for water and gas.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rendered: dict[str, tuple[int, bytes]] = {}

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer with the minute; the callback is taken as it stands in the address, not decoded (as the original)."""
        query = dict(_PAIR.findall(request.raw_path.partition("?")[2]))
        if query.get("version") != "1.0" or query.get("interval") != "minute" or query.get("unit") not in _UNITS:
            return _answer(request, 400, MALFORMED.encode(), None)
        stream = self._store.streams.get(request.match_info["sensor"])
        body = b"[]" if stream is None else self._minute(stream)
        if body != b"[]":  # the original wraps nothing where there is nothing
            if (name := query.get("callback")) is not None:
                body = b"%b(%b);" % (name.encode(), body)
            elif (name := query.get("jsonp_callback")) is not None:
                body = b"%b(%b)" % (name.encode(), body)
        return _answer(request, 200, body, "application/json")

    def _minute(self, stream: Stream) -> bytes:
        publication, body = self._rendered.get(stream.sensor.id, (-1, b""))
        if publication != self._store.publications:
            factor = stream.sensor.type.v1_per_gauge
            pairs = (
                f'[{second},"nan"]' if gauge is None else f"[{second},{math.floor(gauge * factor + 0.5)}]"
                for second, gauge in self._store.minute(stream)
            )
            body = f"[{','.join(pairs)}]".encode()
            self._rendered[stream.sensor.id] = (self._store.publications, body)
        return body


class _Untyped(web.Response):
    """An answer without a Content-Type."""


def _answer(request: web.Request, status: int, body: bytes, content_type: str | None) -> web.Response:
    kind = _Untyped if content_type is None else web.Response
    answer = kind(status=status, body=body, content_type=content_type)
    answer.force_close()
    if request.version >= (1, 1):
        answer.enable_chunked_encoding()
    return answer


async def drop_content_type(_request: web.Request, response: web.StreamResponse) -> None:
    """As the application's `on_response_prepare`: aiohttp gives every body a type, the original's 400 has none."""
    if isinstance(response, _Untyped):
        response.headers.popall("Content-Type", None)
