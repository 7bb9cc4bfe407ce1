"""Give memory that is free back to the system, now and then: a daemon that runs for years is not to keep its peaks."""

from __future__ import annotations

import asyncio
import ctypes
import gc

EVERY = 3600.0
"""Seconds: the history is folded once an hour, and charts of a year are asked for now and then."""


def settle() -> None:
    """Set aside what was imported, so that no garbage collection looks at it again. To be called once, at the start."""
    gc.collect()
    gc.freeze()


async def keep_giving_back() -> None:
    """Let the C library return what it keeps of freed memory, until cancelled. After the imports it is a tenth of all.

    Ends at once where the library has no `malloc_trim` (musl, macOS).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while trim is not None:
        await asyncio.to_thread(trim, 0)
        await asyncio.sleep(EVERY)
