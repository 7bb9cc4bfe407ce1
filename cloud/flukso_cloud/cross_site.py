"""Refusal of requests that a foreign page makes a browser send."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .api.problem import plainly

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SIGNED_PATHS = ("/device/", "/sensor/", "/xmlrpc/")
"""Their POSTs are authenticated by digest and never look at a cookie."""


class CrossSiteRefusal:
    """Refuses requests that a foreign page makes a browser send with its cookie.

    As Go's CrossOriginProtection: a browser says by `Sec-Fetch-Site` where a request comes from; an older one by
    `Origin`. What sends neither is no browser and has no cookie to misuse.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 to a foreign request, pass on any other."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and self._is_foreign(scope):
            await plainly(scope["path"], 403, "This request came from another site.\n")(scope, receive, send)
            return
        await self.app(scope, receive, send)

    @staticmethod
    def _is_foreign(scope: Scope) -> bool:
        if scope["path"].startswith(SIGNED_PATHS):
            return False
        headers = Headers(scope=scope)
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site not in {"same-origin", "none"}
        origin = headers.get("origin")
        if origin is None:
            return False
        parts = urlsplit(origin)
        return (parts.scheme, parts.netloc) != (scope["scheme"], headers.get("host", ""))
