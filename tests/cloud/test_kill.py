"""A server killed under load keeps every measurement it acknowledged, once."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
import time
from pathlib import Path

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.kept import measurements
from tests.cloud.process import Server

ROUNDS = 3
UPLOADERS = 4
START = 1_450_000_000


def test_every_acknowledged_measurement_survives_kill_9(folder_made: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(folder_made, tmp_path / "home"))
    devices = [Fluksometer() for _ in range(UPLOADERS)]
    acknowledged: list[list[tuple[int, int]]] = [[] for _ in devices]
    sent: list[list[tuple[int, int]]] = [[] for _ in devices]
    chance = random.Random(7)
    for round_ in range(ROUNDS):
        with Server(home) as server:
            uploaders = [
                threading.Thread(target=keep_uploading, args=(server, device, round_, sent[i], acknowledged[i]))
                for i, device in enumerate(devices)
            ]
            for uploader in uploaders:
                uploader.start()
            goal = sum(map(len, acknowledged)) + chance.randint(60, 400)
            deadline = time.monotonic() + 20
            while sum(map(len, acknowledged)) < goal and time.monotonic() < deadline:
                time.sleep(0.002)
            server.kill()
            for uploader in uploaders:
                uploader.join(20)
    with Server(home) as server:
        assert server.stop() in {0, -15}
    with sqlite3.connect(home / "private" / "cloud.db") as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for device, good, all_ in zip(devices, acknowledged, sent, strict=True):
        stored = measurements(home / "private" / "cloud.db", device.sensor)
        assert len(good) > ROUNDS * 10
        assert set(good) <= set(stored) <= set(all_)
        assert len(stored) == len(set(stored))


def keep_uploading(
    server: Server, device: Fluksometer, round_: int, sent: list[tuple[int, int]], good: list[tuple[int, int]]
) -> None:
    """Upload five measurements after another until the connection breaks; note what was answered with 200."""
    try:
        wire = server.connect()
        body = device.registration()
        assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
        for i in range(100_000):
            at = START + round_ * 1_000_000 + 5 * i
            pairs = [(at + j, i) for j in range(5)]
            sent.extend(pairs)
            body = compact({"measurements": pairs})
            answer = wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body)
            if answer.status == 200:
                good.extend(pairs)
    except OSError:
        return
