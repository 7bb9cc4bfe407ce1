"""The clocks of this machine as the store needs them: unix time, and the boot's own while unix time is not set."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fluksod.meter.metering import CLOCK_NOT_SET

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` gives unix seconds, `of_boot` seconds since the boot `boot`, also through sleep."""

    wall: Callable[[], float]
    of_boot: Callable[[], float]
    boot: bytes

    def unix_time(self) -> int | None:
        """Whole unix seconds; None while the clock is not set."""
        now = self.wall()
        return int(now) if now > CLOCK_NOT_SET else None


def machine_clock() -> Clock:
    """The clock of this machine (Linux)."""
    try:
        boot = uuid.UUID(_BOOT_ID.read_text(encoding="ascii").strip()).bytes
    except (OSError, ValueError):
        boot = bytes(16)  # without its name this boot is taken for the one before: times may be off, no counter is
    return Clock(time.time, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), boot)
