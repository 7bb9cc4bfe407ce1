"""Whether the cloud can store what it is sent."""

from __future__ import annotations

import asyncio

from .store import Store, StoreUnavailableError

FRESH_SECONDS = 1.0
"""For this long an answer is given again: whoever asks often causes no more commits than that."""
LONGEST_SECONDS = 5.0


class Readiness:
    """Finds out by committing a trifle."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._trial: asyncio.Task[str | None] | None = None
        self._tried = 0.0

    async def objection(self) -> str | None:
        """Return why nothing can be stored now, or None if it can."""
        now = asyncio.get_running_loop().time()
        if self._trial is None or (self._trial.done() and now - self._tried > FRESH_SECONDS):
            self._tried = now
            self._trial = asyncio.create_task(self._try())
        return await asyncio.shield(self._trial)

    async def _try(self) -> str | None:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._store.ready()
        except StoreUnavailableError as error:
            return str(error)
        except TimeoutError:
            return f"a commit takes longer than {LONGEST_SECONDS:g} s"
        return None
