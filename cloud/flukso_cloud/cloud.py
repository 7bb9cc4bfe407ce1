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
from .seconds import Seconds
from .senders import Senders
from .store import Store
from .store.sqlite import SqliteStore
from .vault import Vault


@dataclass(frozen=True, slots=True)
class Cloud:
    """What request handlers work with; they find it as `request.app.state.cloud`."""

    store: Store
    live: Broadcaster
    seconds: Seconds
    ears: Here
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
        seconds = Seconds(store, live)
        ears = Here(live, seconds)
        return cls(
            store,
            live,
            seconds,
            ears,
            Ingest(store, vault, live, seconds, limiter),
            Accounts(store, vault, limiter),
            limiter,
            Senders(store, vault),
            Blocks(store),
            Departures(store, ears),
            Library(),
        )

    async def close(self) -> None:
        """Finish what was begun, then close."""
        self.accounts.close()
        await self.seconds.close()
        await self.store.close()
