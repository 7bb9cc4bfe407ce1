"""kill -9 at random instants under load: each measurement that was acknowledged has to be there afterwards, once."""

from __future__ import annotations

import random
import socket
import sqlite3
import ssl
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures
from flukso_cloud.meter import Sample
from flukso_cloud.store import samples

from .fleet import MINUTE, START, Sender, make_fleet, make_home, request
from .server import Server, serving

SEED = 20261126
UPLOADERS = 4
SAMPLES = 5
LONGEST_LIFE = 0.25
"""Seconds after the first acknowledgement within which the kill comes."""
_ANSWER = b"HTTP/1.1 200 OK"


def measure(effort: Effort) -> Figures:
    """Measure kills, acknowledged_lost and acknowledged_twice."""
    kills = {Effort.FULL: 200, Effort.SHORT: 2, Effort.GLANCE: 2}[effort]
    chance = random.Random(SEED)  # noqa: S311 - chooses instants, keeps no secret
    with folder_on_disk() as folder:
        home = make_home(folder / "cloud")
        uploaders = [_Uploader(sender) for sender in make_fleet(home, UPLOADERS).senders]
        for _ in range(kills):
            with serving(home) as server:
                threads = [threading.Thread(target=uploader.run, args=(server,)) for uploader in uploaders]
                for thread in threads:
                    thread.start()
                _until_acknowledged(uploaders)
                time.sleep(chance.uniform(0, LONGEST_LIFE))
                server.process.kill()
                for thread in threads:
                    thread.join()
        with serving(home):
            pass  # it sorts in what the last kill left
        lost = twice = 0
        with closing(sqlite3.connect(home.database)) as database:
            for uploader in uploaders:
                query = "SELECT number FROM sensors WHERE id = ?"
                [number] = database.execute(query, [uploader.sender.sensor]).fetchone()
                there = Counter(samples.between(database, number, 0, 1 << 33, 1 << 30))
                lost += sum(pair not in there for pair in uploader.acknowledged)
                twice += sum(there[Sample(*pair)] > 1 for pair in uploader.acknowledged)
    count = sum(len(uploader.acknowledged) for uploader in uploaders)
    return {
        "kills": Figure(kills, "", f"{UPLOADERS} devices uploading, up to {LONGEST_LIFE} s after the first answer"),
        "acknowledged_lost": Figure(lost, "", f"{count} measurements acknowledged; goal 0"),
        "acknowledged_twice": Figure(twice, "", f"{count} measurements acknowledged; goal 0"),
    }


@dataclass(slots=True)
class _Uploader:
    """A device that uploads without a pause until the server is gone; it sends again what was not acknowledged."""

    sender: Sender
    acknowledged: list[tuple[int, int]] = field(default_factory=list)
    fresh: int = 0
    """Measurements acknowledged since the server started."""

    def run(self, server: Server) -> None:
        """Upload until the connection breaks."""
        self.fresh = 0
        context = ssl.create_default_context(cafile=str(server.home.ca_certificate))
        try:
            plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                while self._upload(connection):
                    pass
        except OSError:
            pass

    def _upload(self, connection: socket.socket) -> bool:
        first = len(self.acknowledged)
        pairs = [(START + MINUTE * i, 1000 + i) for i in range(first, first + SAMPLES)]
        body = b'{"measurements":[' + b",".join(b"[%d,%d]" % pair for pair in pairs) + b"]}"
        connection.sendall(request(self.sender, body))
        answer = b""
        while not answer.endswith(b'{"response":"ok"}'):
            data = connection.recv(4096)
            if not data:
                return False
            answer += data
        if not answer.startswith(_ANSWER):
            raise RuntimeError(answer.decode("latin-1"))
        self.acknowledged += pairs
        self.fresh += SAMPLES
        return True


def _until_acknowledged(uploaders: list[_Uploader]) -> None:
    deadline = time.monotonic() + 10
    while not any(uploader.fresh for uploader in uploaders):
        if time.monotonic() > deadline:
            raise RuntimeError("nothing was acknowledged within 10 s")
        time.sleep(0.001)
