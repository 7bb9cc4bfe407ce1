"""The tables of the SQLite store, as migrations: append new ones, never change one that was released."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import cast

import msgspec
from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

from . import upload_row

migrations = Migrations("flukso-cloud")


def is_newer(conn: sqlite3.Connection) -> bool:
    """Tell whether a database has tables that are not known here: a later version made it."""
    known = {migration.name for migration in migrations.pending(Database(memory=True))}
    return any(migration.name not in known for migration in migrations.applied(Database(conn)))


def table(db: Database, name: str) -> Table:
    """Return a table (sqlite-utils types indexing as table or view)."""
    return cast("Table", db[name])


@migrations()
def devices_and_sensors(db: Database) -> None:
    """Devices with their encrypted key, and their sensors."""
    table(db, "accounts").create(
        {"number": int, "name": str, "password_hash": str, "time_zone": str, "created": int},
        pk="number",
        not_null={"name", "password_hash", "time_zone", "created"},
    )
    db.execute("CREATE UNIQUE INDEX accounts_name ON accounts(name COLLATE NOCASE)")
    table(db, "devices").create(
        {
            "number": int,
            "id": str,
            "sealed_key": bytes,
            "claim": bytes,
            "account": int,
            "created": int,
            "last_seen": int,
            "resets": int,
            "version": int,
            "uptime": int,
            "ip": str,
            "port": str,
        },
        pk="number",
        not_null={"id", "sealed_key", "claim", "created", "last_seen", "resets"},
        foreign_keys=[("account", "accounts", "number")],
    )
    table(db, "devices").create_index(["id"], unique=True)
    table(db, "devices").create_index(["claim"])
    table(db, "devices").create_index(["account"])
    table(db, "sensors").create(
        {
            "number": int,
            "id": str,
            "device": int,
            "type": str,
            "class": str,
            "function": str,
            "voltage": float,
            "current": float,
            "phase": int,
            "constant": float,
            "enabled": int,
            "created": int,
        },
        pk="number",
        not_null={"id", "device", "type", "class", "function", "enabled", "created"},
        foreign_keys=[("device", "devices", "number")],
    )
    table(db, "sensors").create_index(["id"], unique=True)
    table(db, "sensors").create_index(["device"])


@migrations()
def samples_and_breaks(db: Database) -> None:
    """Measurements, and the places where a counter wrapped, was reset or jumped.

    In SQL, because sqlite-utils cannot make WITHOUT ROWID tables.
    """
    db.execute(
        "CREATE TABLE samples (sensor INTEGER NOT NULL, time INTEGER NOT NULL, counter INTEGER NOT NULL,"
        " PRIMARY KEY (sensor, time)) WITHOUT ROWID"
    )
    db.execute(
        'CREATE TABLE breaks (sensor INTEGER NOT NULL, "end" INTEGER NOT NULL, start INTEGER NOT NULL,'
        " start_counter INTEGER NOT NULL, end_counter INTEGER NOT NULL,"
        ' PRIMARY KEY (sensor, "end")) WITHOUT ROWID'
    )


@migrations()
def sessions_and_tokens(db: Database) -> None:
    """Who is logged in, and tokens: only SHA-256 hashes."""
    table(db, "sessions").create(
        {"hash": bytes, "account": int, "created": int, "expires": int},
        pk="hash",
        not_null={"account", "created", "expires"},
        foreign_keys=[("account", "accounts", "number")],
    )
    table(db, "sessions").create_index(["expires"])
    table(db, "tokens").create(
        {"hash": bytes, "account": int, "sensor": int, "created": int},
        pk="hash",
        not_null={"account", "created"},
        foreign_keys=[("account", "accounts", "number"), ("sensor", "sensors", "number")],
    )
    table(db, "tokens").create_index(["account", "sensor"])


@migrations()
def shares_and_subscriptions(db: Database) -> None:
    """Who may hear whose sensor, at which resolution; who does; tokens with which a device hears its owner's peers."""
    table(db, "shares").create(
        {"number": int, "sensor": int, "account": int, "resolution": int, "created": int},
        pk="number",
        not_null={"sensor", "resolution", "created"},
        foreign_keys=[("sensor", "sensors", "number"), ("account", "accounts", "number")],
    )
    table(db, "shares").create_index(["sensor", "account"])
    table(db, "subscriptions").create(
        {"account": int, "sensor": int, "created": int},
        pk=("account", "sensor"),
        not_null={"created"},
        foreign_keys=[("account", "accounts", "number"), ("sensor", "sensors", "number")],
    )
    table(db, "subscriptions").create_index(["sensor"])
    table(db, "tokens").add_column("device", int, fk="devices", fk_col="number")


@migrations()
def heartbeats_wirings_and_blocks(db: Database) -> None:
    """What API v1 lists of a device, how its sensors are connected, and tmpo blocks."""
    table(db, "devices").add_column("heartbeat", int)
    table(db, "devices").add_column("upgrade", int, not_null_default=0)
    table(db, "wirings").create(
        {"sensor": int, "time": int, "port": int, "subtype": str, "kid": int, "data_type": str},
        pk="sensor",
        not_null={"time"},
        foreign_keys=[("sensor", "sensors", "number")],
    )
    table(db, "blocks").create(
        {"sensor": int, "rid": int, "lvl": int, "bid": int, "data": bytes},
        pk=("sensor", "rid", "lvl", "bid"),
        not_null={"data"},
        foreign_keys=[("sensor", "sensors", "number")],
    )


@migrations()
def chunks_and_hours(db: Database) -> None:
    """Samples of whole days in chunks, their hours in sheets of 32 days; chunks that cannot be read.

    Tables with rowids: blobs in tables without take half as much space again.
    """
    db.execute(
        "CREATE TABLE chunks (sensor INTEGER NOT NULL, day INTEGER NOT NULL, count INTEGER NOT NULL,"
        " first_time INTEGER NOT NULL, first_counter INTEGER NOT NULL,"
        " last_time INTEGER NOT NULL, last_counter INTEGER NOT NULL, data BLOB NOT NULL)"
    )
    db.execute("CREATE UNIQUE INDEX chunks_of_sensors ON chunks(sensor, day)")
    db.execute("CREATE TABLE hours (sensor INTEGER NOT NULL, sheet INTEGER NOT NULL, data BLOB NOT NULL)")
    db.execute("CREATE UNIQUE INDEX hours_of_sensors ON hours(sensor, sheet)")
    db.execute("CREATE TABLE damaged_chunks (sensor INTEGER NOT NULL, day INTEGER NOT NULL, data BLOB NOT NULL)")


@migrations()
def scoped_tokens_groups_and_requests(db: Database) -> None:
    """Tokens with a scope; groups, and shares with them; requests, blocks; homes to compare; forgetting."""
    for column, kind in (("id", str), ("name", str), ("expires", int), ("used", int)):
        table(db, "tokens").add_column(column, kind)
    for column in ("writes", "resolution", "narrow"):
        table(db, "tokens").add_column(column, int, not_null_default=0)
    table(db, "tokens").create_index(["id"], unique=True)
    table(db, "token_sensors").create(
        {"token": bytes, "sensor": int},
        pk=("token", "sensor"),
        foreign_keys=[("token", "tokens", "hash"), ("sensor", "sensors", "number")],
    )
    table(db, "groups").create(
        {"number": int, "id": str, "name": str, "founder": int, "created": int},
        pk="number",
        not_null={"id", "name", "founder", "created"},
        foreign_keys=[("founder", "accounts", "number")],
    )
    table(db, "groups").create_index(["id"], unique=True)
    table(db, "memberships").create(
        {"group_number": int, "account": int, "accepted": int, "created": int},
        pk=("group_number", "account"),
        not_null={"accepted", "created"},
        foreign_keys=[("group_number", "groups", "number"), ("account", "accounts", "number")],
    )
    table(db, "memberships").create_index(["account"])
    table(db, "shares").add_column("group_number", int, fk="groups", fk_col="number")
    table(db, "shares").add_column("since", int, not_null_default=0)
    table(db, "shares").create_index(["account"])
    table(db, "shares").create_index(["group_number"])
    db.execute("UPDATE shares SET since = created")
    table(db, "requests").create(
        {"number": int, "id": str, "asker": int, "owner": int, "message": str, "created": int},
        pk="number",
        not_null={"id", "asker", "owner", "message", "created"},
        foreign_keys=[("asker", "accounts", "number"), ("owner", "accounts", "number")],
    )
    table(db, "requests").create_index(["id"], unique=True)
    table(db, "requests").create_index(["asker", "owner"], unique=True)
    table(db, "requests").create_index(["owner"])
    table(db, "blocked").create(
        {"account": int, "other": int},
        pk=("account", "other"),
        foreign_keys=[("account", "accounts", "number"), ("other", "accounts", "number")],
    )
    for column in ("persons", "area"):
        table(db, "accounts").add_column(column, float)
    table(db, "benchmarks").create(
        {
            "group_number": int,
            "type": str,
            "per": str,
            "start": int,
            "end": int,
            "homes": int,
            "percentiles": str,
        },
        pk=("group_number", "type", "per", "start", "end"),
        not_null={"homes", "percentiles"},
        foreign_keys=[("group_number", "groups", "number")],
    )
    table(db, "accounts").add_column("closing", int, not_null_default=0)
    table(db, "devices").add_column("released", int)
    # What nobody has claimed until now expires from now on, and not at the first start of this version.
    db.execute("UPDATE devices SET released = CAST(strftime('%s', 'now') AS INTEGER) WHERE account IS NULL")
    table(db, "devices").add_column("leaving", str)
    table(db, "retired").create({"kind": str, "number": int}, pk="kind", not_null={"number"})


@migrations()
def uploads(db: Database) -> None:
    """The journal of uploads that are not sorted in among the samples yet."""
    db.execute(
        "CREATE TABLE uploads (number INTEGER PRIMARY KEY, sensor INTEGER NOT NULL, arrived INTEGER NOT NULL,"
        " samples BLOB NOT NULL)"
    )


@migrations()
def tariffs_and_prices(db: Database) -> None:
    """What an account pays: a rate as JSON from a day on, and series of prices."""
    table(db, "tariffs").create(
        {"account": int, "type": str, "currency": str, "valid_from": str, "rate": str},
        pk=("account", "type", "currency", "valid_from"),
        not_null={"rate"},
        foreign_keys=[("account", "accounts", "number")],
    )
    db.execute(
        "CREATE TABLE prices (account INTEGER NOT NULL REFERENCES accounts(number), type TEXT NOT NULL,"
        " currency TEXT NOT NULL, time INTEGER NOT NULL, price FLOAT NOT NULL,"
        " PRIMARY KEY (account, type, currency, time)) WITHOUT ROWID"
    )


@migrations()
def sorted_uploads(db: Database) -> None:
    """Up to which number the uploads of a sensor are sorted in; for that a number must never be given again.

    And uploads as rows with a checksum, which were MessagePack before.
    """
    db.execute("ALTER TABLE uploads RENAME TO old_uploads")
    db.execute(
        "CREATE TABLE uploads (number INTEGER PRIMARY KEY AUTOINCREMENT, sensor INTEGER NOT NULL,"
        " arrived INTEGER NOT NULL, samples BLOB NOT NULL)"
    )
    for number, sensor, arrived, packed in db.execute("SELECT number, sensor, arrived, samples FROM old_uploads"):
        with suppress(msgspec.DecodeError):
            row = upload_row.pack(msgspec.msgpack.decode(packed, type=list[tuple[int, int]]))
            db.execute("INSERT INTO uploads VALUES (?, ?, ?, ?)", (number, sensor, arrived, row))
    db.execute("DROP TABLE old_uploads")
    db.execute("CREATE TABLE sorted_uploads (sensor INTEGER PRIMARY KEY, number INTEGER NOT NULL)")
    db.execute(
        "CREATE VIEW waiting_uploads AS SELECT number, sensor, arrived, samples FROM uploads WHERE"
        " number > ifnull((SELECT number FROM sorted_uploads WHERE sensor = uploads.sensor), 0)"
    )
    db.execute(
        "CREATE TABLE damaged_uploads (number INTEGER PRIMARY KEY, sensor INTEGER NOT NULL, arrived INTEGER NOT NULL,"
        " samples BLOB NOT NULL, told INTEGER NOT NULL DEFAULT 0)"
    )


@migrations()
def retentions(db: Database) -> None:
    """For how many days a sensor's samples and hours are kept (0: for ever), and before which day samples are gone."""
    table(db, "retentions").create(
        {"sensor": int, "samples_days": int, "hours_days": int, "retired": int},
        pk="sensor",
        not_null={"samples_days", "hours_days", "retired"},
        foreign_keys=[("sensor", "sensors", "number")],
    )


@migrations()
def reclassified(db: Database) -> None:
    """Sensors that are of another class than they were, and from which time on that is still to be done."""
    table(db, "reclassified").create(
        {"sensor": int, "time": int},
        pk="sensor",
        not_null={"time"},
        foreign_keys=[("sensor", "sensors", "number")],
    )


@migrations()
def revocations(db: Database) -> None:
    """What a command takes back, for the server to hear of. Numbers are never given again."""
    db.execute(
        "CREATE TABLE revocations (number INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER, stream TEXT,"
        " time INTEGER NOT NULL)"
    )
