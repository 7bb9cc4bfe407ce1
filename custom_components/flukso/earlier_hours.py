"""Turns what a meter had counted before it was recorded into hours for a recorder. Knows nothing of Home Assistant.

All values are in Wh or L, all times unix seconds. Hours in which the meter did not count have no row.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from .healing import HOUR, Row


def apart(counters: Mapping[int, float], known: Sequence[Row] = ()) -> list[Row]:
    """Return the hours of a statistic of their own, whose sum begins at zero with the first of them.

    `counters` is the meter's counter at full hours. `known` are the hours that are there already, ascending: the sum
    goes on from those that are older than all that the meter knows.
    """
    times = sorted(counters)
    if len(times) < 2:
        return []
    earlier = [row for row in known if row.end <= times[0]]
    offset = (earlier[-1].sum if earlier else 0.0) - counters[times[0]]
    return [Row(end - HOUR, counters[end], counters[end] + offset) for end in times[1:]]


def before(first: Row, counters: Mapping[int, float]) -> tuple[list[Row], float]:
    """Return the hours before the first one that is recorded, and by how much all recorded sums have to be raised.

    The sums begin at zero with the oldest hour. If the meter knows the end of the first recorded hour too, that one is
    raised to what was used in all of it: recording began in the middle.
    """
    times = sorted(time for time in counters if time <= first.end)
    if len(times) < 2 or times[0] > first.start - HOUR:
        return [], 0.0
    oldest, newest = times[0], times[-1]
    rows = [
        Row(end - HOUR, max(0.0, first.state - (counters[newest] - counters[end])), counters[end] - counters[oldest])
        for _, end in pairwise(times)
        if end < first.end
    ]
    raised = counters[newest] - counters[oldest] - (first.sum if newest == first.end else 0.0)
    return rows, max(0.0, raised)
