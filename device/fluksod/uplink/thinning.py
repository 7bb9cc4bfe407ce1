"""Thins old measurements as the original daemon does before an upload. Pure.

Within a bucket only the first and the last measurement survive: counters are absolute, so no energy is lost, only how
it was spread inside the bucket.
"""

from __future__ import annotations

from array import array

STAGES = ((60, 0), (900, 7200), (86400, 172800))
"""(bucket in s, least age in s), applied in this order: the original's filters."""


def thin(times: array[int], counters: array[int], bucket: int, before: int) -> tuple[array[int], array[int]]:
    """Drop each measurement older than `before` (unix seconds) whose two neighbours share its bucket.

    `times` (ascending unix seconds) and `counters` have the same length; so have the results.
    """
    last = len(times) - 1
    kept = [
        index
        for index, time in enumerate(times)
        if time >= before
        or index in (0, last)
        or not times[index - 1] // bucket == time // bucket == times[index + 1] // bucket
    ]
    return array("q", [times[index] for index in kept]), array("q", [counters[index] for index in kept])


def thin_to(times: array[int], counters: array[int], size: int, now: int) -> tuple[array[int], array[int]]:
    """Apply the stages one after the other until at most `size` measurements are left, or all stages are done."""
    for bucket, age in STAGES:
        if len(times) <= size:
            break
        times, counters = thin(times, counters, bucket, now - age)
    return times, counters
