"""Measurements as files, a part at a time: CSV, and Parquet where pyarrow is installed. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from .extras import PARQUET, NotInstalledError
from .meter import Sample


class Export(Protocol):
    """A file that is written from its beginning to its end; each part may be empty.

    `made_by` is the version of what writes it: another one may write the same otherwise.
    """

    media: str
    suffix: str
    made_by: str

    def rows(self, samples: Sequence[Sample]) -> bytes:
        """Return what samples add, in order of time."""

    def end(self) -> bytes:
        """Return what is still to come once there are no more."""


class Csv:
    """A line for each measurement, below a line of titles: unix seconds, and the counter named by its unit."""

    media = "text/csv"
    suffix = "csv"
    made_by = ""

    def __init__(self, sensor: str, unit: str) -> None:  # noqa: ARG002 - a line has no place for the sensor
        self._title = f"time,{unit or 'counter'}\r\n"

    def rows(self, samples: Sequence[Sample]) -> bytes:
        """See Export."""
        title, self._title = self._title, ""
        return (title + "".join(f"{time},{counter}\r\n" for time, counter in samples)).encode()

    def end(self) -> bytes:
        """See Export."""
        return self._title.encode()


class Parquet:
    """A row group for each part: `time` (UTC, milliseconds) and `counter`; sensor and unit are in the metadata.

    NotInstalledError without pyarrow.
    """

    media = "application/vnd.apache.parquet"
    suffix = "parquet"

    def __init__(self, sensor: str, unit: str) -> None:
        try:
            import pyarrow as pa
            from pyarrow.parquet import ParquetWriter
        except ImportError:
            raise NotInstalledError(PARQUET) from None
        self._arrow: Any = pa
        self.made_by: str = pa.__version__
        columns = [("time", pa.timestamp("ms", tz="UTC")), ("counter", pa.int64())]
        self._schema = pa.schema(columns, metadata={"sensor": sensor, "unit": unit})
        self._written = _Written()
        self._writer = ParquetWriter(self._written, self._schema, compression="zstd")

    def rows(self, samples: Sequence[Sample]) -> bytes:
        """See Export."""
        times = self._arrow.array([sample.time * 1000 for sample in samples], self._arrow.int64())
        counters = self._arrow.array([sample.counter for sample in samples], self._arrow.int64())
        columns = [times.cast(self._schema.field("time").type), counters]
        self._writer.write_table(self._arrow.table(columns, schema=self._schema))
        return self._written.taken()

    def end(self) -> bytes:
        """See Export."""
        self._writer.close()
        return self._written.taken()


class _Written:
    """A file that pyarrow writes to, which keeps only what nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def write(self, data: Any) -> int:
        """Keep a copy of a buffer of pyarrow's."""
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def tell(self) -> int:
        """Return how much was written in all."""
        return self._length

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """The rest is taken afterwards."""

    def taken(self) -> bytes:
        """Return what was written since it was asked for last."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
