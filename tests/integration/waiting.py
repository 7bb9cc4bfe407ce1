"""Waiting for what is about to happen, never longer than it takes."""

import asyncio
from collections.abc import Callable
from time import monotonic


async def until(condition: Callable[[], object], seconds: float = 5.0) -> float:
    """Wait until the condition holds and return the seconds it took. Raises AssertionError when it does not in time."""
    began = monotonic()
    while not condition():
        if monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s: {condition}")
        await asyncio.sleep(0.005)
    return monotonic() - began
