"""Devices that leave, and accounts that close, in SQLite: what belongs to them goes too.

It goes in steps of a transaction each, so that nothing waits for years of readings: first nobody sees them any more,
then they go, then the rest. What was cut off is found by `leaving` and `closing`.
"""

from __future__ import annotations

from typing import Any

from sqlite_utils import Database

from .groups import leave_all_groups
from .model import FORGET, RELEASE, Device, GoneError, Sensor
from .presence import check_device
from .registry import device_of, retire, sensor_of
from .schema import table
from .tariffs import forget_tariffs

_OF_SENSORS = (
    "SELECT tables.name FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns"
    " WHERE tables.type = 'table' AND columns.name = 'sensor'"
)
_SHOWN = ("token_sensors", "tokens", "shares", "subscriptions")


def mark_leaving(db: Database, device: int, how: str, now: int) -> None:
    """Take a device from its owner: from now on nobody sees it or can claim it."""
    check_device(db, device)
    table(db, "devices").update(device, {"account": None, "leaving": how, "released": now})
    table(db, "tokens").delete_where("device = ?", [device])
    for sensor in _sensors(db, device):
        for name in _SHOWN:
            table(db, name).delete_where("sensor = ?", [sensor.number])


def mark_expired(db: Database, before: int, now: int) -> None:
    """Let devices leave for good that nobody has claimed, and that registered or were released before `before`."""
    unclaimed = "account IS NULL AND leaving IS NULL AND COALESCE(released, created) < ?"
    for row in list(table(db, "devices").rows_where(unclaimed, [before])):
        mark_leaving(db, row["number"], FORGET, now)


def leaving(db: Database) -> list[tuple[Device, list[Sensor]]]:
    """Return the devices that are about to leave, with their sensors."""
    return [
        (device_of(row), _sensors(db, row["number"])) for row in table(db, "devices").rows_where("leaving IS NOT NULL")
    ]


def forget_readings(db: Database, sensor: int) -> None:
    """Delete all that is kept of a sensor but the sensor itself: from each table that has a column `sensor`."""
    for (name,) in db.execute(_OF_SENSORS).fetchall():
        table(db, name).delete_where("sensor = ?", [sensor])


def finish_leaving(db: Database, device: int) -> None:
    """Let a released device be claimed again, or delete a device and its sensors. Numbers are never given again."""
    rows = list(table(db, "devices").rows_where("number = ? AND leaving IS NOT NULL", [device]))
    for row in rows:
        for sensor in _sensors(db, device):
            forget_readings(db, sensor.number)
        if row["leaving"] == FORGET:
            for sensor in _sensors(db, device):
                retire(db, "sensors", sensor.number)
            table(db, "sensors").delete_where("device = ?", [device])
            retire(db, "devices", device)
            table(db, "devices").delete(device)
        else:
            table(db, "devices").update(device, {"leaving": None})


def close_account(db: Database, account: int, now: int) -> None:
    """Shut an account: nobody gets in any more, nothing of it is shared, its devices are about to leave."""
    if not table(db, "accounts").count_where("number = ?", [account]):
        raise GoneError(f"no account {account}")
    table(db, "accounts").update(account, {"closing": 1})
    for row in list(table(db, "devices").rows_where("account = ?", [account])):
        mark_leaving(db, row["number"], RELEASE, now)
    db.execute("DELETE FROM token_sensors WHERE token IN (SELECT hash FROM tokens WHERE account = ?)", [account])
    for name in ("sessions", "tokens", "shares", "subscriptions"):
        table(db, name).delete_where("account = ?", [account])
    table(db, "requests").delete_where("asker = :account OR owner = :account", {"account": account})
    table(db, "blocked").delete_where("account = :account OR other = :account", {"account": account})
    leave_all_groups(db, account)
    forget_tariffs(db, account)


def closing(db: Database) -> list[int]:
    """Return the accounts that are about to go."""
    return [row["number"] for row in table(db, "accounts").rows_where("closing")]


def finish_closing(db: Database, account: int) -> None:
    """Delete an account that is shut. Its number is never given again."""
    if account in closing(db):
        retire(db, "accounts", account)
        table(db, "accounts").delete_where("number = ?", [account])


def _sensors(db: Database, device: int) -> list[Sensor]:
    rows: list[dict[str, Any]] = list(table(db, "sensors").rows_where("device = ?", [device], order_by="number"))
    return [sensor_of(row) for row in rows]
