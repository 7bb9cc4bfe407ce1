"""wrk, as many devices that upload at once over connections that they keep."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import msgspec

from .server import LOAD_CORE, Server

CONNECTIONS = 32
_SCRIPT = Path(__file__).with_name("uploads.lua")


class Load(msgspec.Struct, frozen=True):
    """What wrk told: answered requests in so many seconds, the median and the slowest hundredth of what each took."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def upload(server: Server, requests: Path, size: int, seconds: int, connections: int = CONNECTIONS) -> Load:
    """Send the requests of `size` bytes in a file for so long. RuntimeError if not all are answered 200."""
    command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(_SCRIPT)]
    told = subprocess.run([*command, server.url, "--", str(requests), str(size)], stdout=subprocess.PIPE, check=True)
    load = msgspec.convert(json.loads(told.stdout.splitlines()[-1]), Load)
    if load.failed or not load.requests:
        raise RuntimeError(f"{load.failed} of {load.requests} uploads were not answered 200: {told.stdout.decode()}")
    return load
