"""A real Home Assistant on a core of its own, with the integration and the probe."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from demo.home_assistant import HomeAssistant, command, write_configuration
from demo.processes import REPOSITORY, Programs
from tests.device.mosquitto import free_port

CORE, OTHER_CORE = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
HOST = "127.0.0.1"
START_SECONDS = 120.0
_PROBLEM = re.compile(r"^\S+ \S+ (WARNING|ERROR|CRITICAL) \([^)]*\) \[([^\]]+)\] (.*)$", re.MULTILINE)
_UNTESTED = "We found a custom integration"
"""What Home Assistant says of any integration that is not its own."""


class Instance(HomeAssistant):
    """A running Home Assistant, and what it costs."""

    pid: int
    folder: Path
    started: int = 0
    """Length of the log when Home Assistant had started: what it says of missing programs before is not of us."""

    def problems(self) -> list[str]:
        """Return what was logged since the start at warning or above, but that our integration is a custom one."""
        log = self._log()[self.started :].decode("utf-8", errors="replace")
        return [f"{level} {logger}: {text}" for level, logger, text in _PROBLEM.findall(log) if _UNTESTED not in text]

    async def until_started(self) -> None:
        """Wait until all that Home Assistant has of its own is set up."""
        async with asyncio.timeout(START_SECONDS):
            while (await self.call("get_config"))["state"] != "RUNNING":
                await asyncio.sleep(0.2)
        self.started = len(self._log())

    def _log(self) -> bytes:
        return (self.folder / "home-assistant.log").read_bytes()


@asynccontextmanager
async def running(folder: Path, sensors: int) -> AsyncIterator[Instance]:
    """Run Home Assistant, with a probe of so many sensors, until the block ends."""
    home, port = folder / "home-assistant", free_port()
    write_configuration(home, HOST, port, loopback_only=True)
    with (home / "configuration.yaml").open("a", encoding="utf-8") as configuration:
        configuration.write(f"sensor:\n  - platform: flukso_probe\n    sensors: {sensors}\n")
    probe = REPOSITORY / "bench" / "home_assistant" / "flukso_probe"
    (home / "custom_components" / probe.name).symlink_to(probe)
    programs = Programs(folder / "logs")
    try:
        program = await programs.start("home-assistant", ["taskset", "-c", str(CORE), *command(home)])
        async with aiohttp.ClientSession() as session, Instance(session, f"http://{HOST}:{port}") as instance:
            instance.pid, instance.folder = program.process.pid, home
            await programs.until("Home Assistant", instance.answers, START_SECONDS)
            await instance.onboard()
            await instance.connect()
            await instance.until_started()
            yield instance
    finally:
        await programs.stop()
