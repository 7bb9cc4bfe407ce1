"""One running cloud: its parts, put together."""

from __future__ import annotations

from dataclasses import dataclass

from .accounts import Accounts
from .blocks import Blocks
from .departures import Departures
from .ears import Here
from .home import Home
from .ingest import Ingest
from .limiter import Limiter
from .live import Broadcaster
from .profiles.library import Library
from .senders import Senders
from .store import Store
from .store.sqlite import SqliteStore
from .vault import Vault


@dataclass(frozen=True, slots=True)
class Cloud:
    """What request handlers work with; they find it as `request.app.state.cloud`."""

    store: Store
    live: Broadcaster
    ingest: Ingest
    accounts: Accounts
    limiter: Limiter
    senders: Senders
    blocks: Blocks
    departures: Departures
    profiles: Library

    @classmethod
    def open(cls, home: Home) -> Cloud:
        """Open the cloud that lives in a folder. Call it in the event loop that will serve it."""
        store = SqliteStore.open(home.database)
        vault, live, limiter = Vault.open(home), Broadcaster(), Limiter()
        return cls(
            store,
            live,
            Ingest(store, vault, live, limiter),
            Accounts(store, vault, limiter),
            limiter,
            Senders(store, vault),
            Blocks(store),
            Departures(store, Here(live)),
            Library(),
        )

    async def close(self) -> None:
        """Finish what was begun, then close."""
        self.accounts.close()
        await self.store.close()
