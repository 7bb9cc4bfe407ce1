"""Who may read and write over the local API."""

from __future__ import annotations

import base64
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from fluksod.config import ConfigError, load
from fluksod.lan.access import Access
from fluksod.lan.app import LanServer
from tests.device.board import CLAMP, Board, pls
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until

TOKEN = "correct-horse-battery"
PATHS = [
    "/",
    "/page.js",
    "/page.css",
    f"/sensor/{CLAMP}?version=1.0&interval=minute&unit=watt",
    "/api/v2/device",
    "/api/v2/sensors",
    "/api/v2/peers",
    f"/api/v2/sensors/{CLAMP}/history?start=1700000000&end=1700000060",
    "/api/v2/events",
    "/api/v2/openapi.json",
]


def basic(password: str, user: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_closed_reading_takes_the_token_everywhere(tmp_path: Path, board: Board) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "token").chmod(0o600)
    lan = 'mdns = false\ntoken_file = "token"\nopen_reading = false'
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"), lan=lan)
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 1))
        for path in PATHS:
            for wrong in (None, "", "Bearer", "Bearer wrong", basic("wrong"), "Basic !!!", f"Digest {TOKEN}", TOKEN):
                headers = {} if wrong is None else {"Authorization": wrong}
                async with fluksod.session.get(fluksod.url + path, headers=headers) as response:
                    assert response.status == 401, path
                    assert response.headers["WWW-Authenticate"].startswith("Basic ")
                    assert "token_file" in (await response.json())["error"]
            for right in (f"Bearer {TOKEN}", basic(TOKEN), basic(TOKEN, "anybody")):
                async with fluksod.session.get(fluksod.url + path, headers={"Authorization": right}) as response:
                    assert response.status == 200, path
        assert not any(TOKEN in line for line in fluksod.log)


async def test_reading_is_open_unless_closed(tmp_path: Path, board: Board) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    config = configuration(tmp_path, lan='mdns = false\ntoken_file = "token"')
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await until(lambda: fluksod.reading(CLAMP))
        for path in PATHS:
            async with fluksod.session.get(fluksod.url + path) as response:
                assert response.status == 200, path


async def answered(access: Access, authorization: str | None) -> tuple[int, str | None]:
    """The status of a route that changes something, and what it asks for."""

    async def change(_request: web.Request) -> web.Response:
        return web.Response(text="changed")

    app = web.Application()
    app.router.add_post("/", access.writes(change))
    server = LanServer(app, "127.0.0.1", 0)
    await server.start()
    headers = {} if authorization is None else {"Authorization": authorization}
    url = f"http://127.0.0.1:{server.port}/"
    async with aiohttp.ClientSession() as session, session.post(url, headers=headers) as response:
        status, asked = response.status, response.headers.get("WWW-Authenticate")
    await server.stop()
    return status, asked


async def test_writing_takes_the_token_and_there_has_to_be_one() -> None:
    for given in (None, "Bearer ", "Bearer None", basic("")):
        assert await answered(Access(), given) == (403, None)
    for given in (None, "", "Bearer", "Bearer x", f"Bearer {TOKEN}x", TOKEN, "Bearer \u00e9"):
        assert await answered(Access(TOKEN), given) == (401, 'Bearer realm="Fluksometer"')
    assert await answered(Access(TOKEN), f"Bearer {TOKEN}") == (200, None)


async def test_no_page_of_another_site_writes_with_what_a_browser_remembers() -> None:
    """Once reading was unlocked in a browser, it adds Basic to whatever any page makes it send here."""
    for open_reading in (True, False):
        access = Access(TOKEN, open_reading=open_reading)
        assert await answered(access, basic(TOKEN)) == (401, 'Bearer realm="Fluksometer"')


async def test_no_answer_lets_a_page_of_another_site_read(tmp_path: Path, board: Board) -> None:
    async with running(configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"))) as fluksod:
        asking = {"Origin": "http://elsewhere.example", "Access-Control-Request-Method": "POST"}
        for path in PATHS:
            for method in ("GET", "OPTIONS"):
                async with fluksod.session.request(method, fluksod.url + path, headers=asking) as response:
                    names = [name.lower() for name in response.headers]
                    assert not [name for name in names if name.startswith("access-control")], path


@pytest.mark.parametrize(
    ("lan", "mode", "complaint"),
    [
        ('token_file = "token"', 0o644, "can be read by everybody on this machine"),
        ('token_file = "short"', 0o600, "the token needs at least 16 printable ASCII characters"),
        ('token_file = "missing"', 0o600, "missing cannot be read: No such file"),
        ("open_reading = false", 0o600, "nobody could read without a token_file"),
    ],
)
def test_a_wrong_token_file_is_named(tmp_path: Path, lan: str, mode: int, complaint: str) -> None:
    for name, text in (("token", TOKEN), ("short", "1234")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError, match=complaint):
        load(configuration(tmp_path, lan=lan))
