"""An archive for tests, in a folder of its own, with a clock that the test turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fluksod.config import StoreConfig
from fluksod.meter.metering import Reading
from fluksod.meter.register import Mark
from fluksod.store.archive import Archive, OnReading
from fluksod.store.buckets import Columns
from fluksod.store.clock import Clock
from fluksod.store.seconds import Place
from tests.device.board import CLAMP

NOON = 1_795_003_200
"""A full hour and a UTC noon."""


@dataclass
class Archived:
    """An archive in `folder`; `now` is its unix time, `of_boot` the boot's own. `told` are readings that came out."""

    folder: Path
    now: float = NOON
    of_boot: float = 100.0
    boot: bytes = b"\x01" * 16
    config: StoreConfig = field(default_factory=lambda: StoreConfig(3600, 400))
    told: list[Reading] = field(default_factory=list)
    on_reading: OnReading | None = None

    def __post_init__(self) -> None:
        clock = Clock(lambda: self.now, lambda: self.of_boot, self.boot)
        self.archive = Archive(self.folder, self.config, clock, self._hear)
        self.marks = self.archive.open()

    def _hear(self, reading: Reading, place: Place | None) -> None:
        self.told.append(reading)
        if self.on_reading is not None:
            self.on_reading(reading, place)

    def again(self) -> Archived:
        """The same folder taken up by another process, as after kill -9: nothing of this one is written any more."""
        return Archived(self.folder, self.now, self.of_boot, self.boot, self.config)

    def show(self, counter: int | None, gauge: float | None, sensor: str = CLAMP, seconds: float = 1.0) -> None:
        """Take a reading, then let time pass."""
        self.archive.take(Reading(sensor, int(self.now), counter, gauge, measured=True))
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.of_boot += seconds

    async def run_for(self, seconds: int, *, watt: int = 3600, counter: int = 1000, sensor: str = CLAMP) -> int:
        """Show one counter more each second; fold at full hours as the daemon does. The counter after that."""
        for _ in range(seconds):
            counter += 1
            hour = self.now // 3600
            self.show(counter, watt, sensor)
            if self.now // 3600 != hour:
                await self.archive.fold()
        return counter

    async def history(self, start: int, end: int, resolution: int, sensor: str = CLAMP) -> Columns:
        """Its history, from NOON on."""
        return await self.archive.history(sensor, NOON + start, NOON + end, resolution)


def mark(raw: int, total: int, at: float = NOON) -> Mark:
    """A register's mark."""
    return Mark(raw, total, at)
