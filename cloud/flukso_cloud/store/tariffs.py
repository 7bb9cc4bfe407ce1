"""Tariffs and series of prices in SQLite."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec
from sqlite_utils import Database

from flukso_cloud.tariffs import HELD, Currency, Kind, Rate, Tariff

from .limits import MOST_TARIFFS
from .presence import check_account
from .schema import table

_OF_SERIES = "FROM prices WHERE account = ? AND type = ? AND currency = ?"
_BEGUN = f"SELECT max(time) {_OF_SERIES} AND time > ? AND time <= ?"
_PRICES = f"SELECT time, price {_OF_SERIES} AND time >= ? AND time < ? ORDER BY time"


def tariffs(db: Database, account: int) -> list[Tariff]:
    """Return an account's tariffs, by kind, currency and day."""
    rows = table(db, "tariffs").rows_where(
        "account = ?", [account], order_by="type, currency, valid_from", select="type, currency, valid_from, rate"
    )
    return [
        Tariff(
            row["type"],
            row["currency"],
            date.fromisoformat(row["valid_from"]),
            msgspec.json.decode(row["rate"], type=Rate),
        )
        for row in rows
    ]


def put_tariff(db: Database, account: int, tariff: Tariff) -> bool:
    """Keep a tariff in place of the one from the same day; False if there are too many."""
    check_account(db, account)
    row = {
        "account": account,
        "type": tariff.type,
        "currency": tariff.currency,
        "valid_from": tariff.valid_from.isoformat(),
        "rate": msgspec.json.encode(tariff.rate).decode(),
    }
    drop_tariff(db, account, tariff.type, tariff.currency, tariff.valid_from)
    if table(db, "tariffs").count_where("account = ?", [account]) >= MOST_TARIFFS:
        return False
    table(db, "tariffs").insert(row)
    return True


def drop_tariff(db: Database, account: int, kind: Kind, currency: Currency, valid_from: date) -> bool:
    """Forget the tariff from a day; False if there is none."""
    cursor = db.execute(
        "DELETE FROM tariffs WHERE account = ? AND type = ? AND currency = ? AND valid_from = ?",
        [account, kind, currency, valid_from.isoformat()],
    )
    return bool(cursor.rowcount)


def prices(db: Database, account: int, kind: Kind, currency: Currency, start: int, end: int) -> list[tuple[int, float]]:
    """Return the prices that hold somewhere in [start, end): (unix seconds from which on, price), in order of time."""
    key = [account, kind, currency]
    last = db.execute(_BEGUN, [*key, start - HELD, start]).fetchone()[0]
    return db.execute(_PRICES, [*key, start if last is None else last, end]).fetchall()


def replace_prices(
    db: Database,
    account: int,
    kind: Kind,
    currency: Currency,
    span: tuple[int, int],
    series: Iterable[tuple[int, float]],
) -> None:
    """Keep a series of prices in place of those in [start, end)."""
    check_account(db, account)
    key = (account, kind, currency)
    db.execute(
        "DELETE FROM prices WHERE account = ? AND type = ? AND currency = ? AND time >= ? AND time < ?", [*key, *span]
    )
    db.conn.executemany(
        "INSERT INTO prices (account, type, currency, time, price) VALUES (?, ?, ?, ?, ?)",
        [(*key, time, price) for time, price in series],
    )


def forget_tariffs(db: Database, account: int) -> None:
    """Forget all tariffs and prices of an account."""
    for name in ("tariffs", "prices"):
        table(db, name).delete_where("account = ?", [account])
