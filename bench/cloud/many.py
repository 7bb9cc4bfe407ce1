"""A hundred thousand sensors: how much memory the server takes for them, and how soon it serves."""

from __future__ import annotations

import time

from bench.device.process_figures import cpu_seconds, resident_bytes
from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures

from .fleet import make_fleet, make_home
from .load import upload
from .server import serving

SENSORS = 100_000


def measure(effort: Effort) -> Figures:
    """Measure start_100k_sensors_s and rss_100k_sensors_mb: after sensors have told their rate, each once."""
    sensors, senders = {
        Effort.FULL: (SENSORS, SENSORS),
        Effort.SHORT: (SENSORS, SENSORS // 10),
        Effort.GLANCE: (200, 100),
    }[effort]
    with folder_on_disk() as folder:
        home = make_home(folder / "cloud")
        fleet = make_fleet(home, sensors, claimed=True)
        del fleet.senders[senders:]
        size = fleet.write_gauges(folder / "requests", int(time.time()))
        began = time.monotonic()
        with serving(home) as server:
            started, cpu = time.monotonic() - began, cpu_seconds(server.pid)
            fresh = resident_bytes(server.pid)
            left = senders
            while left > 0:
                left -= upload(server, folder / "requests", size, 1).requests
            first_us = (cpu_seconds(server.pid) - cpu) / senders * 1e6
            resident = resident_bytes(server.pid)
    return {
        "start_100k_sensors_s": Figure(
            round(started, 2),
            "s",
            f"from the command to the first line, {sensors} sensors registered; {cpu:.2f} s of its processor; goal 3",
        ),
        "rss_100k_sensors_mb": Figure(
            round(resident / 1e6),
            "MB",
            f"{sensors} sensors registered, {senders} of which have sent; {fresh / 1e6:.0f} before; "
            f"the first upload of each took {first_us:.0f} us of its processor; goal 400",
        ),
    }
