"""Thins old measurements as the original daemon does before an upload. Pure.

Within a bucket only the first and the last measurement survive: counters are absolute, so no energy is lost, only how
it was spread inside the bucket.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluksod.store.record import Position

STAGES = ((60, 0), (900, 7200), (86400, 172800))
"""(bucket in s, least age in s), applied in this order: the original's filters."""


def thinned(rows: Sequence[Position], now: int) -> list[Position]:
    """Apply all stages to measurements with ascending times; `now` in unix seconds."""
    kept = list(rows)
    for bucket, age in STAGES:
        kept = thin(kept, bucket, now - age)
    return kept


def thin(rows: Sequence[Position], bucket: int, before: int) -> list[Position]:
    """Drop each measurement older than `before` (unix seconds) whose two neighbours share its bucket."""
    last = len(rows) - 1
    return [
        row
        for index, row in enumerate(rows)
        if row.time >= before
        or index in (0, last)
        or not rows[index - 1].time // bucket == row.time // bucket == rows[index + 1].time // bucket
    ]
