"""Tokens in SQLite. They arrive hashed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from .limits import MOST_TOKENS
from .model import NamedToken, Token
from .presence import check_account, check_device, check_sensor
from .schema import table

_SENSORS = (
    "SELECT sensors.number, sensors.id FROM token_sensors JOIN sensors ON sensors.number = token_sensors.sensor"
    " WHERE token_sensors.token = ? ORDER BY sensors.number"
)

_MINE = (
    "SELECT sensors.id, sensors.number FROM sensors JOIN devices ON devices.number = sensors.device"
    " WHERE devices.account = ?"
)


def replace_token(
    db: Database, token_hash: bytes, number: int, sensor: int | None, now: int, device: int | None = None
) -> None:
    """Store the hash of a token in place of the one this account (or this sensor, or this device) had."""
    check_account(db, number)
    if sensor is not None:
        check_sensor(db, sensor)
    if device is not None:
        check_device(db, device, number)
    table(db, "tokens").delete_where(
        "account = ? AND sensor IS ? AND device IS ? AND id IS NULL", [number, sensor, device]
    )
    table(db, "tokens").insert(
        {"hash": token_hash, "account": number, "sensor": sensor, "device": device, "created": now}
    )


def token(db: Database, token_hash: bytes, now: int) -> Token | None:
    """Return what a token opens, None if it is unknown or has expired."""
    for row in table(db, "tokens").rows_where("hash = ? AND (expires IS NULL OR expires > ?)", [token_hash, now]):
        return Token(
            account=row["account"],
            sensors=_scope(db, row),
            device=row["device"],
            writes=bool(row["writes"]),
            resolution=row["resolution"],
            used=row["used"],
        )
    return None


def _scope(db: Database, row: Mapping[str, Any]) -> frozenset[int] | None:
    if row["sensor"] is not None:
        return frozenset({row["sensor"]})
    return frozenset(number for number, _ in db.execute(_SENSORS, [row["hash"]])) if row["narrow"] else None


def add_token(db: Database, token_hash: bytes, account: int, made: NamedToken) -> bool:
    """Store the hash of a token with a name; False if its sensors are not all the account's, or there are too many."""
    check_account(db, account)
    if table(db, "tokens").count_where("account = ? AND id IS NOT NULL", [account]) >= MOST_TOKENS:
        return False
    mine = dict(db.execute(_MINE, [account]).fetchall())
    wanted = dict.fromkeys(made.sensors or [])
    if any(sensor not in mine for sensor in wanted):
        return False
    table(db, "tokens").insert(
        {
            "hash": token_hash,
            "account": account,
            "id": made.id,
            "name": made.name,
            "narrow": int(made.sensors is not None),
            "writes": int(made.writes),
            "resolution": made.resolution,
            "expires": made.expires,
            "created": made.created,
        }
    )
    table(db, "token_sensors").insert_all({"token": token_hash, "sensor": mine[sensor]} for sensor in wanted)
    return True


def named_tokens(db: Database, account: int) -> list[NamedToken]:
    """Return the tokens with a name of an account, oldest first; those that have expired too."""
    return [
        NamedToken(
            id=row["id"],
            name=row["name"],
            sensors=[sensor_id for _, sensor_id in db.execute(_SENSORS, [row["hash"]])] if row["narrow"] else None,
            writes=bool(row["writes"]),
            resolution=row["resolution"],
            expires=row["expires"],
            created=row["created"],
            used=row["used"],
        )
        for row in table(db, "tokens").rows_where("account = ? AND id IS NOT NULL", [account], order_by="rowid")
    ]


def note_use(db: Database, token_hash: bytes, day: int) -> None:
    """Note the UTC day (since 1970) that a token was used."""
    db.execute("UPDATE tokens SET used = ? WHERE hash = ?", [day, token_hash])


def revoke(db: Database, account: int, token_id: str) -> bool:
    """Forget a token with a name; False if the account has none of that id."""
    mine = [row["hash"] for row in table(db, "tokens").rows_where("account = ? AND id = ?", [account, token_id])]
    for token_hash in mine:
        table(db, "token_sensors").delete_where("token = ?", [token_hash])
        table(db, "tokens").delete(token_hash)
    return bool(mine)
