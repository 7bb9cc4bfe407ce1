"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib import import_module

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import BaseRoute

from .api import session, v1, v2
from .api.access import SessionBackend
from .cloud import Cloud
from .headers import CrossSiteRefusal, SecurityHeaders, Unexpected
from .home import Home


def _pages() -> Sequence[BaseRoute]:
    try:
        web = import_module("flukso_cloud.web")
    except ImportError:
        return []
    routes: Sequence[BaseRoute] = getattr(web, "routes", [])
    return routes if isinstance(routes, Sequence) else []


def create_app(home: Home) -> Starlette:
    """Return the application that serves the cloud living in `home`; it opens and closes with the server's lifespan."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        cloud = Cloud.open(home)
        app.state.cloud = cloud
        try:
            yield
        finally:
            await cloud.close()

    return Starlette(
        routes=[*v1.routes, *v2.routes, *session.routes, *_pages()],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Unexpected),
            Middleware(CrossSiteRefusal),
            Middleware(AuthenticationMiddleware, backend=SessionBackend()),
        ],
        lifespan=lifespan,
    )
