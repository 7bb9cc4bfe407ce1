"""What goes while a request is answered: 404, not a failure of ours."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from flukso_cloud.app import create_app
from flukso_cloud.home import Home


@pytest.mark.parametrize("path", ["/api/v2/late", "/late"])
def test_what_has_just_gone_is_not_found(home: Home, path: str) -> None:
    async def late(request: Request) -> Response:
        await request.app.state.cloud.store.rename_group(99, "late")
        return Response()

    app = create_app(home)
    app.router.routes.insert(0, Route(path, late, methods=["PUT"]))
    with TestClient(app, base_url="https://cloud.example") as client:
        answer = client.put(path, headers={"Origin": "https://cloud.example"})
    assert answer.status_code == 404
    assert "that has just been deleted" in answer.text
