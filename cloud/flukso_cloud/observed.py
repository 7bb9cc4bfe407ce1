"""Requests, as those see them who operate the cloud: counted by route, and logged if the settings say so."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import metrics

log = logging.getLogger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others count as one: whoever asks may make up any."""
_SHOWN = ("device", "sensor")
"""Parts of a path that are logged. Others may be secret."""


class Observed:
    """Counts requests and how long each waited for its answer. A request is named by its route, never by its query."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._routes: Mapping[Any, str] = {}
        self._counters: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note what became of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = "none"

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                self._note(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            if status == "none":
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: str, seconds: float) -> None:
        route = self._route(scope)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        key = (method, route, status)
        counters = self._counters.get(key)
        if counters is None:  # to look them up takes longer than to count
            counters = metrics.REQUESTS.labels(*key), metrics.REQUEST_SECONDS.labels(route)
            self._counters[key] = counters
        counters[0].inc()
        counters[1].observe(seconds)
        if log.isEnabledFor(logging.INFO):
            shown = {name: scope.get("path_params", {}).get(name) for name in _SHOWN}
            fields = {
                "method": method,
                "route": route,
                "status": status,
                "seconds": round(seconds, 6),
                "address": scope["client"][0] if scope.get("client") else None,
            } | shown
            log.info("request", extra={name: value for name, value in fields.items() if value is not None})

    def _route(self, scope: Scope) -> str:
        """Return the route as the application has it, so that there are only so many."""
        if not self._routes:
            self._routes = {
                getattr(route, "endpoint", getattr(route, "app", None)): getattr(route, "path", "")
                for route in scope["app"].routes
            }
        return self._routes.get(scope.get("endpoint"), "none")
