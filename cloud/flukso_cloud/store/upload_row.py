"""An upload as it waits in the journal: a checksum, then a time and a counter for each sample, 8 bytes each. Pure.

Wider than need be, because it is written while a device waits and read back by thousands.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from flukso_cloud.packing import PackingError
from flukso_cloud.summary import Samples

_CHECKSUM = 4
_PAIR = 16


def pack(samples: Sequence[tuple[int, int]]) -> bytes:
    """Pack samples in whatever order: unix seconds, and counters in Wh or L."""
    data = struct.pack(f"<{2 * len(samples)}q", *chain.from_iterable(samples))
    return zlib.crc32(data).to_bytes(_CHECKSUM, "little") + data


def unpack(row: bytes) -> Samples:
    """Return the samples that were packed, in their order. Raises PackingError."""
    data = memoryview(row)[_CHECKSUM:]
    if len(data) % _PAIR or zlib.crc32(data) != int.from_bytes(row[:_CHECKSUM], "little"):
        raise PackingError("an upload in the journal has changed on the disk")
    table = np.frombuffer(data, "<i8").reshape(-1, 2)
    return Samples(table[:, 0], table[:, 1])


def in_turn(rows: Iterable[Samples]) -> Samples:
    """Return the samples of some uploads one after the other."""
    times, counters = (np.concatenate(columns) for columns in zip(*rows, strict=True))
    return Samples(times, counters)
