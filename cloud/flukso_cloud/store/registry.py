"""Devices and sensors in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from sqlite_utils import Database

from . import reclassified
from .limits import MOST_SENSORS
from .model import Claim, Device, GoneError, Heartbeat, Sensor, SensorConfig, SensorPlan, Wiring
from .presence import check_account, check_device, check_sensor
from .schema import table

_TOLD = ("heartbeat", "resets", "version", "uptime", "ip", "port", "upgrade")
_IS_SENSOR = "SELECT 1 FROM sensors WHERE id = ?"
_WIRING = ("time", "port", "subtype", "kid", "data_type")


def device_of(row: dict[str, Any]) -> Device:
    """The device of a row of its table."""
    return Device(
        number=row["number"],
        id=row["id"],
        sealed_key=row["sealed_key"],
        account=row["account"],
        created=row["created"],
        last_seen=row["last_seen"],
        **{name: row[name] for name in _TOLD},
    )


def sensor_of(row: dict[str, Any]) -> Sensor:
    """The sensor of a row of its table."""
    return Sensor(**{("class_" if name == "class" else name): value for name, value in row.items()})


def next_number(db: Database, kind: str) -> int:
    """Return a number for a new row of a table that none has had before, also none that is gone.

    What is still on its way to something that is gone must not reach something new.
    """
    row = db.execute(
        f"SELECT MAX(COALESCE((SELECT MAX(number) FROM {kind}), 0),"  # noqa: S608 - a table of ours
        " COALESCE((SELECT number FROM retired WHERE kind = ?), 0)) + 1",
        [kind],
    ).fetchone()
    return int(row[0])


def retire(db: Database, kind: str, number: int) -> None:
    """Note that a number is gone for good."""
    db.execute(
        "INSERT INTO retired (kind, number) VALUES (?, ?)"
        " ON CONFLICT (kind) DO UPDATE SET number = MAX(number, excluded.number)",
        [kind, number],
    )


def device(db: Database, device_id: str) -> Device | None:
    """Return the device of that id."""
    return next((device_of(row) for row in table(db, "devices").rows_where("id = ?", [device_id])), None)


def device_number(db: Database, number: int) -> Device:
    """Return the device of that number; GoneError if there is none."""
    for row in table(db, "devices").rows_where("number = ?", [number]):
        return device_of(row)
    raise GoneError(f"no device {number}")


def register(db: Database, device_id: str, sealed_key: bytes, claim_hash: bytes, now: int) -> Device:
    """Add a device, or return the one that has this id already."""
    known = device(db, device_id)
    if known is not None:
        return known
    table(db, "devices").insert(
        {
            "number": next_number(db, "devices"),
            "id": device_id,
            "sealed_key": sealed_key,
            "claim": claim_hash,
            "created": now,
            "last_seen": now,
            "resets": 0,
        }
    )
    added = device(db, device_id)
    assert added is not None  # noqa: S101 - it was inserted in this very transaction
    return added


def newest_sign_of_life(db: Database) -> int:
    """Return when a device was last heard of; 0 if there is none."""
    return int(db.execute("SELECT COALESCE(MAX(last_seen), 0) FROM devices").fetchone()[0])


def heartbeat(db: Database, number: int, beat: Heartbeat, plans: Sequence[SensorPlan]) -> list[str]:
    """Note a sign of life, add and update sensors; return the ids that belong to another device or are too many."""
    check_device(db, number)
    resets = device_resets(db, number) + beat.reset
    table(db, "devices").update(
        number,
        {
            "last_seen": beat.time,
            "heartbeat": beat.time,
            "resets": resets,
            "version": beat.version,
            "uptime": beat.uptime,
            "ip": beat.ip,
            "port": beat.port,
        },
    )
    refused: list[str] = []
    own = {row["id"]: row for row in table(db, "sensors").rows_where("device = ?", [number])}
    numbers = count(next_number(db, "sensors"))
    added: dict[str, dict[str, Any]] = {}
    for plan in plans:
        wanted = {"type": plan.type, "class": plan.class_, "function": plan.function}
        mine = own.get(plan.id)
        if mine is not None:
            if plan.id in added:
                added[plan.id].update(wanted)
            elif any(mine[name] != value for name, value in wanted.items()):
                table(db, "sensors").update(mine["number"], wanted)
                reclassified.note(db.conn, mine["number"], mine["class"], plan.class_)
                own[plan.id] = {**mine, **wanted}
        elif db.conn.execute(_IS_SENSOR, (plan.id,)).fetchone() or len(own) >= MOST_SENSORS:
            refused.append(plan.id)
        else:
            row = {"number": next(numbers), "id": plan.id, "device": number, "enabled": 1, "created": beat.time}
            own[plan.id] = added[plan.id] = row | wanted
    table(db, "sensors").insert_all(added.values())  # at once, as one by one takes six times as long
    return refused


def order_upgrade(db: Database, number: int, version: int) -> None:
    """Let the next heartbeat of a device be answered with this version."""
    check_device(db, number)
    table(db, "devices").update(number, {"upgrade": version})


def take_upgrade(db: Database, number: int) -> int:
    """Return the version that a device is to be told, 0 if none, and forget it: the order is given once."""
    version = device_number(db, number).upgrade
    order_upgrade(db, number, 0)
    return version


def device_resets(db: Database, number: int) -> int:
    """Return how often a device has restarted."""
    return int(db.execute("SELECT resets FROM devices WHERE number = ?", [number]).fetchone()[0])


def sensor(db: Database, sensor_id: str) -> Sensor | None:
    """Return the sensor of that id."""
    return next((sensor_of(row) for row in table(db, "sensors").rows_where("id = ?", [sensor_id])), None)


def configure(db: Database, number: int, config: SensorConfig) -> None:
    """Replace a sensor's parameters; type, class and function stay where the device leaves them out.

    SensorGoneError if there is no such sensor any more.
    """
    check_sensor(db, number)
    if config.class_ is not None:
        [before] = db.conn.execute("SELECT class FROM sensors WHERE number = ?", (number,)).fetchone()
        reclassified.note(db.conn, number, before, config.class_)
    said = {"type": config.type, "class": config.class_, "function": config.function}
    table(db, "sensors").update(
        number,
        {
            "voltage": config.voltage,
            "current": config.current,
            "phase": config.phase,
            "constant": config.constant,
            "enabled": config.enabled,
            **{name: value for name, value in said.items() if value is not None},
        },
    )
    wired: dict[str, Any] = {name: getattr(config, name) for name in _WIRING}
    table(db, "wirings").upsert({"sensor": number, **wired}, pk="sensor")


def wirings(db: Database, numbers: Sequence[int]) -> dict[int, Wiring]:
    """Return the wiring of each sensor that was ever configured."""
    wanted = ",".join("?" * len(numbers))
    rows = table(db, "wirings").rows_where(f"sensor IN ({wanted})", list(numbers))
    return {row["sensor"]: Wiring(*(row[name] for name in _WIRING)) for row in rows}


def sensors_of(db: Database, device_id: str) -> list[Sensor]:
    """Return the sensors of the device of that id, oldest first."""
    mine = "device = (SELECT number FROM devices WHERE id = ?)"
    return [sensor_of(row) for row in table(db, "sensors").rows_where(mine, [device_id], order_by="number")]


def census(db: Database) -> tuple[int, ...]:
    """Return how many devices and sensors there are, and the highest numbers of both."""
    row = db.execute(
        "SELECT (SELECT COUNT(*) FROM devices), (SELECT MAX(number) FROM devices),"
        " (SELECT COUNT(*) FROM sensors), (SELECT MAX(number) FROM sensors)"
    ).fetchone()
    return tuple(number or 0 for number in row)


def streams(db: Database, account: int) -> list[tuple[Device, list[Sensor]]]:
    """Return an account's devices with their sensors, oldest first."""
    return [
        (
            device_of(row),
            [
                sensor_of(one)
                for one in table(db, "sensors").rows_where("device = ?", [row["number"]], order_by="number")
            ],
        )
        for row in table(db, "devices").rows_where("account = ?", [account], order_by="number")
    ]


def devices(db: Database) -> list[tuple[Device, list[str]]]:
    """Return all devices with the ids of their sensors, oldest first."""
    sensors: dict[int, list[str]] = {}
    for number, sensor_id in db.execute("SELECT device, id FROM sensors ORDER BY number"):
        sensors.setdefault(number, []).append(sensor_id)
    rows = table(db, "devices").rows_where(order_by="number")
    return [(device_of(row), sensors.get(row["number"], [])) for row in rows]


def claim(db: Database, claim_hash: bytes, account: int) -> Claim:
    """Give the unclaimed device whose code has this hash to an account."""
    check_account(db, account)
    found = list(table(db, "devices").rows_where("claim = ? AND leaving IS NULL", [claim_hash]))
    free = [row for row in found if row["account"] is None]
    if len(free) == 1:
        table(db, "devices").update(free[0]["number"], {"account": account})
        return Claim("ok", free[0]["id"])
    # two free devices with one code (a chance in 2^40) must not go to whoever comes first
    return Claim("taken" if found and not free else "unknown")
