"""Shares and subscriptions in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from flukso_cloud.access import Grant

from .limits import MOST_OFFERS
from .model import Ownership, Plan, Share, Subscription
from .presence import check_account, check_group, check_sensor
from .registry import sensor_of
from .schema import table

# A share with neither account nor group is with everyone. Nobody is granted what is his own, and nothing passes between
# two of whom one has blocked the other.
_GRANTED = """
JOIN devices ON devices.number = sensors.device AND devices.account != :account
JOIN accounts AS owners ON owners.number = devices.account
JOIN shares ON shares.sensor = sensors.number AND (
  shares.account = :account OR (shares.account IS NULL AND shares.group_number IS NULL)
  OR shares.group_number IN (SELECT group_number FROM memberships WHERE account = :account AND accepted))
WHERE NOT EXISTS (SELECT 1 FROM blocked WHERE (account = :account AND other = devices.account)
  OR (account = devices.account AND other = :account))
"""
_SUBSCRIPTIONS = f"""
SELECT sensors.*, owners.name AS owner, shares.resolution, shares.since
FROM subscriptions JOIN sensors ON sensors.number = subscriptions.sensor {_GRANTED}
AND subscriptions.account = :account ORDER BY sensors.number
"""  # noqa: S608 - constants
_OFFERS = f"""
SELECT sensors.*, owners.name AS owner, shares.resolution, shares.since FROM sensors {_GRANTED}
AND (:owner IS NULL OR owners.name = :owner COLLATE NOCASE)
AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE account = :account AND sensor = sensors.number)
ORDER BY sensors.number LIMIT {MOST_OFFERS}
"""  # noqa: S608 - constants
_GRANTS = f"SELECT shares.resolution, shares.since FROM sensors {_GRANTED} AND sensors.number = :sensor"  # noqa: S608
_OWNER = "SELECT account FROM devices WHERE number = (SELECT device FROM sensors WHERE number = ?)"


def replace_shares(db: Database, sensor: int, plans: Sequence[Plan], now: int) -> None:
    """Let these hear a sensor and nobody else.

    Who could already, without the past and no less finely, keeps what came since then.
    """
    check_sensor(db, sensor)
    for plan in plans:
        if plan.account is not None:
            check_account(db, plan.account)
        if plan.group is not None:
            check_group(db, plan.group)
    before = {
        (row["account"], row["group_number"]): Grant(row["resolution"], row["since"])
        for row in table(db, "shares").rows_where("sensor = ?", [sensor])
    }
    table(db, "shares").delete_where("sensor = ?", [sensor])
    table(db, "shares").insert_all(
        {
            "sensor": sensor,
            "account": plan.account,
            "group_number": plan.group,
            "resolution": plan.resolution,
            "since": 0 if plan.past else _since(before.get((plan.account, plan.group)), plan.resolution, now),
            "created": now,
        }
        for plan in plans
    )


def _since(before: Grant | None, resolution: int, now: int) -> int:
    """Return from when on a sensor is shared without the past: what was shared coarsely stays so."""
    return now if before is None or before.resolution > resolution else before.since or now


def shares(db: Database, sensor: int) -> list[Share]:
    """Return whom a sensor is shared with: everyone first, then people by name, then groups."""
    rows = db.query(
        "SELECT accounts.name, groups.id, shares.resolution, shares.since FROM shares"
        " LEFT JOIN accounts ON accounts.number = shares.account"
        " LEFT JOIN groups ON groups.number = shares.group_number"
        " WHERE shares.sensor = ?"
        " ORDER BY shares.group_number IS NOT NULL, accounts.name COLLATE NOCASE, groups.number",
        [sensor],
    )
    return [Share(row["name"], row["id"], row["resolution"], row["since"]) for row in rows]


def ownership(db: Database, account: int, sensor: int) -> Ownership:
    """Return whose a sensor is, and what of it is granted to an account that has subscribed."""
    row = db.execute(_OWNER, [sensor]).fetchone()
    subscribed = table(db, "subscriptions").count_where("account = ? AND sensor = ?", [account, sensor])
    granted = _grants(db, account, sensor) if subscribed else ()
    return Ownership(None if row is None else row[0], granted)


def _grants(db: Database, account: int, sensor: int) -> tuple[Grant, ...]:
    return tuple(Grant(*row) for row in db.execute(_GRANTS, {"account": account, "sensor": sensor}))


def subscribe(db: Database, account: int, sensor: int, now: int) -> bool:
    """Subscribe an account to a sensor that is shared with it; False if it is not."""
    check_account(db, account)
    if not _grants(db, account, sensor):
        return False
    table(db, "subscriptions").insert({"account": account, "sensor": sensor, "created": now}, ignore=True)
    return True


def unsubscribe(db: Database, account: int, sensor: int) -> bool:
    """End a subscription; False if there is none."""
    mine = "account = ? AND sensor = ?"
    found = table(db, "subscriptions").count_where(mine, [account, sensor]) > 0
    table(db, "subscriptions").delete_where(mine, [account, sensor])
    return found


def add_share(db: Database, sensor: int, plan: Plan, now: int) -> None:
    """Share a sensor with one more, or with him otherwise than before; with all others as before."""
    plans = [
        Plan(row["account"], row["group_number"], row["resolution"], not row["since"])
        for row in table(db, "shares").rows_where("sensor = ?", [sensor])
        if (row["account"], row["group_number"]) != (plan.account, plan.group)
    ]
    replace_shares(db, sensor, [*plans, plan], now)


def subscriptions(db: Database, account: int) -> list[Subscription]:
    """Return what an account is subscribed to and may hear."""
    return _joined(db, _SUBSCRIPTIONS, {"account": account})


def offers(db: Database, account: int, owner: str | None) -> list[Subscription]:
    """Return what is shared with an account that has not subscribed to it, by anybody or by the owner of that name."""
    return _joined(db, _OFFERS, {"account": account, "owner": owner})


def _joined(db: Database, query: str, parameters: dict[str, Any]) -> list[Subscription]:
    """Return a row for each grant as a subscription for each sensor."""
    found: dict[int, Subscription] = {}
    for row in db.query(query, parameters):
        owner, grant = row.pop("owner"), Grant(row.pop("resolution"), row.pop("since"))
        known = found.get(row["number"])
        grants = (grant,) if known is None else (*known.grants, grant)
        found[row["number"]] = Subscription(sensor_of(row), owner, grants)
    return list(found.values())


def subscribers(db: Database, sensors: Sequence[int]) -> set[int]:
    """Return the accounts that are subscribed to any of some sensors."""
    wanted = ",".join("?" * len(sensors))
    return {row["account"] for row in table(db, "subscriptions").rows_where(f"sensor IN ({wanted})", list(sensors))}
