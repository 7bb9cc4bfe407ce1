"""The ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware

from . import ears, folding, retiring
from .api import (
    account,
    benchmark,
    devices,
    documents,
    exports,
    groups,
    health,
    latest,
    live,
    peers,
    profiles,
    requests,
    retention,
    sample_uploads,
    samples,
    seconds,
    series,
    session,
    tariffs,
    tmpo,
    tokens,
    v1,
    v1_listings,
    v2,
    xml_rpc,
)
from .api.access import SessionBackend
from .api.packed import Packed
from .api.problem import gone, not_installed, refusal, unavailable
from .cloud import Cloud
from .cross_site import CrossSiteRefusal
from .extras import NotInstalledError
from .headers import SecurityHeaders
from .home import Home
from .observed import Observed
from .quick_uploads import QuickUploads
from .readiness import Readiness
from .settings import Settings
from .store import GoneError, Retention, StoreUnavailableError
from .unexpected import Unexpected
from .web import routes as pages


def create_app(home: Home, settings: Settings | None = None) -> Starlette:
    """Return the application that serves the cloud living in `home`; it opens and closes with the server's lifespan.

    `settings` tell how long unclaimed devices and measurements are kept, and how long the body of a request
    may take.
    """
    chosen = settings or Settings()
    most = Retention(chosen.retention.samples_days, chosen.retention.hours_days)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        cloud = Cloud.open(home)
        app.state.cloud = cloud
        app.state.readiness = Readiness(cloud.store)
        app.state.patience = chosen.server.patience
        clock = cloud.ingest.clock
        clock.hear(await cloud.store.newest_sign_of_life())
        upkeep = [
            asyncio.create_task(cloud.departures.run(chosen.devices.unclaimed_days, clock)),
            asyncio.create_task(folding.run(cloud.store)),
            asyncio.create_task(retiring.run(cloud.store, most, clock)),
            asyncio.create_task(ears.heed(cloud.store, cloud.ears)),
            asyncio.create_task(cloud.seconds.run()),
        ]
        try:
            yield
        finally:
            for task in upkeep:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await cloud.close()

    return Starlette(
        routes=[
            *v1.routes,
            *v1_listings.routes,
            *tmpo.routes,
            *xml_rpc.routes,
            *v2.routes,
            *live.routes,
            *series.routes,
            *latest.routes,
            *samples.routes,
            *retention.routes,
            *exports.routes,
            *sample_uploads.routes,
            *seconds.routes,
            *tariffs.routes,
            *peers.routes,
            *tokens.routes,
            *devices.routes,
            *groups.routes,
            *benchmark.routes,
            *profiles.routes,
            *requests.routes,
            *account.routes,
            *documents.routes,
            *session.routes,
            *health.routes,
            *pages,
        ],
        middleware=[
            Middleware(Observed),
            Middleware(QuickUploads),
            Middleware(SecurityHeaders),
            Middleware(Unexpected),
            Middleware(CrossSiteRefusal),
            Middleware(AuthenticationMiddleware, backend=SessionBackend()),
            Middleware(Packed),
        ],
        exception_handlers={
            HTTPException: refusal,
            StoreUnavailableError: unavailable,
            GoneError: gone,
            NotInstalledError: not_installed,
        },
        lifespan=lifespan,
    )
