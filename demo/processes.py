"""The demo's programs: each writes to a log of its own and is stopped in the reverse order of its start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parent.parent


class DemoError(Exception):
    """Something the user has to know or do; the message is a full sentence."""


def require_free_port(host: str, port: int, needed_by: str) -> None:
    """Raise `DemoError` when something listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DemoError(
                f"Port {port} is needed by {needed_by} but is not free ({error.strerror}). "
                f"Stop what holds it (`ss -ltnp 'sport = :{port}'` names it), or move the demo's ports: "
                "scripts/demo --port-offset 100"
            ) from None


@dataclass
class Program:
    """A running program of the demo."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    def tail(self, lines: int = 12) -> str:
        """Return the last lines of its log, for an error message."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in text[-lines:])


@dataclass
class Programs:
    """Starts programs and stops them all."""

    logs: Path
    running: list[Program] = field(default_factory=list)

    async def start(
        self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> Program:
        """Start `command` from the repository's root, its output going to a log."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *map(str, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                # A session of its own, so that Ctrl-C reaches the demo alone, which then stops each program in order.
                start_new_session=True,
            )
        program = Program(name, process, log)
        self.running.append(program)
        return program

    async def run(self, name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
        """Run a short command to its end and return what it printed; raise `DemoError` when it fails."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise DemoError(f"{name} failed:\n{errors.decode(errors='replace').strip()}")
        return output.decode()

    async def until(self, what: str, attempt: Callable[[], Awaitable[T | None]], within: float) -> T:
        """Call `attempt` until it returns something true, at most `within` seconds.

        An `OSError` or `TimeoutError` of the attempt counts as not yet.
        Raise `DemoError` when the time is over or a program ended meanwhile.
        """
        deadline = asyncio.get_running_loop().time() + within
        reason = ""
        while True:
            for program in self.running:
                if program.process.returncode is not None:
                    raise DemoError(f"{program.name} stopped by itself. The end of its log:\n{program.tail()}")
            try:
                result = await attempt()
            except (OSError, TimeoutError) as error:
                reason = f" ({error})"
            else:
                if result:
                    return result
            if asyncio.get_running_loop().time() > deadline:
                logs = "\n".join(f"  {program.name}:\n{program.tail(5)}" for program in self.running)
                raise DemoError(f"Waited {within:.0f} s in vain for {what}{reason}. The ends of the logs:\n{logs}")
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Stop all programs, the last one started first; kill what does not listen within 15 s."""
        while self.running:
            program = self.running.pop()
            if program.process.returncode is not None:
                continue
            program.process.terminate()
            try:
                await asyncio.wait_for(program.process.wait(), 15)
            except TimeoutError:
                os.killpg(program.process.pid, signal.SIGKILL)
                await program.process.wait()
