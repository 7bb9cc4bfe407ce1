"""What a meter had counted at each full hour, as far as it was there to count. Knows nothing of Home Assistant."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from .client import Bucket
from .healing import HOUR

_WHOLE: Final = 0.95
"""Share of an hour that was measured, from which on the counter at its edges is taken for read and not for guessed."""


def counters_at_full_hours(hours: Sequence[Bucket], *, pulses: bool, newest: float | None) -> dict[int, float]:
    """Return the counter by unix seconds from consecutive buckets of an hour.

    A full hour in the middle of a gap is left out: what the Fluksometer tells there lies on a line from before to
    after. For pulses that line is all there is, and a silence is not a gap; `newest` is the counter as it is now: when
    it is that of the last pulse, it was so at all full hours since.
    """
    known: dict[int, float] = {}
    last: Bucket | None = None
    for hour, after in zip_longest(hours, hours[1:]):
        if hour.counter_end is None:
            continue
        if hour.counter_start is not None and hour.coverage >= _WHOLE:
            known[hour.time] = hour.counter_start
        last = hour
        if after is None or after.counter_end is None:
            # Here the knowledge ends, perhaps before the hour does.
            is_read = hour.coverage >= _WHOLE
        elif pulses:
            is_read = True
        else:
            stands_still = hour.counter_start == after.counter_end
            is_read = stands_still or max(hour.coverage, after.coverage) >= _WHOLE
        if is_read:
            known[hour.time + HOUR] = hour.counter_end
    if pulses and last is not None and last.counter_end is not None and last.counter_end == newest:
        known.update((time, newest) for time in range(last.time + HOUR, hours[-1].time + HOUR + 1, HOUR))
    return known
