"""What a Fluksometer has kept of a sensor, as buckets: docs/protocol.md, `/api/v2/sensors/<id>/history`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from .errors import FluksoPayloadError
from .payload import JsonObject

MOST_BUCKETS: Final = 2000
"""Buckets in one request. The route gives 100,000 at most, but reading so many stops everything else for seconds."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a Fluksometer knows of a sensor in [`time`, `time` + resolution), unix seconds.

    The counter at both edges, in Wh or L: in a gap it goes evenly from before to after; None outside of what is known.
    Lowest, highest, mean and last rate in W or L/min, None where nothing was measured. `coverage` tells how much of the
    time was measured, 0 to 1; a pulse input is measured only when a pulse comes.
    """

    time: int
    counter_start: int | float | None
    counter_end: int | float | None
    min: int | float | None
    max: int | float | None
    mean: int | float | None
    last: int | float | None
    coverage: int | float


def parts(start: int, end: int, resolution: int) -> Iterator[tuple[int, int]]:
    """Cut [start, end) into stretches of whole buckets that are each asked for at once."""
    step = MOST_BUCKETS * resolution
    for begin in range(start, end, step):
        yield begin, min(begin + step, end)


def parse_history(value: Any, sensor: str, start: int, end: int, resolution: int) -> list[Bucket]:
    """Read the answer to a question for [start, end). Raises FluksoPayloadError when it answers another one."""
    answer = JsonObject(value, "history")
    if answer.id("sensor") != sensor or answer.count("resolution") != resolution:
        raise FluksoPayloadError("history is not of the sensor and resolution that were asked for")
    times = list(range(start, end, resolution))
    if answer.gauges("time", len(times)) != times:
        raise FluksoPayloadError("history.time must be each bucket's start")
    buckets = [
        Bucket(*row)
        for row in zip(
            times,
            answer.counters("counter_start", len(times)),
            answer.counters("counter_end", len(times)),
            answer.gauges("min", len(times)),
            answer.gauges("max", len(times)),
            answer.gauges("mean", len(times)),
            answer.gauges("last", len(times)),
            _coverage(answer, len(times)),
            strict=True,
        )
    ]
    counted: int | float = 0
    for bucket in buckets:
        for counter in (bucket.counter_start, bucket.counter_end):
            if counter is None:
                continue
            if counter < counted:
                raise FluksoPayloadError(f"history's counter goes back at {bucket.time}")
            counted = counter
    return buckets


def _coverage(answer: JsonObject, length: int) -> list[int | float]:
    shares = [share for share in answer.counters("coverage", length) if share is not None and share <= 1]
    if len(shares) != length:
        raise FluksoPayloadError("history.coverage must be of numbers from 0 to 1")
    return shares
