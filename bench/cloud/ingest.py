"""Durable, signed uploads of 60 samples, against the same server that answers the same requests without storing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.device.process_figures import cpu_seconds
from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures

from .fleet import SAMPLES, Fleet, make_fleet, make_home
from .load import CONNECTIONS, Load, upload
from .server import Server, serving

SENSORS = 1000
MOST_PER_S = 20_000
"""More uploads a second than any round sends, so that none is sent twice."""


def measure(effort: Effort) -> Figures:
    """Measure durable_ingest_ratio, durable_ingest_per_s, ingest_p50_ms, ingest_p99_ms and ingest_cpu_us."""
    seconds, rounds = {Effort.FULL: (4, 5), Effort.SHORT: (2, 2), Effort.GLANCE: (1, 1)}[effort]
    with folder_on_disk() as folder:
        home = make_home(folder / "cloud")
        fleet = make_fleet(home, SENSORS)
        stored: list[_Round] = []
        forgotten: list[_Round] = []
        with serving(home) as server, serving(home, storing=False) as floor:
            for each in (server, floor):
                _round(each, fleet, folder, 1)
            for _ in range(rounds):
                stored.append(_round(server, fleet, folder, seconds))
                forgotten.append(_round(floor, fleet, folder, seconds))
    told = f"{SAMPLES} samples each, {SENSORS} sensors, {CONNECTIONS} connections, {rounds} rounds of {seconds} s"
    floor_rate = median(one.load.per_s for one in forgotten)
    return {
        "durable_ingest_ratio": Figure(
            round(median(one.load.per_s / other.load.per_s for one, other in zip(stored, forgotten, strict=True)), 3),
            "",
            f"the same server answering the same requests without storing, in turn; {told}; goal 0.55",
        ),
        "durable_ingest_per_s": Figure(
            round(median(one.load.per_s for one in stored)), "/s", f"without storing {floor_rate:.0f}/s"
        ),
        "ingest_p50_ms": Figure(
            round(median(one.load.p50_ms for one in stored), 2),
            "ms",
            f"without storing {median(one.load.p50_ms for one in forgotten):.2f}",
        ),
        "ingest_p99_ms": Figure(
            round(median(one.load.p99_ms for one in stored), 2),
            "ms",
            f"without storing {median(one.load.p99_ms for one in forgotten):.2f}; goal 25",
        ),
        "ingest_cpu_us": Figure(
            round(median(one.cpu_us for one in stored), 1),
            "us",
            f"the server's processor time for an upload; without storing {median(one.cpu_us for one in forgotten):.1f}",
        ),
    }


@dataclass(frozen=True, slots=True)
class _Round:
    """What a round told, and the processor time that each upload took of the server, which no neighbour changes."""

    load: Load
    cpu_us: float


def _round(server: Server, fleet: Fleet, folder: Path, seconds: int) -> _Round:
    requests = folder / "requests"
    size = fleet.write(requests, MOST_PER_S * seconds)
    before = cpu_seconds(server.pid)
    load = upload(server, requests, size, seconds)
    return _Round(load, (cpu_seconds(server.pid) - before) / load.requests * 1e6)
