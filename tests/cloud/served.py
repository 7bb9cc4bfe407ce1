"""An account at a real server: a client with a token that may write, devices of its own, folding when it is told to."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from types import TracebackType
from typing import Any

import httpx2

from flukso_cloud.claim import claim_code
from flukso_cloud.folding import fold_all
from flukso_cloud.home import Home
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import PASSWORD
from tests.cloud.process import Server, run

_FOLDED = "SELECT count(*) FROM chunks JOIN sensors ON sensors.number = chunks.sensor WHERE sensors.id = ?"


class ServedOwner:
    """kees at a server, as a context manager: `http` sends a token of his that writes."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.http = httpx2.Client(verify=server.trust(), base_url=server.url, timeout=60)

    def __enter__(self) -> ServedOwner:
        self.http.post("/login", data={"name": "kees", "password": PASSWORD, "next": "/"})
        self.token = self.made(write=True)
        self.http.cookies.clear()
        self.http.headers["X-Token"] = self.token
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def made(self, **members: Any) -> str:
        """Make a token while logged in."""
        answer = self.http.post("/api/v2/tokens", json={"name": "x", **members})
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token

    def device(self, **members: Any) -> Fluksometer:
        """Register a device and claim it."""
        device = Fluksometer(**members)
        assert self.post(device, f"/device/{device.id}", device.registration()).status_code == 200
        code = claim_code(device.key.encode(), device.id)
        claimed = run("claim", code, "--account", "kees", "--dir", self.server.home)
        assert claimed.returncode == 0, claimed.stderr
        return device

    def post(self, device: Fluksometer, path: str, body: bytes) -> httpx2.Response:
        """Send what a device has signed."""
        return self.http.post(path, content=body, headers=device.headers(body))

    def upload(self, device: Fluksometer, pairs: list[Any]) -> None:
        """Upload measurements by API v1."""
        for first in range(0, len(pairs), 20_000):
            body = compact({"measurements": pairs[first : first + 20_000]})
            assert self.post(device, f"/sensor/{device.sensor}", body).status_code == 200

    def fold(self, device: Fluksometer, now: int) -> int:
        """Fold all days that are over at `now`, as the server does in time; return how many days of a device are."""

        async def fold() -> None:
            store = SqliteStore.open(database)
            try:
                await fold_all(store, now)
            finally:
                await store.close()

        database = Home(self.server.home).database
        path = f"/api/v2/sensors/{device.sensor}/samples"
        assert self.http.get(path, params={"most": 1}).status_code == 200  # nothing waits to be sorted in any more
        asyncio.run(fold())
        with closing(sqlite3.connect(database)) as db:
            return int(db.execute(_FOLDED, (device.sensor,)).fetchone()[0])
