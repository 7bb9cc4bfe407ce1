"""Durable, signed uploads of 60 samples, against the same server that answers the same requests without storing."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.device.process_figures import cpu_seconds, resident_bytes
from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures

from .fleet import SAMPLES, Fleet, make_fleet, make_home
from .load import CONNECTIONS, Load, upload
from .server import Server, serving

SENSORS = 1000
FEW, MANY = 100, 100_000
MOST_PER_S = 14_000
"""More uploads a second than any round sends, so that none is sent twice."""


@dataclass(frozen=True, slots=True)
class _Round:
    """What a round told. `cpu_s` is the server's processor time for each upload, which no neighbour changes."""

    load: Load
    cpu_s: float


def measure(effort: Effort) -> Figures:
    """Measure durable_ingest_ratio, durable_ingest_per_s, ingest_p50_ms, ingest_p99_ms and ingest_cpu_us."""
    seconds, rounds = {Effort.FULL: (4, 5), Effort.SHORT: (2, 1), Effort.GLANCE: (1, 1)}[effort]
    with folder_on_disk() as folder:
        home = make_home(folder / "cloud")
        fleet = make_fleet(home, SENSORS)
        stored: list[_Round] = []
        forgotten: list[_Round] = []
        with serving(home) as server, serving(home, storing=False) as floor:
            warm(server, fleet, folder)
            for _ in range(rounds):
                requests = _requests(fleet, folder, seconds)
                stored.append(_round(server, requests, seconds))
                forgotten.append(_round(floor, requests, seconds))
    told = f"{SAMPLES} samples each, {SENSORS} sensors, {CONNECTIONS} connections, {rounds} rounds of {seconds} s, TLS"
    pairs = list(zip(stored, forgotten, strict=True))
    floor_rate = median(one.load.per_s for one in forgotten)
    return {
        "durable_ingest_ratio": Figure(
            round(median(one.load.per_s / other.load.per_s for one, other in pairs), 3),
            "",
            f"the same server answering the same requests without storing, in turn; {told}; goal 0.55",
        ),
        "durable_ingest_per_s": Figure(
            round(median(one.load.per_s for one in stored)), "/s", f"without storing {floor_rate:.0f}/s"
        ),
        "ingest_p50_ms": _middle([one.load.p50_ms for one in stored], [one.load.p50_ms for one in forgotten], ""),
        "ingest_p99_ms": _middle(
            [one.load.p99_ms for one in stored], [one.load.p99_ms for one in forgotten], "; goal 25"
        ),
        "ingest_cpu_us": Figure(
            round(median(one.cpu_s for one in stored) * 1e6, 1),
            "us",
            f"the server's processor time an upload; without storing {median(o.cpu_s for o in forgotten) * 1e6:.1f}",
        ),
    }


def measure_many(effort: Effort) -> Figures:
    """Measure rate_100k_to_100_sensors: the same rounds in a cloud with few sensors and in one with many.

    And what many are to a server: rss_100k_sensors_mb and start_100k_sensors_s.
    """
    seconds, rounds, senders = {
        Effort.FULL: (4, 5, MANY),
        Effort.SHORT: (1, 1, 1_000),
        Effort.GLANCE: (1, 1, 1_000),
    }[effort]
    with folder_on_disk() as folder:
        homes = [make_home(folder / "few"), make_home(folder / "many")]
        fleets = [make_fleet(homes[0], FEW), make_fleet(homes[1], MANY)]
        del fleets[1].senders[senders:]
        loads: tuple[list[_Round], list[_Round]] = ([], [])
        began = time.monotonic()
        with serving(homes[1]) as many:
            started, start_cpu, fresh = time.monotonic() - began, cpu_seconds(many.pid), resident_bytes(many.pid)
            with serving(homes[0]) as few:
                warm(few, fleets[0], folder)
                warm(many, fleets[1], folder)
                for _ in range(rounds):
                    for found, server, fleet in zip(loads, (few, many), fleets, strict=True):
                        found.append(_round(server, _requests(fleet, folder, seconds), seconds))
            resident = resident_bytes(many.pid)
    ratio = median(more.load.per_s / less.load.per_s for less, more in zip(*loads, strict=True))
    cpu = [median(one.cpu_s for one in found) * 1e6 for found in loads]
    told = f"{MANY} sensors registered, {senders} of which send"
    return {
        "rate_100k_to_100_sensors": Figure(
            round(ratio, 3),
            "",
            f"uploads a second with {told}, to those with {FEW}, {rounds} rounds of {seconds} s in turn; "
            f"{cpu[1]:.0f} and {cpu[0]:.0f} us of the server; goal 0.7",
        ),
        "rss_100k_sensors_mb": Figure(
            round(resident / 1e6), "MB", f"{told}, after these rounds; {fresh / 1e6:.0f} before the first; goal 400"
        ),
        "start_100k_sensors_s": Figure(
            round(started, 2),
            "s",
            f"{MANY} sensors registered, from the command to the first line; {start_cpu:.2f} s of a core; goal 3",
        ),
    }


def _middle(stored: list[float], forgotten: list[float], goal: str) -> Figure:
    return Figure(round(median(stored), 2), "ms", f"without storing {median(forgotten):.2f}{goal}")


@dataclass(frozen=True, slots=True)
class _Requests:
    """A file of requests of `size` bytes each."""

    path: Path
    size: int
    count: int


def _requests(fleet: Fleet, folder: Path, seconds: int) -> _Requests:
    """Write the next requests, more than are sent in so many seconds."""
    count = MOST_PER_S * seconds
    return _Requests(folder / "requests", fleet.write(folder / "requests", count), count)


def warm(server: Server, fleet: Fleet, folder: Path) -> None:
    """Let each sensor send once, so that the server knows them, as it does minutes after its start."""
    size = fleet.write(folder / "requests", len(fleet.senders))
    left = len(fleet.senders)
    while left > 0:
        left -= upload(server, folder / "requests", size, 1).requests
    sorted_in(server)


def _round(server: Server, requests: _Requests, seconds: int) -> _Round:
    before = cpu_seconds(server.pid)
    load = upload(server, requests.path, requests.size, seconds)
    if load.requests > requests.count:
        raise RuntimeError(f"raise MOST_PER_S: {load.per_s:.0f} uploads a second")
    cpu = cpu_seconds(server.pid) - before
    sorted_in(server)
    return _Round(load, cpu / load.requests)


def sorted_in(server: Server) -> float:
    """Wait until the journal is empty; return the seconds that took."""
    began = time.monotonic()
    with closing(sqlite3.connect(f"file:{server.home.database}?mode=ro", uri=True)) as database:
        while database.execute("SELECT EXISTS (SELECT 1 FROM uploads)").fetchone()[0]:
            time.sleep(0.05)
    return time.monotonic() - began
