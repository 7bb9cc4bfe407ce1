"""A real broker on loopback, that can be killed and comes back at the same port, without what it retained."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

import pytest

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")

no_mosquitto = pytest.mark.skipif(PROGRAM is None, reason="mosquitto is not installed: run scripts/setup broker")


class Mosquitto:
    """One broker. Without a configuration it listens on loopback only, and knows no passwords."""

    def __init__(self, port: int | None = None) -> None:
        """Take this port, or a free one."""
        with socket.create_server(("127.0.0.1", port or 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Run the broker; returns when it answers."""
        assert PROGRAM is not None
        self._process = subprocess.Popen([PROGRAM, "-p", str(self.port)], stderr=subprocess.DEVNULL)
        for _ in range(400):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise AssertionError("mosquitto does not answer")

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self, *, frozen: bool) -> None:
        """Let it take what is sent, but answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def connections(self) -> int:
        """Return how many clients are connected to it, as this system's table of connections has it."""
        established = "01"
        rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == established for row in rows)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End."""
        self.kill()
