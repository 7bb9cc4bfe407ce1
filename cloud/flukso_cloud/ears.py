"""Those who listen, told of what is taken back: in this process, or in the one that serves the same database."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from .clock import unix_now
from .live import Broadcaster
from .seconds import Seconds
from .store import Store, StoreUnavailableError

log = logging.getLogger(__name__)

ASK_SECONDS = 1.0
"""For so long live streams outlive what a command in another process takes back."""


class Ears(Protocol):
    """Live streams, wherever they are served."""

    async def look_again(self, *accounts: int) -> None:
        """Let all streams of some accounts find out whether they still may be."""

    async def forget(self, *sensors: str) -> None:
        """Forget what sensors have told: they are about to be somebody else's."""


class Here:
    """Live streams of this process, and the seconds that devices send for them."""

    def __init__(self, live: Broadcaster, seconds: Seconds) -> None:
        self._live = live
        self._seconds = seconds

    async def look_again(self, *accounts: int) -> None:
        """See Ears."""
        self._live.look_again(*accounts)

    async def forget(self, *sensors: str) -> None:
        """See Ears."""
        for sensor in sensors:
            self._live.forget(sensor)
            self._seconds.forget(sensor)


class Elsewhere:
    """Live streams of the process that serves the same database, if one does: it asks once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def look_again(self, *accounts: int) -> None:
        """See Ears."""
        await self._store.note_revoked(accounts, (), unix_now())

    async def forget(self, *sensors: str) -> None:
        """See Ears."""
        await self._store.note_revoked((), sensors, unix_now())


async def heed(store: Store, ears: Here) -> None:
    """Carry through here what is taken back elsewhere, until cancelled. What was before needs nothing."""
    number: int | None = None
    while True:
        try:
            found = await store.revoked(number or 0)
            if number is not None:
                await ears.forget(*found.streams)
                await ears.look_again(*found.accounts)
            number = found.number
        except StoreUnavailableError as error:
            log.warning("what other processes took back is looked at later: %s", error)
        await asyncio.sleep(ASK_SECONDS)
