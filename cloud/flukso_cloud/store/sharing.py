"""Shares and subscriptions in SQLite."""

from __future__ import annotations

from collections.abc import Mapping

from sqlite_utils import Database

from .model import Share, Subscription
from .registry import sensor_of
from .schema import table

# A share with everyone has no account. The finest one counts; nobody subscribes to what is his own.
_SUBSCRIPTIONS = """
SELECT sensors.*, owners.name AS owner, MIN(shares.resolution) AS resolution
FROM subscriptions
JOIN sensors ON sensors.number = subscriptions.sensor
JOIN devices ON devices.number = sensors.device AND devices.account != subscriptions.account
JOIN accounts AS owners ON owners.number = devices.account
JOIN shares ON shares.sensor = sensors.number AND (shares.account IS NULL OR shares.account = subscriptions.account)
WHERE subscriptions.account = ?
GROUP BY sensors.number ORDER BY sensors.number
"""
_SHARED_WITH = """
SELECT MIN(shares.resolution) FROM shares
JOIN sensors ON sensors.number = shares.sensor
JOIN devices ON devices.number = sensors.device AND devices.account != :account
WHERE shares.sensor = :sensor AND (shares.account IS NULL OR shares.account = :account)
"""


def replace_shares(db: Database, sensor: int, shares_: Mapping[int | None, int], now: int) -> None:
    """Let these accounts (None: everyone) hear a sensor, each at its resolution, and nobody else."""
    table(db, "shares").delete_where("sensor = ?", [sensor])
    table(db, "shares").insert_all(
        {"sensor": sensor, "account": account, "resolution": resolution, "created": now}
        for account, resolution in shares_.items()
    )


def shares(db: Database, sensor: int) -> list[Share]:
    """Return whom a sensor is shared with: everyone first, then people by name."""
    rows = db.query(
        "SELECT accounts.name, shares.resolution FROM shares LEFT JOIN accounts ON accounts.number = shares.account"
        " WHERE shares.sensor = ? ORDER BY accounts.name COLLATE NOCASE",
        [sensor],
    )
    return [Share(row["name"], row["resolution"]) for row in rows]


def subscribe(db: Database, account: int, sensor: int, now: int) -> bool:
    """Subscribe an account to a sensor that is shared with it; False if it is not."""
    if db.execute(_SHARED_WITH, {"account": account, "sensor": sensor}).fetchone()[0] is None:
        return False
    table(db, "subscriptions").insert({"account": account, "sensor": sensor, "created": now}, ignore=True)
    return True


def unsubscribe(db: Database, account: int, sensor: int) -> None:
    """End a subscription."""
    table(db, "subscriptions").delete_where("account = ? AND sensor = ?", [account, sensor])


def subscriptions(db: Database, account: int) -> list[Subscription]:
    """Return what an account is subscribed to and may hear."""
    found: list[Subscription] = []
    for row in db.query(_SUBSCRIPTIONS, [account]):
        owner, resolution = row.pop("owner"), row.pop("resolution")
        found.append(Subscription(sensor_of(row), owner, resolution))
    return found


def subscribers(db: Database, sensor: int) -> list[int]:
    """Return the accounts that are subscribed to a sensor."""
    return [row["account"] for row in table(db, "subscriptions").rows_where("sensor = ?", [sensor])]
