"""How fast the v1 API answers, against an aiohttp handler that does nothing, loaded in turns by wrk.

The original closes the connection after each answer, and so does ours: both are compared with a handler that does the
same. What connections that are kept would allow is told beside it.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median

from bench.figure import Effort, Figure, Figures

from .daemon import Daemon, configuration, running, until
from .feed import Feed, feeding
from .house import House
from .real_disk import folder_on_disk

MINUTE = 60
CONNECTIONS = 8
HURRY = 60.0
"""How many times too fast the daemon's clock runs, so that a minute of samples is there in 1 s."""
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk told: requests a second, and the median of what each took (ms)."""

    per_s: float
    p50_ms: float


async def measure(effort: Effort) -> Figures:
    """Measure v1_request_rate_ratio, v1_kept_rate_ratio, v1_request_rate and v1_latency_p50_ms."""
    seconds, pairs = {Effort.FULL: (4, 7), Effort.SHORT: (1, 1), Effort.GLANCE: (1, 1)}[effort]
    with folder_on_disk() as folder:
        feed = Feed(House(), folder / "board", 0.5)
        config = configuration(folder, [feed.board.path], feed.house.tables())
        async with running(config, HURRY) as daemon, feeding([feed]), _empty_server() as empty:
            minute = f"/sensor/{feed.house.sensors[0]}?version=1.0&interval=minute&unit=watt"
            await until("a minute of samples", lambda: _is_full(daemon, minute))
            v1, closed, kept = [], [], []
            for _ in range(pairs):
                v1.append(await _load(daemon.url + minute, seconds))
                closed.append(await _load(empty + "/closed", seconds))
                kept.append(await _load(empty + "/kept", seconds))
            alone = await _load(daemon.url + minute, seconds, connections=1)
    rate = median(load.per_s for load in v1)
    told = f"{MINUTE} samples, {CONNECTIONS} connections at once, {pairs} turns of {seconds} s, medians"
    return {
        "v1_request_rate_ratio": Figure(
            round(median(one.per_s / other.per_s for one, other in zip(v1, closed, strict=True)), 3),
            "",
            f"an empty aiohttp handler that closes each connection as v1 has to; {told}; goal 0.7",
        ),
        "v1_kept_rate_ratio": Figure(
            round(median(one.per_s / other.per_s for one, other in zip(v1, kept, strict=True)), 3),
            "",
            "the same handler on connections that are kept, which the original never does",
        ),
        "v1_request_rate": Figure(round(rate), "/s", f"empty handler {median(one.per_s for one in closed):.0f}/s"),
        "v1_latency_p50_ms": Figure(
            alone.p50_ms,
            "ms",
            f"one client, connecting included; goal 1; {median(one.p50_ms for one in v1):.2f} with {CONNECTIONS}",
        ),
    }


async def _is_full(daemon: Daemon, minute: str) -> bool:
    samples = await daemon.get(minute)
    return len(samples) == MINUTE and all(isinstance(value, int) for _, value in samples[-10:])


async def _load(url: str, seconds: int, connections: int = CONNECTIONS) -> Load:
    process = await asyncio.create_subprocess_exec(
        *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url), stdout=asyncio.subprocess.PIPE
    )
    told = (await process.communicate())[0].decode()
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    p50 = re.search(r"50%\s+([\d.]+)(us|ms|s)", told)
    if process.returncode or rate is None or p50 is None or "Non-2xx" in told:
        raise RuntimeError(f"wrk did not measure {url}: {told}")
    return Load(float(rate[1]), float(p50[1]) * _UNITS[p50[2]])


@asynccontextmanager
async def _empty_server() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.device.empty_server"), stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise RuntimeError("it was started without a pipe")
    try:
        yield f"http://127.0.0.1:{(await process.stdout.readline()).decode().strip()}"
    finally:
        process.kill()
        await process.wait()
