"""A thousand listeners, each of whom hears a reading a second: how late."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

import uvloop

from bench.device.process_figures import cpu_seconds, resident_bytes
from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures

from .fleet import Sender, make_fleet, make_home, token_of
from .listeners import Fan
from .server import LOAD_CORE, Server, serving

UPLOADERS = 32
SINCE = 600
"""Seconds before now of which the gauges tell: each second is one later, also if the clock is set meanwhile."""
LAST_SECONDS = 5.0
"""Longest time that what was sent last is waited for."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """Delays in ms; what did not come; the server's share of its core while it lasted, its resident memory after."""

    p50_ms: float
    p99_ms: float
    most_ms: float
    lost: int
    cpu_share: float
    resident: int


def measure(effort: Effort) -> Figures:
    """Measure live_p99_ms, live_p50_ms, live_one_sensor_p99_ms, live_cpu_share and live_lost."""
    listeners, seconds = {Effort.FULL: (1000, 20), Effort.SHORT: (1000, 2), Effort.GLANCE: (20, 1)}[effort]
    with folder_on_disk() as folder, _of_the_load(listeners):
        home = make_home(folder / "cloud")
        fleet = make_fleet(home, listeners + 1, claimed=True)
        token = token_of(home)
        with serving(home) as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            many, one = runner.run(_run(server, token, fleet.senders, seconds))
    told = f"{listeners} listeners, TLS, a gauge a second to each for {seconds} s"
    return {
        "live_p99_ms": Figure(
            round(many.p99_ms, 1),
            "ms",
            f"from when it was due at the device; {told}, of as many sensors that upload in turn; goal 200",
        ),
        "live_p50_ms": Figure(round(many.p50_ms, 1), "ms", f"the same; the longest {many.most_ms:.0f}"),
        "live_one_sensor_p99_ms": Figure(
            round(one.p99_ms, 1), "ms", f"{told}, all of one sensor; p50 {one.p50_ms:.0f}; goal 200"
        ),
        "live_cpu_share": Figure(
            round(many.cpu_share, 3),
            "",
            f"of the server's core, uploads and streams; all of one sensor {one.cpu_share:.3f}; "
            f"{many.resident / 1e6:.0f} MB resident",
        ),
        "live_lost": Figure(many.lost + one.lost, "", f"of {2 * listeners * seconds} that should be heard; goal 0"),
    }


async def _run(server: Server, token: str, senders: Sequence[Sender], seconds: int) -> tuple[_Heard, _Heard]:
    """Let each listen to one of the first senders and to the last; first those send, then the last alone."""
    *each, all_hear = senders
    fan = Fan(server, token)
    await fan.listen([(sender.sensor, all_hear.sensor) for sender in each])
    await fan.connect(UPLOADERS)
    await asyncio.gather(*(fan.send(sender, int(time.time()) - SINCE - 1, time.perf_counter()) for sender in senders))
    while len(fan.delays) < 2 * len(each):  # the server knows them now, as it does minutes after its start
        await asyncio.sleep(0.01)
    many = await _heard(server, fan, each, seconds, len(each) * seconds)
    one = await _heard(server, fan, [all_hear], seconds, len(each) * seconds)
    await fan.close()
    return many, one


async def _heard(server: Server, fan: Fan, senders: Sequence[Sender], seconds: int, expected: int) -> _Heard:
    """Let each of the senders send once a second."""
    fan.delays.clear()
    before, began = cpu_seconds(server.pid), time.perf_counter()
    await _send(fan, senders, seconds, began)
    while len(fan.delays) < expected and time.perf_counter() < began + seconds + LAST_SECONDS:
        await asyncio.sleep(0.01)
    share = (cpu_seconds(server.pid) - before) / (time.perf_counter() - began)
    ms = [delay * 1000 for delay in fan.delays]
    p99 = quantiles(ms, n=100)[98]
    return _Heard(median(ms), p99, max(ms), expected - len(ms), share, resident_bytes(server.pid))


async def _send(fan: Fan, senders: Sequence[Sender], seconds: int, began: float) -> None:
    """Let each sender send once a second, evenly spread over it."""
    loop = asyncio.get_running_loop()
    first = int(time.time()) - SINCE
    under_way: set[asyncio.Task[None]] = set()
    for number in range(seconds * len(senders)):
        due = began + number / len(senders)
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        second, sender = divmod(number, len(senders))
        task = loop.create_task(fan.send(senders[sender], first + second, due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)


@contextmanager
def _of_the_load(listeners: int) -> Iterator[None]:
    """Stay on the load's core, with as many open files as there are listeners, until the block ends."""
    cores, (soft, hard) = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)
    os.sched_setaffinity(0, {LOAD_CORE})
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, listeners + 500)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.sched_setaffinity(0, cores)
