"""A CSV file with the columns time and value, and a heading or none.

Columns are separated by comma, semicolon or tab; with semicolon or tab a comma is a decimal point. Times are unix
seconds, or ISO 8601; where those tell no zone they are in the account's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flukso_cloud.meter import Meter, Sample
from flukso_cloud.units import whole

from .complaints import Complaints, SourceError
from .quantities import Quantity, objection
from .rates import holding, integrate

_SEPARATORS = (";", "\t", ",")


class CsvFile:
    """A file, to be read once."""

    def __init__(self, path: Path, quantity: Quantity, meter: Meter, zone: ZoneInfo, complaints: Complaints) -> None:
        self._path, self._quantity, self._meter, self._zone = path, quantity, meter, zone
        self._complaints = complaints
        self.position = 0
        try:
            self.size = path.stat().st_size
            with path.open(encoding="utf-8-sig") as file:
                first = file.readline(4096)
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}: is no UTF-8 text; save it as UTF-8") from error
        self._separator = next((mark for mark in _SEPARATORS if mark in first), ",")

    def samples(self) -> Iterator[Sample]:
        """Yield the file as samples; those of a counter in the order that they have there."""
        if self._quantity.is_rate:
            return integrate(holding(self._in_order()), self._meter)
        return (Sample(time, whole(value)) for _, time, value in self._values())

    def _in_order(self) -> Iterator[tuple[int, float]]:
        newest = 0
        for number, time, value in self._values():
            if time <= newest:
                self._complaints.add(f"line {number}", "it is not later than the line before; sort the file by time")
                continue
            newest = time
            yield time, value

    def _values(self) -> Iterator[tuple[int, int, float]]:
        """Yield the number of the line, time and value, multiplied, of each line that can be taken."""
        with self._path.open("rb") as raw:
            rows = csv.reader(
                io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline=""), delimiter=self._separator
            )
            while True:
                try:
                    row = next(rows)
                except StopIteration:
                    self.position = self.size
                    return
                except csv.Error as error:
                    self._complaints.add(f"line {rows.line_num}", str(error))
                    continue
                self.position = raw.tell()
                if not row:
                    continue
                try:
                    time, value = self._read(row)
                except ValueError as error:
                    if rows.line_num > 1:  # else it is the heading
                        self._complaints.add(f"line {rows.line_num}", str(error))
                    continue
                bad = objection(time, value, self._quantity, self._meter)
                if bad is None:
                    yield rows.line_num, time, value
                else:
                    self._complaints.add(f"line {rows.line_num}", bad)

    def _read(self, row: list[str]) -> tuple[int, float]:
        if len(row) < 2:
            raise ValueError("it has no two columns")
        time, value = row[0].strip(), row[1].strip()
        if self._separator != ",":
            value = value.replace(",", ".")
        try:
            return self._time(time), float(value) * self._quantity.factor
        except (ValueError, OverflowError):
            raise ValueError("its first two columns are no time and number") from None

    def _time(self, text: str) -> int:
        try:
            return int(float(text))
        except ValueError:
            moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=self._zone)).timestamp())
