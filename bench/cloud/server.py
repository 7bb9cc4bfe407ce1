"""The server under load: `flukso-cloud serve`, or the same that answers without storing, on a core of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flukso_cloud.home import Home

from .fleet import COMMAND

SERVER_CORE, LOAD_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
_LISTENS = re.compile(r"https://.*:(\d+)$")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: the cloud it serves, its process and its port."""

    home: Home
    process: subprocess.Popen[str]
    port: int

    @property
    def pid(self) -> int:
        """The number of its process: taskset has become the server."""
        return self.process.pid

    @property
    def url(self) -> str:
        """Where it is, by a name of its certificate."""
        return f"https://localhost:{self.port}"


@contextmanager
def serving(home: Home, *, storing: bool = True) -> Iterator[Server]:
    """Serve the cloud in `home` until the block ends; unless it is `storing`, uploads are answered and forgotten."""
    program = [str(COMMAND)] if storing else [sys.executable, "-m", "bench.cloud.forgetful"]
    process = subprocess.Popen(
        ["taskset", "-c", str(SERVER_CORE), *program, "serve", "--dir", str(home.root), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(home, process, _port_of(process))
    finally:
        process.terminate()
        process.wait(60)


def _port_of(process: subprocess.Popen[str]) -> int:
    if process.stdout is None:
        raise RuntimeError("it was started without a pipe")
    for line in process.stdout:
        if found := _LISTENS.search(line):
            return int(found[1])
    raise RuntimeError("the server did not start; what it says is above")
