"""What the store writes in a day: the store itself on a real disk, run as the daemon does, its clock turned."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

from bench.figure import Effort, Figure, Figures
from fluksod.config import StoreConfig
from fluksod.meter.metering import Reading
from fluksod.store.archive import SYNC_EVERY, Archive
from fluksod.store.clock import Clock
from fluksod.store.minutes import HOUR
from fluksod.store.record import Cursor, Position

from .house import CLAMPS, FIRST_COUNTER, House
from .process_figures import written_bytes
from .real_disk import file_system, folder_on_disk

DAY = 24 * HOUR
DAYS_KEPT = 400
MEGABYTE = 1_000_000


async def measure(effort: Effort) -> Figures:
    """Measure disk_mb_per_day and disk_mb_400_days."""
    hours = {Effort.FULL: 24, Effort.SHORT: 3, Effort.GLANCE: 2}[effort]
    with folder_on_disk() as folder, ProcessPoolExecutor(1) as process:
        written, kept = await asyncio.get_running_loop().run_in_executor(process, _in_a_process, str(folder), hours)
        disk = file_system(folder)
    of_a_day = "a day" if hours == 24 else f"{hours} h, times {24 // hours}"
    return {
        "disk_mb_per_day": Figure(
            round(written / hours * 24 / MEGABYTE, 2),
            "MB",
            f"write_bytes on {disk}, {of_a_day} of 9 readings a second of 6 sensors, uploaded and"
            f" synced every {SYNC_EVERY:g} s, folded each hour; goal 50",
        ),
        "disk_mb_400_days": Figure(
            round(kept / (hours - 1) * 24 * DAYS_KEPT / MEGABYTE, 1),
            "MB",
            f"what the history grew by from the first to the last of {hours} h, in proportion",
        ),
    }


def _in_a_process(folder: str, hours: int) -> tuple[int, int]:
    return asyncio.run(_days(Path(folder), hours))


async def _days(folder: Path, hours: int) -> tuple[int, int]:
    """Bytes written in so many hours, and what the history grew by after the first of them. Measures its process."""
    start = int(time.time()) // DAY * DAY
    now = float(start)
    archive = Archive(
        folder,
        StoreConfig(HOUR, DAYS_KEPT),
        Clock(lambda: now, lambda: now - start, bytes(16)),
        lambda _reading, _place: None,
    )
    archive.open()
    await archive.fold()
    before = written_bytes()
    sensors = House().sensors
    first = 0
    for second in range(hours * HOUR):
        now = start + second
        if second % HOUR == 0:
            await archive.fold()
            if second == HOUR:
                first = _pages(folder)
        elif second % round(SYNC_EVERY) == 0:
            for sensor in sensors:  # the cloud has all until now; its interval is 10 s too unless it is set otherwise
                archive.acknowledge(sensor, Cursor(Position(int(now) - 1, FIRST_COUNTER // 1000 + second)))
            await archive.sync()
        for index, sensor in enumerate(sensors):
            counter, gauge = FIRST_COUNTER + second, 200.0 + 997 * (second // 60) % 3000 + second % 7
            archive.take(Reading(sensor, int(now), counter, gauge, measured=True))
            if index < CLAMPS:
                archive.take(Reading(sensor, int(now), counter, gauge + 1, measured=True))
    await archive.fold()
    written = written_bytes() - before
    archive.close()
    return written, _pages(folder) - first


def _pages(folder: Path) -> int:
    """Bytes of the history's pages, those in its log of writes too."""
    with closing(sqlite3.connect(folder / "history.db")) as database:
        pages: int = database.execute("PRAGMA page_count").fetchone()[0]
        size: int = database.execute("PRAGMA page_size").fetchone()[0]
    return pages * size
