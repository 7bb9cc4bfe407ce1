"""Whether what a write names by its number is still there, in SQLite.

The answer to a request takes a while, and others write meanwhile. These are asked in the transaction that writes.
"""

from __future__ import annotations

from sqlite_utils import Database

from .model import GoneError, SensorGoneError


def check_account(db: Database, number: int) -> None:
    """GoneError if there is no account of that number, or if it is shut: what came to it now would stay for ever."""
    if db.execute("SELECT 1 FROM accounts WHERE number = ? AND NOT closing", [number]).fetchone() is None:
        raise GoneError(f"no account {number}")


def check_device(db: Database, number: int, owner: int | None = None) -> None:
    """GoneError if there is no device of that number, or if `owner` is given and it is not that account's."""
    row = db.execute("SELECT account FROM devices WHERE number = ?", [number]).fetchone()
    if row is None or owner not in (None, row[0]):
        raise GoneError(f"no device {number}")


def check_sensor(db: Database, number: int) -> None:
    """SensorGoneError if there is no sensor of that number."""
    if db.execute("SELECT 1 FROM sensors WHERE number = ?", [number]).fetchone() is None:
        raise SensorGoneError(number)


def check_group(db: Database, number: int) -> None:
    """GoneError if there is no group of that number."""
    if db.execute("SELECT 1 FROM groups WHERE number = ?", [number]).fetchone() is None:
        raise GoneError(f"no group {number}")
