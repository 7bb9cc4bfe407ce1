"""What one process takes back and another has to hear of, in SQLite."""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database

from .model import Revoked
from .schema import table

KEPT_SECONDS = 3600
"""For so long it is told; who has not asked by then does not run."""


def note(db: Database, accounts: Iterable[int], streams: Iterable[str], now: int) -> None:
    """Note whose live streams may have to end, and of which sensors (their ids) what was told is to be forgotten."""
    table(db, "revocations").delete_where("time < ?", [now - KEPT_SECONDS])
    table(db, "revocations").insert_all({"account": account, "time": now} for account in accounts)
    table(db, "revocations").insert_all({"stream": stream, "time": now} for stream in streams)


def since(db: Database, number: int) -> Revoked:
    """Return what was noted after `number`."""
    rows = db.execute("SELECT number, account, stream FROM revocations WHERE number > ? ORDER BY number", [number])
    found = rows.fetchall()
    return Revoked(
        number=found[-1][0] if found else number,
        accounts=frozenset(account for _, account, _ in found if account is not None),
        streams=frozenset(stream for _, _, stream in found if stream is not None),
    )
