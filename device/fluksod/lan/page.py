"""The page on /: what is measured now, live, and the claim code. Plain HTML that reads our own API."""

from __future__ import annotations

from importlib.resources import files

from aiohttp import web

_PAGE = files("fluksod.lan").joinpath("page.html").read_text(encoding="utf-8")


async def get_page(_request: web.Request) -> web.Response:
    """Answer with the page."""
    return web.Response(text=_PAGE, content_type="text/html", headers={"Content-Security-Policy": _POLICY})


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
