"""What Linux counts of a process: processor time, memory, bytes written."""

from __future__ import annotations

import os
import re
from pathlib import Path

MIB = 1 << 20


def cpu_seconds(pid: int) -> float:
    """Processor time of a process until now, user and system (s)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Resident memory of a process, shared libraries included (MiB)."""
    return _kib(Path(f"/proc/{pid}/smaps_rollup"), "Rss") / 1024


def private_mib(pid: int) -> float:
    """What of its resident memory no other process shares (MiB)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    return (_kib(rollup, "Private_Clean") + _kib(rollup, "Private_Dirty")) / 1024


def written_bytes(pid: int | str = "self") -> int:
    """Bytes that a process made the kernel write to a disk until now; a RAM disk does not count."""
    return _number(Path(f"/proc/{pid}/io"), r"^write_bytes: (\d+)$")


def _kib(path: Path, name: str) -> int:
    return _number(path, rf"^{name}:\s+(\d+) kB$")


def _number(path: Path, pattern: str) -> int:
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{path} does not tell {pattern}: this needs Linux")
    return int(found[1])
