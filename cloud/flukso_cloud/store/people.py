"""Accounts and sessions in SQLite. Secrets arrive hashed."""

from __future__ import annotations

from typing import Any

from sqlite_utils import Database

from .model import Account, AccountExistsError
from .schema import table


def _account(row: dict[str, Any]) -> Account:
    return Account(**{name: row[name] for name in ("number", "name", "password_hash", "time_zone")})


def add_account(db: Database, name: str, password_hash: str, time_zone: str, now: int) -> Account:
    """Add an account; AccountExistsError if the name is taken."""
    if account(db, name) is not None:
        raise AccountExistsError(name)
    table(db, "accounts").insert({"name": name, "password_hash": password_hash, "time_zone": time_zone, "created": now})
    added = account(db, name)
    assert added is not None  # noqa: S101 - it was inserted in this very transaction
    return added


def account(db: Database, name: str) -> Account | None:
    """Return the account of that name, in whatever case."""
    return next((_account(row) for row in table(db, "accounts").rows_where("name = ? COLLATE NOCASE", [name])), None)


def account_number(db: Database, number: int) -> Account:
    """Return the account of that number; LookupError if there is none."""
    for row in table(db, "accounts").rows_where("number = ?", [number]):
        return _account(row)
    raise LookupError(f"no account {number}")


def replace_password(db: Database, number: int, password_hash: str) -> None:
    """Store a new hash of an account's password."""
    table(db, "accounts").update(number, {"password_hash": password_hash})


def open_session(db: Database, session_hash: bytes, number: int, now: int, expires: int) -> None:
    """Store the hash of a new session, and forget those that have expired."""
    table(db, "sessions").delete_where("expires <= ?", [now])
    table(db, "sessions").insert({"hash": session_hash, "account": number, "created": now, "expires": expires})


def session(db: Database, session_hash: bytes, now: int) -> Account | None:
    """Return whose session this is, None if it is unknown or has expired."""
    for row in table(db, "sessions").rows_where("hash = ? AND expires > ?", [session_hash, now]):
        return account_number(db, row["account"])
    return None


def close_session(db: Database, session_hash: bytes) -> None:
    """Forget a session."""
    table(db, "sessions").delete_where("hash = ?", [session_hash])
