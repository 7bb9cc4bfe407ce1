"""What Linux counts of a process: processor time, memory, bytes written."""

from __future__ import annotations

import re
import time
from pathlib import Path

MIB = 1 << 20


def cpu_seconds(pid: int) -> float:
    """Processor time of a process until now, all its threads, user and system (s), to the nanosecond.

    The number of another process's clock is made as clock_getcpuclockid(3) of the C library does.
    """
    return time.clock_gettime(~pid << 3 | 2)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, shared libraries included."""
    return _kib(pid, "Rss") * 1024


def private_bytes(pid: int) -> int:
    """What of its resident memory no other process shares."""
    return (_kib(pid, "Private_Clean") + _kib(pid, "Private_Dirty")) * 1024


def written_bytes() -> int:
    """Bytes that this process made the kernel write to a disk until now; a RAM disk does not count."""
    return _number(Path("/proc/self/io"), r"^write_bytes: (\d+)$")


def _kib(pid: int, name: str) -> int:
    return _number(Path(f"/proc/{pid}/smaps_rollup"), rf"^{name}:\s+(\d+) kB$")


def _number(path: Path, pattern: str) -> int:
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{path} does not tell {pattern}: this needs Linux")
    return int(found[1])
