"""A round-robin archive of the original cloud, as `rrdtool dump base/SENSOR.rrd` writes it (section 8.1).

It has the rate at four resolutions, in Wh/s or L/s: minutes of a day, quarters of a week, days of a year, weeks of ten
years. Each stretch of time is taken from the finest archive that reaches back to it. The dump tells the time of a row
in a comment only; it follows from `lastupdate`, at or before which the last row of each archive ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from flukso_cloud.meter import Meter, Sample

from .complaints import Complaints, SourceError
from .quantities import Quantity, objection
from .rates import Stretch, integrate

RATE = Quantity(1, True, frozenset({"electricity", "water", "gas"}))
_BYTES = 1 << 16
_RATES = frozenset({"DERIVE", "COUNTER"})


class _Row(NamedTuple):
    line: int
    rate: float


class _Archive(NamedTuple):
    steps: int
    rows: list[_Row]


class RrdXml:
    """A dump, to be read once."""

    def __init__(self, path: Path, meter: Meter, complaints: Complaints) -> None:
        self._path, self._meter, self._complaints = path, meter, complaints
        self.position = 0
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise SourceError(f"{path}: cannot be read: {error.strerror}") from error

    def samples(self) -> Iterator[Sample]:
        """Yield what the archives hold as samples, in order of time. Raises SourceError."""
        dump = _Dump(self._complaints)
        try:
            with self._path.open("rb") as file:
                while block := file.read(_BYTES):
                    dump.feed(block)
                    self.position = file.tell()
            dump.feed(b"", final=True)
        except (expat.ExpatError, KeyError, ValueError) as error:
            raise SourceError(f"{self._path}: is no dump of rrdtool: {error}") from error
        if [kind for kind in dump.kinds if kind in _RATES] != dump.kinds or len(dump.kinds) != 1:
            found = ", ".join(dump.kinds) or "none"
            raise SourceError(
                f"{self._path}: it has the data sources {found} and not one DERIVE; take the file of base/, not night/"
            )
        return integrate(self._stretches(dump), self._meter)

    def _stretches(self, dump: _Dump) -> list[Stretch]:
        """Return the known stretches in order of time, each from the finest archive that has it."""
        parts: list[list[Stretch]] = []
        until = dump.last_update
        for archive in sorted(dump.archives, key=lambda archive: archive.steps):
            length = archive.steps * dump.step
            newest = dump.last_update - dump.last_update % length
            first = newest - length * len(archive.rows)
            part: list[Stretch] = []
            for number, row in enumerate(archive.rows):
                start = first + number * length
                if start >= until or math.isnan(row.rate):
                    continue
                bad = objection(start, row.rate, RATE, self._meter)
                if bad is None:
                    part.append(Stretch(start, min(start + length, until), row.rate))
                else:
                    self._complaints.add(f"line {row.line}", bad)
            parts.insert(0, part)
            until = min(until, first)
        return [stretch for part in parts for stretch in part]


class _Dump:
    """Reads the XML as it comes, with the line of each value."""

    def __init__(self, complaints: Complaints) -> None:
        self._complaints = complaints
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._path: list[str] = []
        self._text = ""
        self._archive: dict[str, str] = {}
        self._rows: list[_Row] = []
        self.step = 0
        self.last_update = 0
        self.kinds: list[str] = []
        self.archives: list[_Archive] = []

    def feed(self, block: bytes, *, final: bool = False) -> None:
        """Read on. Raises ExpatError, and ValueError or KeyError if it is the XML of something else."""
        self._parser.Parse(block, final)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text = ""
        if self._path == ["rrd", "rra"]:
            self._archive, self._rows = {}, []

    def _data(self, text: str) -> None:
        self._text += text

    def _end(self, _name: str) -> None:
        text = self._text.strip()
        match self._path:
            case ["rrd", "step"]:
                self.step = int(text)
            case ["rrd", "lastupdate"]:
                self.last_update = int(text)
            case ["rrd", "ds", "type"]:
                self.kinds.append(text)
            case ["rrd", "rra", ("cf" | "pdp_per_row") as name]:
                self._archive[name] = text
            case ["rrd", "rra", "database", "row", "v"]:
                self._rows.append(_Row(self._parser.CurrentLineNumber, self._rate(text)))
            case ["rrd", "rra"]:
                if self._archive["cf"] == "AVERAGE":
                    self.archives.append(_Archive(int(self._archive["pdp_per_row"]), self._rows))
        self._path.pop()

    def _rate(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            self._complaints.add(f"line {self._parser.CurrentLineNumber}", "it is no number")
            return math.nan
