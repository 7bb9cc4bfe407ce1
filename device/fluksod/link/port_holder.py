"""Who holds a serial port: names the process for the message that refuses a second fluksod (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

_LOCKS = Path("/proc/locks")


def holder_of(port: str) -> str | None:
    """Name the process that has `port` locked, such as "fluksod (process 4711)"; None where that cannot be told."""
    try:
        stat = Path(port).stat()
        rows = _LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    wanted = f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"
    for row in rows:
        # 3: FLOCK  ADVISORY  WRITE 4711 00:18:5 0 EOF
        fields = row.split()
        if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5] == wanted:
            return _process_name(fields[4])
    return None


def _process_name(pid: str) -> str:
    try:
        words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    names = [Path(os.fsdecode(word)).name for word in words[:3] if word]
    known = next((name for name in names if name.startswith("fluksod")), names[0] if names else "process")
    return f"{known} (process {pid})"
