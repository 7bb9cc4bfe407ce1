"""Accounts and sessions in SQLite. Secrets arrive hashed."""

from __future__ import annotations

from typing import Any

from sqlite_utils import Database

from .model import Account, AccountExistsError, GoneError
from .presence import check_account
from .registry import next_number
from .schema import table


def _account(row: dict[str, Any]) -> Account:
    return Account(**{name: row[name] for name in ("number", "name", "password_hash", "time_zone", "persons", "area")})


def add_account(db: Database, name: str, password_hash: str, time_zone: str, now: int) -> Account:
    """Add an account; AccountExistsError if the name is taken."""
    if _is_taken(db, name):
        raise AccountExistsError(name)
    row = {"name": name, "password_hash": password_hash, "time_zone": time_zone, "created": now}
    table(db, "accounts").insert({"number": next_number(db, "accounts"), **row})
    added = account(db, name)
    assert added is not None  # noqa: S101 - it was inserted in this very transaction
    return added


def account(db: Database, name: str) -> Account | None:
    """Return the account of that name, in whatever case."""
    found = table(db, "accounts").rows_where("name = ? COLLATE NOCASE AND NOT closing", [name])
    return next((_account(row) for row in found), None)


def account_number(db: Database, number: int) -> Account:
    """Return the account of that number; GoneError if there is none."""
    for row in table(db, "accounts").rows_where("number = ?", [number]):
        return _account(row)
    raise GoneError(f"no account {number}")


def replace_password(db: Database, number: int, password_hash: str) -> None:
    """Store a new hash of an account's password."""
    check_account(db, number)
    table(db, "accounts").update(number, {"password_hash": password_hash})


def open_session(db: Database, session_hash: bytes, number: int, now: int, expires: int) -> None:
    """Store the hash of a new session, and forget those that have expired."""
    check_account(db, number)
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


def _is_taken(db: Database, name: str) -> bool:
    return table(db, "accounts").count_where("name = ? COLLATE NOCASE", [name]) > 0


def accounts(db: Database) -> list[tuple[Account, int, int]]:
    """Return all accounts by name, each with when it was made (unix seconds) and how many devices it has."""
    rows = db.query(
        "SELECT accounts.*, (SELECT COUNT(*) FROM devices WHERE devices.account = accounts.number) AS devices"
        " FROM accounts WHERE NOT closing ORDER BY name COLLATE NOCASE"
    )
    return [(_account(row), row["created"], row["devices"]) for row in rows]


def rename_account(db: Database, number: int, name: str) -> None:
    """Give an account another name; AccountExistsError if it is taken by another."""
    check_account(db, number)
    if any(row["number"] != number for row in table(db, "accounts").rows_where("name = ? COLLATE NOCASE", [name])):
        raise AccountExistsError(name)
    table(db, "accounts").update(number, {"name": name})


def describe_account(db: Database, number: int, time_zone: str, persons: float | None, area: float | None) -> None:
    """Store an account's time zone, and how many people and square metres its home has."""
    check_account(db, number)
    table(db, "accounts").update(number, {"time_zone": time_zone, "persons": persons, "area": area})


def close_sessions(db: Database, number: int) -> None:
    """Log an account out everywhere."""
    table(db, "sessions").delete_where("account = ?", [number])
