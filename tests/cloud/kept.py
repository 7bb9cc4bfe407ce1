"""What a cloud's database has kept, whichever way it keeps it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from flukso_cloud.meter import Sample
from flukso_cloud.store import journal, samples


def measurements(database: Path, sensor: str, most: int = 1_000_000) -> list[Sample]:
    """The measurements of a sensor, in order of time."""
    with sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True) as conn:
        row = conn.execute("SELECT number FROM sensors WHERE id = ?", (sensor,)).fetchone()
        if row is None:
            return []
        kept = dict(samples.between(conn, row[0], 0, 1 << 33, most)) | dict(journal.unsorted(conn, row[0]))
        return [Sample(*pair) for pair in sorted(kept.items())][:most]


def count(database: Path) -> int:
    """How many measurements there are of all sensors."""
    with sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True) as conn:
        ids = [row[0] for row in conn.execute("SELECT id FROM sensors")]
    return sum(len(measurements(database, sensor)) for sensor in ids)
