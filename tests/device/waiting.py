"""Waits for what must happen soon: polls with a deadline instead of sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(probe: Callable[[], Awaitable[Any] | Any], seconds: float = 10.0) -> Any:
    """Call `probe` until it returns something true, and return that. Fails with its last answer after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        found = await answer if isinstance(answer, Awaitable) else answer
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds} s; last answer: {found!r}")
        await asyncio.sleep(0.02)
