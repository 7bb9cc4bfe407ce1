"""Room that the database no longer needs, given back to the disk a few pages at a time."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

log = logging.getLogger(__name__)

SPARE = 16_384
"""Free pages (64 MB) that stay: the journal fills and empties as many under load."""
STEP = 256
"""Pages given back by one commit: a millisecond or two."""
INCREMENTAL = 2
MOST_PAGES = 262_144
"""A larger database (1 GB) is not written anew at a start to be able to give room back."""


def prepare(conn: sqlite3.Connection, path: Path) -> None:
    """Let a database give room back: a new one at no cost, one of an older version by writing it anew, once.

    `conn` is in no transaction. What is too large stays as it is.
    """
    if conn.execute("PRAGMA auto_vacuum").fetchone()[0] == INCREMENTAL:
        return
    pages = conn.execute("PRAGMA page_count").fetchone()[0]
    if pages > MOST_PAGES:
        log.info("the database keeps its size; `VACUUM` by hand lets it shrink", extra={"path": str(path)})
        return
    conn.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
    if pages:
        try:
            conn.execute("VACUUM")
        except sqlite3.OperationalError as error:  # another process is at it, or the disk has no room for a copy
            log.info("the database keeps its size for now", extra={"reason": str(error)})


def give_back(conn: sqlite3.Connection) -> bool:
    """Give some pages back if more than `SPARE` are free; tell whether there are more."""
    [free] = conn.execute("PRAGMA freelist_count").fetchone()
    if free <= SPARE or conn.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        return False
    conn.execute(f"PRAGMA incremental_vacuum({min(STEP, free - SPARE)})").fetchall()
    return bool(free - STEP > SPARE)
