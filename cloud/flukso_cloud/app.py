"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware

from .api import health, peers, session, tmpo, tokens, v1, v1_listings, v2, xml_rpc
from .api.access import SessionBackend
from .cloud import Cloud
from .cross_site import CrossSiteRefusal
from .headers import SecurityHeaders
from .home import Home
from .observed import Observed
from .readiness import Readiness
from .unexpected import Unexpected
from .web import routes as pages


def create_app(home: Home) -> Starlette:
    """Return the application that serves the cloud living in `home`; it opens and closes with the server's lifespan."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        cloud = Cloud.open(home)
        app.state.cloud = cloud
        app.state.readiness = Readiness(cloud.store)
        try:
            yield
        finally:
            await cloud.close()

    return Starlette(
        routes=[
            *v1.routes,
            *v1_listings.routes,
            *tmpo.routes,
            *xml_rpc.routes,
            *v2.routes,
            *peers.routes,
            *tokens.routes,
            *session.routes,
            *health.routes,
            *pages,
        ],
        middleware=[
            Middleware(Observed),
            Middleware(SecurityHeaders),
            Middleware(Unexpected),
            Middleware(CrossSiteRefusal),
            Middleware(AuthenticationMiddleware, backend=SessionBackend()),
        ],
        lifespan=lifespan,
    )
