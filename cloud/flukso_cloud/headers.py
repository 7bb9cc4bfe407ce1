"""Security headers, cross-site request refusal, and answers to the unexpected: three small ASGI middlewares."""

from __future__ import annotations

import ipaddress
import logging
import traceback
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HSTS = "max-age=31536000"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SIGNED_PATHS = ("/device/", "/sensor/")
"""Their POSTs are authenticated by digest and never look at a cookie."""


def _is_public_name(host: str) -> bool:
    """Tell whether a host is a public name.

    A browser applies HSTS to every port of a host; on `localhost`, or a name of the local net, that would cut off its
    neighbours which speak plain HTTP (Home Assistant on 8123, a Fluksometer on 8080).
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name and name.rpartition(".")[2] not in {
            "localhost",
            "local",
            "lan",
            "home",
            "internal",
            "arpa",
            "test",
        }
    return False


class SecurityHeaders:
    """Adds the headers that tell a browser what a page may do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer with its headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        secure = scope["scheme"] == "https" and _is_public_name(Headers(scope=scope).get("host", ""))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
                    headers.setdefault("Referrer-Policy", "same-origin")
                    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
                    headers.setdefault("X-Frame-Options", "DENY")
                if secure:
                    headers.setdefault("Strict-Transport-Security", HSTS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


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
            await PlainTextResponse("This request came from another site.\n", 403)(scope, receive, send)
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


class Unexpected:
    """Answers 500 without details, and logs where it happened without what was in it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer for it if it fails."""
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        except Exception as error:  # noqa: BLE001 - the last line of defence
            frames = "".join(traceback.format_tb(error.__traceback__))
            # its message may quote a body or a token, so only its kind is named
            log.error("%s in %s %s\n%s", type(error).__name__, scope.get("method"), scope.get("path"), frames)  # noqa: TRY400
            if started:
                raise ConnectionAbortedError("the answer had begun") from None
            await PlainTextResponse("Internal server error.\n", 500)(scope, receive, send)
