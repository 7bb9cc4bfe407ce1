"""Security headers, and answers to the unexpected."""

from __future__ import annotations

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from flukso_cloud.headers import SecurityHeaders
from flukso_cloud.unexpected import Unexpected

SECRET = "hunter" + "2" * 5


async def page(_: Request) -> HTMLResponse:
    return HTMLResponse("<p>Hello</p>")


async def fail(request: Request) -> HTMLResponse:
    secret = await request.body()
    raise RuntimeError(f"cannot digest {secret!r}")


async def fail_midway(_: Request) -> StreamingResponse:
    async def parts():
        yield b"half"
        raise RuntimeError(SECRET)

    return StreamingResponse(parts())


@pytest.fixture
def app() -> Starlette:
    return Starlette(
        routes=[
            Route("/", page),
            Route("/fail", fail, methods=["POST"]),
            Route("/api/v2/fail", fail, methods=["POST"]),
            Route("/midway", fail_midway),
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(Unexpected)],
    )


def test_a_page_allows_nothing_foreign_and_nothing_inline(client: TestClient) -> None:
    answer = client.get("/login")
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("base", "sent"),
    [
        ("https://cloud.example", True),
        ("https://cloud.example:8443", True),
        ("http://cloud.example", False),
        ("https://localhost:8443", False),
        ("https://flukso.localhost", False),
        ("https://cloud.local", False),
        ("https://cloud", False),
        ("https://192.0.2.7", False),
        ("https://[2001:db8::1]:8443", False),
    ],
)
def test_hsts_over_tls_on_public_names(app: Starlette, base: str, sent: bool) -> None:
    """On `localhost` it would cut off every neighbour on another port that speaks plain HTTP."""
    answer = TestClient(app, base_url=base).get("/")
    assert ("Strict-Transport-Security" in answer.headers) == sent


def test_the_unexpected_is_answered_without_details_and_logged_without_content(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = TestClient(app).post(f"/fail?token={SECRET}", content=SECRET.encode())
    assert (answer.status_code, answer.text) == (500, "Internal server error.\n")
    assert "RuntimeError in POST /fail\n" in caplog.text
    assert "test_headers.py" in caplog.text
    assert SECRET not in caplog.text


def test_api_v2_tells_the_unexpected_as_a_problem(app: Starlette) -> None:
    answer = TestClient(app).post("/api/v2/fail", content=SECRET.encode())
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert answer.json()["detail"] == "Internal server error."
    assert SECRET not in answer.text


def test_api_v2_tells_a_foreign_page_and_an_unknown_path_as_problems(client: TestClient) -> None:
    """Whatever it is refused by: not only by a route."""
    foreign = client.put("/api/v2/tariffs", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    answers = [foreign, client.get("/api/v2/nothing"), client.put("/api/v2/latest")]
    assert [answer.status_code for answer in answers] == [403, 404, 405]
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_an_answer_that_fails_midway_is_cut_off(app: Starlette, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionAbortedError), caplog.at_level(logging.ERROR):
        TestClient(app).get("/midway")
    assert SECRET not in caplog.text
