"""Log in, sessions, claims, tokens, and who sees what."""

from __future__ import annotations

import sqlite3
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from flukso_cloud import accounts
from flukso_cloud.api.access import COOKIE
from flukso_cloud.api.session import same_origin_path
from flukso_cloud.claim import claim_code
from flukso_cloud.home import Home
from flukso_cloud.limiter import neighbourhood
from flukso_cloud.vault import digest_of, new_token
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import PASSWORD, Owner


def post(client: TestClient, path: str, form: dict[str, str], **headers: str) -> Any:
    return client.post(path, data=form, headers=headers)


def code_of(device: Fluksometer) -> str:
    return claim_code(device.key.encode(), device.id)


def target(answer: Any) -> tuple[str, dict[str, list[str]]]:
    assert answer.status_code == 303
    parts = urlsplit(answer.headers["Location"])
    return parts.path, parse_qs(parts.query)


def test_log_in_sets_a_cookie_that_only_the_browser_sees(client: TestClient, home: Home) -> None:
    answer = post(client, "/login", {"name": "Kees", "password": PASSWORD, "next": "/?scale=day"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/?scale=day"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    session = client.cookies[COOKIE]
    with sqlite3.connect(home.database) as conn:
        assert session not in "\n".join(conn.iterdump())
        assert len(conn.execute("SELECT hash FROM sessions").fetchall()) == 1
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"name": "kees", "password": "wrong password"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "kees", "password": ""},
        {"name": "kees"},
        {"name": ""},
        {"name": "kees", "password": "x" * 10_000},
        {"name": "kees\x00", "password": PASSWORD},
    ],
)
def test_a_wrong_log_in(client: TestClient, form: dict[str, str]) -> None:
    answer = post(client, "/login", form)
    path, query = target(answer)
    assert path == "/login"
    assert query["error"] == ["1"]
    assert "Set-Cookie" not in answer.headers
    assert client.get("/").status_code == 303


def test_log_out_ends_the_session_everywhere(client: TestClient, owner: Owner) -> None:
    owner.log_in()
    session = client.cookies[COOKIE]
    assert target(post(client, "/logout", {}))[0] == "/login"
    assert client.get("/", headers={"Cookie": f"{COOKIE}={session}"}).status_code == 303
    assert target(post(client, "/logout", {}))[0] == "/login"


def test_each_log_in_is_a_session_of_its_own(client: TestClient, owner: Owner) -> None:
    owner.log_in()
    first = client.cookies[COOKIE]
    owner.log_in()
    assert client.cookies[COOKIE] != first


def test_a_session_ends(client: TestClient, owner: Owner, monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setattr(accounts, "SESSION_SECONDS", -1)
    owner.log_in()
    assert client.get("/").status_code == 303
    owner.log_in()
    with sqlite3.connect(home.database) as conn:
        assert conn.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


@pytest.mark.parametrize(
    ("next_", "expected"),
    [
        ("/", "/"),
        ("/?scale=day&unit=watt", "/?scale=day&unit=watt"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
        ("evil", "/"),
    ],
)
def test_after_log_in_one_stays_on_this_site(next_: str, expected: str) -> None:
    assert same_origin_path(next_) == expected


def test_attempts_on_an_account_are_limited(client: TestClient, owner: Owner) -> None:
    for _ in range(10):
        assert target(post(client, "/login", {"name": "kees", "password": "wrong"}))[1]["error"] == ["1"]
    answer = post(client, "/login", {"name": "KEES", "password": PASSWORD})
    assert target(answer)[1]["error"] == ["limited"]
    assert "Set-Cookie" not in answer.headers


def test_who_knows_the_password_is_not_shut_out(client: TestClient, owner: Owner) -> None:
    for _ in range(9):
        post(client, "/login", {"name": "kees", "password": "wrong"})
    assert target(owner.log_in())[0] == "/"
    for _ in range(9):
        assert target(post(client, "/login", {"name": "kees", "password": "wrong"}))[1]["error"] == ["1"]


def test_attempts_from_an_address_are_limited(client: TestClient) -> None:
    errors = [target(post(client, "/login", {"name": f"n{i}", "password": "x"}))[1]["error"][0] for i in range(22)]
    assert errors == ["1"] * 20 + ["limited"] * 2


@pytest.mark.parametrize(
    ("address", "limited_by"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_counts_by_its_net(address: str, limited_by: str) -> None:
    assert neighbourhood(address) == limited_by


class TestCrossSite:
    """A foreign page cannot act with the cookie."""

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "http://cloud.example"},
            {"Origin": "https://cloud.example:444"},
            {"Origin": "null"},
        ],
    )
    def test_refused(self, client: TestClient, owner: Owner, device: Fluksometer, headers: dict[str, str]) -> None:
        owner.log_in()
        for path in ("/login", "/logout", "/claim"):
            form = {"code": code_of(device), "name": "kees", "password": PASSWORD}
            assert post(client, path, form, **headers).status_code == 403
        assert client.get("/").status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://cloud.example"}],
    )
    def test_taken(self, client: TestClient, owner: Owner, device: Fluksometer, headers: dict[str, str]) -> None:
        owner.log_in()
        answer = post(client, "/claim", {"code": code_of(device)}, **headers)
        assert target(answer) == ("/", {"claimed": [device.id]})

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    def test_what_another_page_embeds_has_no_session(
        self, client: TestClient, owner: Owner, device: Fluksometer, site: str
    ) -> None:
        """Else a page of another port of this host could read a chart by JSONP."""
        owner.claim(device)
        owner.log_in()
        path = f"/sensor/{device.sensor}?version=1.0&interval=hour&unit=watt&callback=steal"
        script = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
        assert client.get(path, headers=script).status_code == 401
        assert client.get(path, headers=script | {"X-Token": owner.token}).status_code == 200
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        assert client.get("/", headers=link).status_code == 200

    def test_devices_sign_and_need_no_origin(self, client: TestClient, device: Fluksometer) -> None:
        body = device.heartbeat()
        headers = device.headers(body) | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        assert client.post(f"/device/{device.id}", content=body, headers=headers).status_code == 200


class TestClaim:
    """A device is claimed once, with its code."""

    def test_with_the_code(self, client: TestClient, owner: Owner, device: Fluksometer) -> None:
        owner.log_in()
        assert target(post(client, "/claim", {"code": code_of(device).lower()})) == ("/", {"claimed": [device.id]})
        assert owner.series(device.sensor, interval="hour", token=None).status_code == 200

    def test_the_code_no_longer_claims(self, client: TestClient, owner: Owner, device: Fluksometer) -> None:
        Owner(client, "mallory").claim(device)
        owner.log_in()
        assert target(post(client, "/claim", {"code": code_of(device)}))[1] == {"claim_error": ["taken"]}
        assert owner.series(device.sensor, interval="hour", token=None).status_code == 401

    @pytest.mark.parametrize("code", ["", "0000-0000", "nonsense", "<script>"])
    def test_an_unknown_code(self, client: TestClient, owner: Owner, code: str) -> None:
        owner.log_in()
        assert target(post(client, "/claim", {"code": code}))[1] == {"claim_error": ["unknown"]}

    def test_guessing_is_limited(self, client: TestClient, device: Fluksometer, owner: Owner) -> None:
        owner.log_in()
        errors = [target(post(client, "/claim", {"code": f"0000-00{i:02}"}))[1]["claim_error"][0] for i in range(22)]
        assert errors == ["unknown"] * 20 + ["limited"] * 2
        assert target(post(client, "/claim", {"code": code_of(device)}))[1] == {"claim_error": ["limited"]}

    def test_without_a_session(self, client: TestClient, device: Fluksometer) -> None:
        assert target(post(client, "/claim", {"code": code_of(device)}))[0] == "/login"


def test_forms_that_cannot_be_read(client: TestClient) -> None:
    for content, kind, status in (
        (b"{}", "application/json", 400),
        (b"name=%ff", "application/x-www-form-urlencoded", 303),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(50)), "application/x-www-form-urlencoded", 400),
        (b"a" * 20_000, "application/x-www-form-urlencoded", 413),
    ):
        assert client.post("/login", content=content, headers={"Content-Type": kind}).status_code == status


def test_everybody_sees_his_own_devices(client: TestClient, owner: Owner, device: Fluksometer) -> None:
    """And no others, see test_every_route.py."""
    owner.claim(device)
    mallory, theirs = Owner(client, "mallory"), Fluksometer()
    body = theirs.registration()
    assert client.post(f"/device/{theirs.id}", content=body, headers=theirs.headers(body)).status_code == 200
    mallory.claim(theirs)
    found = client.get("/api/v2/devices", headers={"X-Token": mallory.token}).json()["devices"]
    assert [one["id"] for one in found] == [theirs.id]
    assert client.get("/api/v2/devices").status_code == 401


def test_an_unclaimed_device_is_seen_by_nobody(client: TestClient, owner: Owner, device: Fluksometer) -> None:
    assert owner.series(device.sensor, interval="hour").status_code == 401
    assert client.get("/api/v2/devices", headers={"X-Token": owner.token}).json() == {"devices": []}


def test_a_sensor_token_opens_that_sensor_alone(client: TestClient, owner: Owner, device: Fluksometer) -> None:
    more = device.sensors | {"12" * 16: {"type": "gas", "class": "pulse", "function": "Gas"}}
    body = device.heartbeat(sensors=more)
    assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
    owner.claim(device)
    token = new_token()
    number = owner.store(owner.cloud.store.sensor, device.sensor).number
    owner.store(owner.cloud.store.replace_token, digest_of(token), owner.account, number, int(time.time()))
    assert owner.series(device.sensor, interval="hour", token=token).status_code == 200
    assert owner.series("12" * 16, interval="hour", token=token).status_code == 401
    assert client.get("/api/v2/devices", headers={"X-Token": token}).status_code == 401
    assert owner.series("12" * 16, interval="hour").status_code == 200
