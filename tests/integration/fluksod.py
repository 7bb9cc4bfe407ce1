"""The real daemon, run from its own environment, with a board at the other end of a pseudo-terminal."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Self

PROGRAM = Path(__file__).parents[2] / ".venv" / "bin" / "fluksod"

CONFIGURATION = """\
[device]
name = "Fluksometer"
state = "state"

[board]
port = "{port}"
{board}
[lan]
host = "127.0.0.1"
port = {lan}
mdns = false
{access}
{more}
[[sensor]]
id = "{main}"
name = "Main"
type = "electricity"

[[sensor]]
id = "{water}"
name = "Water meter"
type = "water"
class = "pulse"
"""


class Fluksod:
    """One daemon in a folder, and its board. Lines are written as docs/protocol.md gives them."""

    def __init__(
        self,
        folder: Path,
        main: str,
        water: str,
        more: str = "",
        *,
        board: str = "",
        lan: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Configure a daemon with an electricity clamp and a water meter.

        And with whatever `more` tables, more of `board`, and more of `[lan]`. It runs in this environment, ours unless
        told otherwise.
        """
        self._environment = environment
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self._folder = folder
        self._link = folder / "board"
        self._configuration = folder / "fluksod.toml"
        self._configuration.write_text(
            CONFIGURATION.format(
                port=self._link, lan=self.port, access=lan, main=main, water=water, more=more, board=board
            ),
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._board: int | None = None

    async def start(self) -> None:
        """Run the daemon; returns when it answers."""
        log = (self._folder / "fluksod.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [PROGRAM, "run", "--config", self._configuration], stdout=log, stderr=log, env=self._environment
            )
        for _ in range(400):
            if self._process.poll() is not None:
                raise AssertionError((self._folder / "fluksod.log").read_text(encoding="utf-8"))
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise AssertionError("fluksod does not answer")

    async def stop(self) -> None:
        """Stop the daemon, as its service manager does."""
        if self._process is not None:
            self._process.terminate()
            for _ in range(200):
                if self._process.poll() is not None:
                    break
                await asyncio.sleep(0.05)
            else:
                self._process.kill()
                self._process.wait()
            self._process = None

    def plug_in(self) -> None:
        """Connect a board."""
        self._board, device = os.openpty()
        tty.setraw(device)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(device))
        os.close(device)

    def unplug(self) -> None:
        """Take the board away."""
        if self._board is not None:
            self._link.unlink()
            os.close(self._board)
            self._board = None

    def write(self, *lines: str) -> None:
        """Let the board send lines."""
        assert self._board is not None
        os.write(self._board, "".join(f"{line}\n" for line in lines).encode())

    def clamp(self, sensor: str, counter: int, watt: int) -> None:
        """Send what a clamp sends in a second."""
        self.write(f"pls {sensor}:{counter:010d}", f"pwr {sensor}:{watt:010d}")

    def pulse(self, sensor: str, counter: int, ms: int) -> None:
        """Send a pulse of a pulse input."""
        self.write(f"pls {sensor}:{counter:010d}:{ms:010d}")

    async def __aenter__(self) -> Self:
        """Plug the board in and start."""
        self.plug_in()
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop and unplug."""
        await self.stop()
        self.unplug()
