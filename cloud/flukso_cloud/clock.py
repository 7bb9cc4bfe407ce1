"""The wall clock."""

from __future__ import annotations

import time


def unix_now() -> int:
    """Return the time in unix seconds."""
    return int(time.time())
