"""The engines that have to keep the contract: a second one is another line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from flukso_cloud.store import Store
from flukso_cloud.store.sqlite import SqliteStore

Open = Callable[[Path], Awaitable[Store]]
"""Opens the database that an engine keeps in a folder of its own, or makes it there."""


async def sqlite(folder: Path) -> Store:
    return SqliteStore.open(folder / "cloud.db")


ENGINES: dict[str, Open] = {"sqlite": sqlite}


class Database:
    """A database of one engine, which may be closed and opened again."""

    def __init__(self, open_: Open, folder: Path) -> None:
        self._open = open_
        self._folder = folder
        self.store: Store | None = None
        """What is open."""

    async def open(self) -> Store:
        """Open it."""
        self.store = await self._open(self._folder)
        return self.store

    async def close(self) -> None:
        """Close it, if it is open."""
        if self.store is not None:
            await self.store.close()
        self.store = None

    async def reopen(self) -> Store:
        """Close it, and open it as another process would find it."""
        await self.close()
        return await self.open()
