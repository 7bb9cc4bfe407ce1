"""Minutes made of seconds, and how an hour of them is packed. Pure.

A minute can be made in parts (before and after the daemon's hourly fold, or its restart): the parts are merged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from fluksod.store.seconds import UNKNOWN, Second

MINUTE = 60
HOUR = 3600
_LEAST, _MOST = -(1 << 31) + 1, (1 << 31) - 1
_UNKNOWN_GAUGE = -(1 << 31)
_UP_TO_COUNTERS = 1 + 60 * (1 + 1 + 8)


@dataclass(slots=True)
class Minute:
    """One minute of a sensor, in thousandths; None while unknown.

    `counter` is its counter at the end; `low`, `high`, `mean` and `last` are of its gauge. `covered` tells how many of
    its 60 seconds were measured.
    """

    counter: int | None = None
    low: int | None = None
    high: int | None = None
    mean: float | None = None
    last: int | None = None
    covered: int = 0

    def merge(self, later: Minute) -> None:
        """Take in a later part of the same minute. The mean is weighted by how much each part covers."""
        if later.counter is not None:
            self.counter = later.counter if self.counter is None else max(self.counter, later.counter)
        if later.low is not None and later.high is not None and later.mean is not None:
            if self.low is None or self.high is None or self.mean is None:
                self.low, self.high, self.mean = later.low, later.high, later.mean
            else:
                self.low, self.high = min(self.low, later.low), max(self.high, later.high)
                whole = self.covered + later.covered
                if whole:
                    self.mean = (self.mean * self.covered + later.mean * later.covered) / whole
            self.last = later.last
        self.covered = min(self.covered + later.covered, MINUTE)


def spread(second: Second, minutes: dict[int, Minute]) -> None:
    """Take a second into `minutes`, by their start in unix seconds: it may speak for the end of the minute before."""
    end = second.time + 1
    start = end - second.covers
    own = second.time // MINUTE * MINUTE
    if start < own:
        before = minutes.setdefault(own - MINUTE, Minute())
        gauge = second.gauge
        before.merge(Minute(None, gauge, gauge, gauge, gauge, own - start))
        start = own
    part = Minute(second.counter, second.gauge, second.gauge, second.gauge, second.gauge, end - start)
    minutes.setdefault(own, Minute()).merge(part)


def packed(hour: Mapping[int, Minute]) -> bytes:
    """The minutes of an hour, keyed 0 to 59, as a compressed block: about 400 bytes of a household's."""
    rows = sorted(hour.items())
    columns = (
        [UNKNOWN if minute.counter is None else minute.counter for _, minute in rows],
        *(
            [_fitting(value) for value in column]
            for column in zip(*(_gauges(minute) for _, minute in rows), strict=True)
        ),
    )
    count = len(rows)
    return zlib.compress(
        bytes((count,))
        + bytes(index for index, _ in rows)
        + bytes(minute.covered for _, minute in rows)
        + struct.pack(f"<{count}q", *columns[0])
        + b"".join(struct.pack(f"<{count}i", *column) for column in columns[1:])
    )


def unpacked(block: bytes) -> dict[int, Minute]:
    """The minutes of a packed hour, keyed 0 to 59. Raises `ValueError` when the block is damaged."""
    try:
        content = zlib.decompress(block)
        count = content[0]
        form = struct.Struct(f"<x{count}s{count}s{count}q{4 * count}i")
        indices, covered, *numbers = form.unpack(content)
    except (zlib.error, struct.error, IndexError) as error:
        raise ValueError(f"a block of minutes is damaged: {error}") from error
    gauges = [None if number == _UNKNOWN_GAUGE else number for number in numbers[count:]]
    columns = [gauges[start : start + count] for start in range(0, len(gauges), max(count, 1))] or [[]] * 4
    counters = [None if number == UNKNOWN else number for number in numbers[:count]]
    return {index: Minute(*row) for index, *row in zip(indices, counters, *columns, covered, strict=True)}


def counters_of(block: bytes) -> list[tuple[int, int]]:
    """(index, counter) of the minutes of a packed hour whose counter is known: they come first in the block.

    A tenth of the time of `unpacked`. Raises `ValueError` when the block is damaged.
    """
    try:
        content = zlib.decompressobj().decompress(block, _UP_TO_COUNTERS)
        count = content[0]
        indices, *counters = struct.unpack_from(f"<{count}s{count}x{count}q", content, 1)
    except (zlib.error, struct.error, IndexError) as error:
        raise ValueError(f"a block of minutes is damaged: {error}") from error
    return [pair for pair in zip(indices, counters, strict=True) if pair[1] != UNKNOWN]


def _gauges(minute: Minute) -> tuple[float | None, ...]:
    return minute.low, minute.high, minute.mean, minute.last


def _fitting(value: float | None) -> int:
    """A gauge in 32 bits: up to 2.1 million units."""
    return _UNKNOWN_GAUGE if value is None else min(max(round(value), _LEAST), _MOST)
