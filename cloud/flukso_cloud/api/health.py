"""Whether this process is alive, and whether it can store: for load balancers, supervisors and people."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route

from flukso_cloud.readiness import Readiness


async def alive(_: Request) -> PlainTextResponse:
    """200 while requests are answered at all."""
    return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})


async def ready(request: Request) -> PlainTextResponse:
    """200 if a commit succeeds, else 503 with the reason."""
    readiness: Readiness = request.app.state.readiness
    objection = await readiness.objection()
    if objection is not None:
        headers = {"Cache-Control": "no-store", "Retry-After": "5"}
        return PlainTextResponse(f"not ready: {objection}\n", 503, headers=headers)
    return PlainTextResponse("ready\n", headers={"Cache-Control": "no-store"})


routes: list[BaseRoute] = [Route("/healthz", alive), Route("/readyz", ready)]
