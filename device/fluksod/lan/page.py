"""The page on /: what is measured now, a live chart, and how all parts stand.

It comes with its values, so that it says something without JavaScript too; its script then keeps it up to date from our
own API. Nothing is loaded from anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from importlib.resources import files

from aiohttp import web

from fluksod.lan.access import Handler
from fluksod.lan.v2 import Json

_STATIC = files("fluksod.lan").joinpath("static")
_TYPES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "chart.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LivePage:
    """Serves the page; `device` and `sensors` give what /api/v2 tells."""

    def __init__(self, device: Callable[[], Json], sensors: Callable[[], list[Json]]) -> None:
        self._page = _STATIC.joinpath("page.html").read_text(encoding="utf-8")
        self._device = device
        self._sensors = sensors

    async def get(self, _request: web.Request) -> web.Response:
        """Answer with the page as things stand."""
        rows = "".join(_row(sensor) for sensor in self._sensors())
        page = self._page.replace("{{name}}", escape(str(self._device()["name"]))).replace("{{rows}}", rows)
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=page, content_type="text/html", headers=headers)


def static_files() -> Iterator[tuple[str, Handler]]:
    """The page's files by name, each with its handler."""
    for name, kind in _TYPES.items():
        yield name, _file(name, kind)


def _file(name: str, kind: str) -> Handler:
    content = _STATIC.joinpath(name).read_bytes()

    async def get(_request: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)

    return get


def _row(sensor: Json) -> str:
    reading = sensor["reading"] or {"gauge": None, "counter": None}
    cells = (
        escape(str(sensor["name"])),
        _shown(reading["gauge"], str(sensor["gauge_unit"])),
        _shown(reading["counter"], str(sensor["counter_unit"])),
    )
    return f"<tr><th scope=row>{cells[0]}<td>{cells[1]}<td>{cells[2]}"


def _shown(value: float | None, unit: str) -> str:
    return "\N{EN DASH}" if value is None else f"{value:,} {escape(unit)}"
