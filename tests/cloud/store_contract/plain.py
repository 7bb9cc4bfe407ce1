"""The samples of one sensor in a dictionary: what any engine has to tell, worked out the simple way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from flukso_cloud.columns import Columns, columns
from flukso_cloud.meter import Meter, Sample
from flukso_cloud.series import Break, Neighbours
from flukso_cloud.store import Appended
from flukso_cloud.summary import MINUTE, Samples, summarise


class Plain:
    """All samples by their time."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._kept: dict[int, int] = {}

    @property
    def samples(self) -> list[Sample]:
        """All of them, in order of time."""
        return [Sample(*pair) for pair in sorted(self._kept.items())]

    def append(self, samples: Iterable[Sample]) -> Appended:
        given = dict(samples)
        news = sum(self._kept.get(time) != counter for time, counter in given.items())
        self._kept.update(given)
        return Appended(news, len(given) - news)

    def delete(self, start: int, end: int) -> int:
        gone = [time for time in self._kept if start <= time < end]
        for time in gone:
            del self._kept[time]
        return len(gone)

    def replace(self, start: int, end: int, samples: Iterable[Sample]) -> int:
        gone = self.delete(start, end)
        self._kept.update(samples)
        return gone

    def between(self, start: int, end: int, most: int) -> list[Sample]:
        return [sample for sample in self.samples if start <= sample.time < end][:most]

    def newest(self) -> Sample | None:
        return max(self.samples, default=None)

    def neighbours(self, at: int) -> Neighbours:
        before = [sample for sample in self.samples if sample.time <= at]
        after = [sample for sample in self.samples if sample.time > at]
        return Neighbours(before[-1] if before else None, after[0] if after else None)

    def breaks(self, start: int, end: int) -> list[Break]:
        return [
            Break(earlier, later)
            for earlier, later in pairwise(self.samples)
            if start < later.time <= end and not self._meter.is_regular(earlier, later)
        ]

    def columns(self, edges: Sequence[int]) -> Columns:
        """The statistics from all samples at once, none of them summed up before."""
        table = np.array(self.samples, np.int64).reshape(-1, 2)
        found = Samples(table[:, 0], table[:, 1])
        return columns(summarise(found, self._meter, MINUTE), edges, self._meter, fine=summarise(found, self._meter, 1))
