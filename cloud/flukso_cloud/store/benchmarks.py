"""The homes of a group that may be compared, and what was told of them, in SQLite."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlite_utils import Database

from flukso_cloud.access import Grant

from .model import Comparable, Compared
from .presence import check_group
from .registry import sensor_of
from .schema import table

_HOMES = """
SELECT sensors.*, devices.account AS account, accounts.persons, accounts.area, shares.resolution, shares.since
FROM shares JOIN sensors ON sensors.number = shares.sensor AND sensors.type = :type
JOIN devices ON devices.number = sensors.device
JOIN accounts ON accounts.number = devices.account
JOIN memberships ON memberships.group_number = shares.group_number AND memberships.account = devices.account
WHERE shares.group_number = :group AND memberships.accepted ORDER BY sensors.number
"""
_KEY = 'group_number = ? AND type = ? AND per = ? AND start = ? AND "end" = ?'


def comparable(db: Database, group: int, kind: str) -> list[Comparable]:
    """Return the sensors of a type that members of a group share with it."""
    found: list[Comparable] = []
    for row in db.query(_HOMES, {"group": group, "type": kind}):
        account, persons, area = row.pop("account"), row.pop("persons"), row.pop("area")
        grant = Grant(row.pop("resolution"), row.pop("since"))
        found.append(Comparable(account, sensor_of(row), persons, area, grant))
    return found


def compared(db: Database, group: int, kind: str, per: str, start: int, end: int) -> Compared | None:
    """Return what was told of a period."""
    for row in table(db, "benchmarks").rows_where(_KEY, [group, kind, per, start, end]):
        return Compared(row["homes"], json.loads(row["percentiles"]))
    return None


def keep_compared(
    db: Database, group: int, kind: str, per: str, start: int, end: int, homes: int, percentiles: Sequence[float]
) -> Compared:
    """Keep what is told of a period, unless something was told already; return what was told first."""
    check_group(db, group)
    table(db, "benchmarks").insert(
        {
            "group_number": group,
            "type": kind,
            "per": per,
            "start": start,
            "end": end,
            "homes": homes,
            "percentiles": json.dumps(list(percentiles)),
        },
        ignore=True,
    )
    kept = compared(db, group, kind, per, start, end)
    assert kept is not None  # noqa: S101 - it was inserted in this very transaction, or before
    return kept
