"""A feed of emoncms in its PHPFina format: N.meta (interval and start) and N.dat (a float32 for each interval).

Source: `Modules/feed/engine/PHPFina.php` of emoncms. All is little-endian, NaN is a hole.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path

from flukso_cloud.meter import Meter, Sample
from flukso_cloud.units import whole

from .complaints import Complaints, SourceError
from .quantities import Quantity, objection
from .rates import Stretch, integrate

_META = struct.Struct("<IIII")
"""Two words that are not used any more, the interval in s, the start in unix seconds."""
_BLOCK = 1 << 16


class PhpFina:
    """A feed, to be read once."""

    def __init__(
        self, folder: Path, feed: int | None, quantity: Quantity, meter: Meter, complaints: Complaints
    ) -> None:
        number = _only_feed(folder) if feed is None else feed
        self._data = folder / f"{number}.dat"
        self._quantity, self._meter, self._complaints = quantity, meter, complaints
        self.position = 0
        try:
            meta = (folder / f"{number}.meta").read_bytes()
            self.size = self._data.stat().st_size
        except OSError as error:
            raise SourceError(f"{error.filename}: cannot be read: {error.strerror}") from error
        if len(meta) < _META.size:
            raise SourceError(f"{folder / str(number)}.meta: is cut off")
        _, _, self._interval, self._start = _META.unpack(meta[: _META.size])
        if self._interval == 0:
            raise SourceError(f"{folder / str(number)}.meta: its interval is 0")

    def samples(self) -> Iterator[Sample]:
        """Yield the feed as samples, in order of time."""
        if self._quantity.is_rate:
            stretches = (Stretch(time, time + self._interval, rate) for time, rate in self._values())
            return integrate(stretches, self._meter)
        return (Sample(time, whole(value)) for time, value in self._values())

    def _values(self) -> Iterator[tuple[int, float]]:
        """Yield time and value, multiplied, of each point that can be taken."""
        number, time = 0, self._start
        with self._data.open("rb") as file:
            while block := file.read(4 * _BLOCK):
                values = array("f", block[: len(block) // 4 * 4])
                if sys.byteorder == "big":
                    values.byteswap()
                for raw in values:
                    number += 1
                    if not math.isnan(raw):
                        value = raw * self._quantity.factor
                        bad = objection(time, value, self._quantity, self._meter)
                        if bad is None:
                            yield time, value
                        else:
                            self._complaints.add(f"point {number}", bad)
                    time += self._interval
                self.position = file.tell()


def _only_feed(folder: Path) -> int:
    feeds = sorted(int(path.stem) for path in folder.glob("*.meta") if path.stem.isdecimal())
    if len(feeds) != 1:
        there = ", ".join(map(str, feeds)) or "none"
        raise SourceError(f"{folder}: name the feed with --feed; there are: {there}")
    return feeds[0]
