"""Readings of a real meter (June 2014), uploaded as a device does and read back as a chart."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner

BLOCKS = Path(__file__).parents[3] / "shared" / "data" / "tmpo" / "fed676021dacaaf6a12a8dda7685be34" / "0" / "8"


def readings() -> list[tuple[int, int]]:
    """Return (time, counter) of the blocks of 256 s, whose head is absolute and whose members are differences."""
    found: list[tuple[int, int]] = []
    for path in sorted(BLOCKS.iterdir()):
        block = json.loads(gzip.decompress(path.read_bytes()))
        time, counter = block["h"]["head"]
        times, counters = itertools.accumulate(block["t"]), itertools.accumulate(block["v"])
        found += [(time + t, counter + v) for t, v in zip(times, counters, strict=True)]
    return found


@pytest.mark.skipif(not BLOCKS.is_dir(), reason=f"real captures are not beside the repository: {BLOCKS}")
def test_a_real_meters_minutes(device: Fluksometer, owner: Owner, send: Callable[..., int]) -> None:
    owner.claim(device)
    series = readings()
    assert len(series) > 50
    batches = [series[i::7] for i in range(7)]
    random.Random(1).shuffle(batches)
    for batch in batches:
        assert send(device, compact({"measurements": batch})) == 200
    first, last = (series[0][0] // 60 + 1) * 60, (series[-1][0] // 60 - 1) * 60
    points = owner.series(device.sensor, start=first, end=last - 60, resolution="minute").json()
    assert [end for end, _ in points] == list(range(first + 60, last + 1, 60))
    values = [value for _, value in points]
    assert all(isinstance(value, int) and 0 <= value < 10_000 for value in values)
    energy = sum(values) / 60
    assert energy == pytest.approx(counter_at(series, last) - counter_at(series, first), abs=len(values) * 0.5 / 60)


def counter_at(series: list[tuple[int, int]], at: int) -> float:
    """Return the counter at a time, on the straight line between the readings around it."""
    for (t, v), (t_next, v_next) in itertools.pairwise(series):
        if t <= at <= t_next:
            return v + (v_next - v) * (at - t) / (t_next - t)
    raise LookupError(at)
