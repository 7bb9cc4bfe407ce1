"""Devices that keep uploading, as FLM02 and fluksod do: what is not acknowledged is sent again until it is."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.kept import measurements
from tests.cloud.process import Answer, Server, Wire

START = 1_450_000_000
EACH = 5
"""Samples of an upload."""


class Uploader:
    """A device with a thread of its own, which ends when the server does or when it is told to."""

    def __init__(self, server: Server, device: Fluksometer | None = None, first: int = 0) -> None:
        self.server = server
        self.device = device or Fluksometer()
        self.acknowledged: list[tuple[int, int]] = []
        self.statuses: Counter[int] = Counter()
        self.strange: list[str] = []
        self.slowest = 0.0
        self.sent = first
        """Uploads that were begun."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def register(self) -> None:
        """Let the device be known."""
        wire, body = self.server.connect(), self.device.registration()
        assert wire.request("POST", f"/device/{self.device.id}", self.device.headers(body), body).status == 200
        wire.close()

    def start(self) -> None:
        """Begin to upload."""
        self._thread.start()

    def finish(self) -> None:
        """Let it come to an end."""
        self._over.set()
        self.join()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join(30)
        assert not self._thread.is_alive()

    @staticmethod
    def pairs(number: int) -> list[tuple[int, int]]:
        """The measurements of an upload."""
        return [(START + 60 * (EACH * number + i), EACH * number + i) for i in range(EACH)]

    def _run(self) -> None:
        try:
            wire = self.server.connect()
            while not self._over.is_set():
                self.sent += 1
                pairs = self.pairs(self.sent - 1)
                if self._is_taken(wire, compact({"measurements": pairs})):
                    self.acknowledged.extend(pairs)
        except OSError as error:
            if isinstance(error, TimeoutError):
                self.strange.append("no answer and no end")

    def _is_taken(self, wire: Wire, body: bytes) -> bool:
        while not self._over.is_set():
            began = time.monotonic()
            answer = wire.request("POST", f"/sensor/{self.device.sensor}", self.device.headers(body), body)
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.statuses[answer.status] += 1
            if answer.status == 200:
                return True
            self._look_at(answer)
            self._over.wait(0.02)
        return False

    def _look_at(self, answer: Answer) -> None:
        if answer.status != 503 or answer.headers.get("Retry-After") != " 5":
            self.strange.append(f"{answer.status_line} {answer.lines} {answer.body!r}")


def assert_all_is_there_once(database: Path, uploaders: Sequence[Uploader]) -> None:
    """What was acknowledged is there, each upload whole or not at all, and the database sound."""
    with sqlite3.connect(database) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for one in uploaders:
        stored = [(sample.time, sample.counter) for sample in measurements(database, one.device.sensor)]
        begun = [pair for number in range(one.sent) for pair in one.pairs(number)]
        assert len(stored) == len(set(stored))
        assert set(one.acknowledged) <= set(stored) <= set(begun)
        for number in range(one.sent):
            assert len(set(one.pairs(number)) & set(stored)) in {0, EACH}, "half an upload"
        assert one.strange == []
        assert one.slowest < 5, "a device gives up after 5 s"
