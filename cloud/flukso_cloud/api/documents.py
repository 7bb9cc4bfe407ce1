"""The OpenAPI documents of both APIs."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flukso_cloud import __version__

from .documented import JSON, documented
from .openapi import v1_document, v2_document

Document = dict[str, Any]
_OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}


@documented("GET", "This document", answer=Document, public=True)
async def get_v1(request: Request) -> Response:
    """API v1. Everybody may read what the program is."""
    return _answer(v1_document(__version__, request.app.routes))


@documented("GET", "This document", answer=Document, public=True)
async def get_v2(request: Request) -> Response:
    """API v2."""
    return _answer(v2_document(__version__, request.app.routes))


def _answer(document: Document) -> Response:
    return Response(msgspec.json.encode(document), headers=_OPEN, media_type=JSON)


routes: list[BaseRoute] = [
    Route("/api/v1/openapi.json", get_v1, methods=["GET"]),
    Route("/api/v2/openapi.json", get_v2, methods=["GET"]),
]
