"""Uploads at full rate for minutes, with all that follows them: sorted in, folded into chunks, and forgotten."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench.device.process_figures import cpu_seconds
from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures
from flukso_cloud.home import Home

from .fleet import SAMPLES, Fleet, make_fleet, make_home
from .ingest import sorted_in, warm
from .load import CONNECTIONS, Load, upload
from .server import LOAD_CORE, Server, serving

SENSORS = 1000
FLOOR_SECONDS = 10
MOST = 6_000_000
"""Uploads that are written at most: years of minutes for each sensor, none of them in the future."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run told: the load, the seconds until all was sorted in, and the server's processor time an upload.

    `waiting` is how many uploads waited to be sorted in, after half of the time and at its end.
    """

    load: Load
    sorting_s: float
    cpu_s: float
    waiting: tuple[int, int]

    @property
    def per_s(self) -> float:
        """Uploads a second, with the time in which the last of them were sorted in."""
        return self.load.requests / (self.load.seconds + self.sorting_s)


def measure(effort: Effort) -> Figures:
    """Measure durable_ingest_sustained_ratio, …_per_s, ingest_sustained_p99_ms and ingest_backlog."""
    seconds = {Effort.FULL: 600, Effort.SHORT: 1, Effort.GLANCE: 1}[effort]
    floor_seconds = min(max(1, seconds // 2), FLOOR_SECONDS)
    with folder_on_disk() as folder:
        home = make_home(folder / "cloud")
        fleet = make_fleet(home, SENSORS)
        # Its own database: in one that two write for minutes, one of them waits for the other now and then.
        aside = Home(Path(shutil.copytree(home.root, folder / "aside")))
        with serving(home) as server, serving(aside, storing=False) as floor:
            warm(server, fleet, folder)
            floors = [_run(floor, fleet, folder, floor_seconds)]
            run = _run(server, fleet, folder, seconds)
            floors.append(_run(floor, fleet, folder, floor_seconds))
    rate = mean(one.per_s for one in floors)
    told = f"{seconds} s without a pause, {SAMPLES} samples each, {SENSORS} sensors, {CONNECTIONS} connections, TLS"
    return {
        "durable_ingest_sustained_ratio": Figure(
            round(run.per_s / rate, 3),
            "",
            f"the same server answering without storing, before and after ({rate:.0f}/s); {told}; until all is folded; "
            f"{run.cpu_s * 1e6:.0f} us of the server an upload, without storing "
            f"{mean(one.cpu_s for one in floors) * 1e6:.0f}; goal 0.55",
        ),
        "durable_ingest_sustained_per_s": Figure(round(run.per_s), "/s", f"without storing {rate:.0f}/s"),
        "ingest_sustained_p99_ms": Figure(
            round(run.load.p99_ms, 2), "ms", f"without storing {floors[0].load.p99_ms:.2f}; goal 25"
        ),
        "ingest_backlog": Figure(
            run.waiting[1],
            "uploads",
            f"that waited to be sorted in at the end, after half of the time {run.waiting[0]}, "
            f"which then took {run.sorting_s:.1f} s",
        ),
    }


def _run(server: Server, fleet: Fleet, folder: Path, seconds: int) -> _Run:
    waiting: list[int] = []
    half = threading.Timer(seconds / 2, lambda: waiting.append(_waiting(server)))
    before = cpu_seconds(server.pid)
    half.start()
    with _pipe(fleet, folder / "pipe") as size:
        load = upload(server, folder / "pipe", size, seconds)
    half.join()
    waiting.append(_waiting(server))
    took = sorted_in(server)
    return _Run(load, took, (cpu_seconds(server.pid) - before) / load.requests, (waiting[0], waiting[1]))


def _waiting(server: Server) -> int:
    with closing(sqlite3.connect(f"file:{server.home.database}?mode=ro", uri=True)) as database:
        (count,) = database.execute("SELECT count(*) FROM waiting_uploads").fetchone()
    return int(count)


@contextmanager
def _pipe(fleet: Fleet, path: Path) -> Iterator[int]:
    """Make a pipe from which the next uploads can be read for as long as the block runs; yield the size of each.

    A file of ten minutes would be gigabytes. They are written on the core of what loads.
    """
    os.mkfifo(path)
    size = len(fleet.peek())

    def write() -> None:
        os.sched_setaffinity(0, {LOAD_CORE})
        with suppress(BrokenPipeError):
            fleet.write(path, MOST)

    writer = threading.Thread(target=write, name="uploads", daemon=True)
    writer.start()
    try:
        yield size
    finally:
        writer.join()
        path.unlink()
