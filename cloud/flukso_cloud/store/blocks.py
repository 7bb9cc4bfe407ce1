"""tmpo blocks in SQLite: none is ever overwritten, and none is kept beside one that spans it."""

from __future__ import annotations

from sqlite_utils import Database

from flukso_cloud.tmpo import Place

from .presence import check_sensor

_COVERS = "sensor = ? AND rid = ? AND lvl >= ? AND bid <= ? AND bid + (1 << lvl) >= ?"
_CHILDREN = "DELETE FROM blocks WHERE sensor = ? AND rid = ? AND lvl < ? AND bid >= ? AND bid < ?"
_ADD = "INSERT INTO blocks (sensor, rid, lvl, bid, data) VALUES (?, ?, ?, ?, ?)"
_FROM = "SELECT rid, lvl, bid FROM blocks WHERE sensor = ? AND rid >= ? ORDER BY rid, lvl DESC, bid"
_LAST = "SELECT rid, lvl, bid FROM blocks WHERE sensor = ? ORDER BY rid DESC, bid + (1 << lvl) DESC LIMIT 1"
_FORGET = "DELETE FROM blocks WHERE sensor = ? AND bid < ? AND bid + (1 << lvl) > ?"
_DATA = "SELECT data FROM blocks WHERE sensor = ? AND rid = ? AND lvl = ? AND bid = ?"


def is_covered(db: Database, sensor: int, place: Place) -> bool:
    """Tell whether this very block is there, or one that spans it."""
    row = db.execute(
        f"SELECT EXISTS (SELECT 1 FROM blocks WHERE {_COVERS})",  # noqa: S608 - a constant
        [sensor, place.rid, place.lvl, place.bid, place.end],
    ).fetchone()
    return bool(row[0])


def keep(db: Database, sensor: int, place: Place, data: bytes) -> bool:
    """Keep a block and delete those within its span; False, and nothing is changed, if what it spans is there."""
    check_sensor(db, sensor)
    if is_covered(db, sensor, place):
        return False
    db.execute(_CHILDREN, [sensor, place.rid, place.lvl, place.bid, place.end])
    db.execute(_ADD, [sensor, *place, data])
    return True


def places(db: Database, sensor: int, rid: int) -> list[Place]:
    """Return the places of a sensor's blocks from a recycle id on: by rid, the largest first, in order of time."""
    return [Place(*row) for row in db.execute(_FROM, [sensor, rid])]


def last(db: Database, sensor: int) -> Place | None:
    """Return the place of the block that reaches furthest."""
    row = db.execute(_LAST, [sensor]).fetchone()
    return None if row is None else Place(*row)


def forget(db: Database, sensor: int, start: int, end: int) -> None:
    """Delete the blocks that reach into [start, end): what is in one cannot be deleted in part."""
    if start < end:
        db.execute(_FORGET, [sensor, end, start])


def data(db: Database, sensor: int, place: Place) -> bytes | None:
    """Return a block's bytes as they came."""
    row = db.execute(_DATA, [sensor, *place]).fetchone()
    return None if row is None else bytes(row[0])
