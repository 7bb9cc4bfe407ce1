"""Keeps the parts of the daemon going: one that fails is logged and started again, the others do not notice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_LOG = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds before a part that failed is started again."""


async def keep_running(part: str, run: Callable[[], Awaitable[None]], pause: float = PAUSE) -> None:
    """Run `run` until it returns or this is cancelled; after any failure log it with `part`'s name and run it again."""
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - whatever it is, the other parts go on; it is logged with its traceback
            _LOG.exception("%s failed, which is a fault of fluksod; it starts again in %g s", part, pause)
            await asyncio.sleep(pause)
        else:
            return
