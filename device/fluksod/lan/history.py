"""The history of a sensor, /api/v2/sensors/<id>/history: columns of buckets. Source: docs/protocol.md."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from fluksod.lan.access import refusal
from fluksod.store import Store
from fluksod.store.buckets import Columns

ReadHistory = Callable[[str, int, int, int], Awaitable[Columns]]
"""Reads the buckets of a sensor: id, start and end (unix seconds), resolution (s); `ValueError` for too many."""

_NUMBER = re.compile(r"[0-9]{1,12}")
MINUTE = 60


class BadQueryError(ValueError):
    """The query cannot be answered; the text says what to give."""


class HistoryApi:
    """Serves the history of the sensors of `store`, which `read` reads."""

    def __init__(self, store: Store, read: ReadHistory) -> None:
        self._store = store
        self._read = read

    async def get(self, request: web.Request) -> web.Response:
        """Answer with the columns; 400 with what to give where the query is wrong, 404 for an unknown sensor."""
        stream = self._store.streams.get(request.match_info["sensor"])
        if stream is None:
            return refusal(404, "there is no such sensor; /api/v2/sensors lists them")
        try:
            resolution = _number(request, "resolution", MINUTE)
            end = _number(request, "end", int(time.time()))
            start = _number(request, "start", None)
            columns = await self._read(stream.sensor.id, start, end, resolution)
        except ValueError as error:
            return refusal(400, str(error))
        told = {"sensor": stream.sensor.id, "resolution": resolution, **asdict(columns)}
        return web.json_response(told, headers={"Cache-Control": "no-store"})


def _number(request: web.Request, name: str, default: int | None) -> int:
    text = request.query.get(name)
    if text is None and default is not None:
        return default
    if text is None or _NUMBER.fullmatch(text) is None:
        what = "seconds" if name == "resolution" else "unix seconds"
        raise BadQueryError(f"give {name} as a whole number of {what}, of at most twelve digits")
    return int(text)
