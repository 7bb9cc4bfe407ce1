"""The journal's records: what is written, byte by byte. Pure.

A record is its length (1 byte), its payload (1 to 255 bytes) and the CRC-32 of the payload (4 bytes, little-endian, as
all numbers here), begun with the file's own salt: so neither a torn record, nor zeros, nor the rest of an older file in
a block that the disk gives again looks like one.

A reading costs 8 to 13 bytes, since it names its sensor by a number, its time by the seconds since the last clock
record, its counter by the step since the last one, and its gauge only when it has changed. A clock record begins a
paragraph of a minute at most, in which all that is told anew: damage in the middle of a file costs what is left of its
paragraph.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MOST_SENSORS = 240
"""Sensors of one journal: numbers 0 to 239; higher first bytes tell other records."""
_SENSOR, _CLOCK, _SET, _REGISTER, _CURSOR, _DONE = range(240, 246)
PARAGRAPH = 60
"""Seconds that one clock record is good for."""

_READING = struct.Struct("<BBB")
_SENSOR_FORM = struct.Struct("<BB16s")
_CLOCK_FORM = struct.Struct("<BBq16s")
_SET_FORM = struct.Struct("<B16sq")
_REGISTER_FORM = struct.Struct("<BBQqqq")
_CURSOR_FORM = struct.Struct("<BB5q")
_DONE_FORM = struct.Struct("<BB2q")
_HEAD = struct.Struct("<8sIQ")
_MAGIC = b"fluksoJ1"
HEAD_BYTES = _HEAD.size
_CRC_BYTES = 4
_AS_BEFORE = 15
"""In place of a gauge's length: it is what it was."""
_STEP = 8
"""Added to a counter's length: it is the step since the sensor's last counter."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one sensor showed: `counter` and `gauge` in thousandths of their units, None while unknown.

    `time` is in whole seconds: of unix time, or of the boot's own clock where `boot` names the boot (the machine's
    clock was not set).
    """

    sensor: str
    time: int
    counter: int | None
    gauge: int | None
    boot: bytes | None = None


@dataclass(frozen=True, slots=True)
class ClockSet:
    """In the boot `boot` the clock was set: unix time is the boot's own clock plus `offset` seconds."""

    boot: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class RegisterState:
    """Where a sensor's register stands: board's `raw` counter and our `total` seen together at unix second `at`.

    `total` and `told`, the largest counter that was ever reported, are in thousandths.
    """

    sensor: str
    raw: int
    total: int
    told: int
    at: int


class Position(NamedTuple):
    """A point in a sensor's measurements: unix second, and its counter in whole units as our register has it."""

    time: int
    counter: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """What of a sensor the cloud has acknowledged: all up to `done`, and what is from `since` (unix s) up to `ahead`.

    What lies between is the backlog; there is none where `since` and `ahead` are None.
    """

    done: Position
    since: int | None = None
    ahead: Position | None = None

    @property
    def newest(self) -> Position:
        """The newest measurement that was acknowledged."""
        return self.ahead or self.done


@dataclass(frozen=True, slots=True)
class CursorState:
    """The cursor of a sensor."""

    sensor: str
    cursor: Cursor


Record = Entry | ClockSet | RegisterState | CursorState


@dataclass(slots=True)
class Damage:
    """A stretch that holds no records although some follow: `start` and `end` in bytes of the file."""

    start: int
    end: int


class Writer:
    """Makes the bytes of the file with this `salt` (32 bits); it knows what it has told already."""

    def __init__(self, salt: int) -> None:
        self._salt = salt
        self._numbers: dict[str, int] = {}
        self._counters: dict[str, int] = {}
        self._gauges: dict[str, int] = {}
        self._base: int | None = None
        self._boot: bytes | None = None

    def head(self, number: int) -> bytes:
        """How file `number` begins."""
        return _HEAD.pack(_MAGIC, self._salt, number)

    def bytes_of(self, record: Record) -> bytes:
        """The bytes that tell `record`, with what has to be told before it. Raises `ValueError` for sensor 241."""
        if isinstance(record, Entry):
            return self._entry(record)
        if isinstance(record, ClockSet):
            return self._framed(_SET_FORM.pack(_SET, record.boot, record.offset))
        number, before = self._number(record.sensor)
        if isinstance(record, RegisterState):
            form = _REGISTER_FORM.pack(_REGISTER, number, record.raw, record.total, record.told, record.at)
            return before + self._framed(form)
        cursor = record.cursor
        if cursor.since is None:
            done = cursor.done
            return before + self._framed(_DONE_FORM.pack(_DONE, number, done.time, done.counter))
        ahead = cursor.ahead or Position(0, 0)
        values = (cursor.done.time, cursor.done.counter, cursor.since, ahead.time, ahead.counter)
        return before + self._framed(_CURSOR_FORM.pack(_CURSOR, number, *values))

    def _entry(self, entry: Entry) -> bytes:
        before = b""
        if self._base is None or entry.boot != self._boot or not 0 <= entry.time - self._base < PARAGRAPH:
            self._boot, self._base = entry.boot, entry.time
            self._numbers.clear()
            self._counters.clear()
            self._gauges.clear()
            clock = _CLOCK_FORM.pack(_CLOCK, entry.boot is not None, entry.time, entry.boot or bytes(16))
            before = self._framed(clock)
        number, naming = self._number(entry.sensor)
        counter = gauge = b""
        lengths = 0
        if entry.counter is not None and (told := self._counters.get(entry.sensor)) != entry.counter:
            self._counters[entry.sensor] = entry.counter
            counter = _packed(entry.counter - (told or 0))
            lengths = len(counter) + (0 if told is None else _STEP) << 4
        if entry.gauge is not None and self._gauges.get(entry.sensor) == entry.gauge:
            lengths |= _AS_BEFORE
        elif entry.gauge is not None:
            self._gauges[entry.sensor] = entry.gauge
            gauge = _packed(entry.gauge)
            lengths |= len(gauge)
        reading = _READING.pack(number, entry.time - self._base, lengths) + counter + gauge
        return before + naming + self._framed(reading)

    def _number(self, sensor: str) -> tuple[int, bytes]:
        number = self._numbers.get(sensor)
        if number is not None:
            return number, b""
        number = len(self._numbers)
        if number >= MOST_SENSORS:
            raise ValueError(f"a journal holds {MOST_SENSORS} sensors")
        self._numbers[sensor] = number
        return number, self._framed(_SENSOR_FORM.pack(_SENSOR, number, bytes.fromhex(sensor)))

    def _framed(self, payload: bytes) -> bytes:
        return bytes((len(payload),)) + payload + zlib.crc32(payload, self._salt).to_bytes(_CRC_BYTES, "little")


class Reader:
    """Reads the bytes of one file. After `records` was read to its end, `end` is where the last good record ends.

    `damages` are stretches between good records that could not be read. Raises `ValueError` when `content` has no head.
    """

    def __init__(self, content: bytes) -> None:
        if len(content) < HEAD_BYTES:
            raise ValueError("it is shorter than its head")
        magic, self.salt, self.number = _HEAD.unpack_from(content)
        if magic != _MAGIC:
            raise ValueError("it is no journal of fluksod")
        self.end = HEAD_BYTES
        self.damages: list[Damage] = []
        self._content = content
        self._sensors: dict[int, str] = {}
        self._counters: dict[int, int] = {}
        self._gauges: dict[int, int] = {}
        self._base: int | None = None
        self._boot: bytes | None = None

    def records(self) -> Iterator[Record]:
        """All good records, in order."""
        content, at = self._content, HEAD_BYTES
        while at < len(content):
            payload = self._payload(at)
            if payload is None:
                at = self._next_good(at)
                continue
            at = self.end = at + 1 + len(payload) + _CRC_BYTES
            record = self._record(payload)
            if record is not None:
                yield record

    def _payload(self, at: int) -> bytes | None:
        length = self._content[at]
        crc_at = at + 1 + length
        if not length or crc_at + _CRC_BYTES > len(self._content):
            return None
        payload = self._content[at + 1 : crc_at]
        told = int.from_bytes(self._content[crc_at : crc_at + _CRC_BYTES], "little")
        return payload if zlib.crc32(payload, self.salt) == told else None

    def _next_good(self, at: int) -> int:
        """Where the next good record begins, or the end of the content: then what is left is a torn tail."""
        for start in range(at + 1, len(self._content)):
            if self._payload(start) is not None:
                self.damages.append(Damage(at, start))
                self._forget()
                return start
        return len(self._content)

    def _record(self, payload: bytes) -> Record | None:
        kind = payload[0]
        if kind < MOST_SENSORS:
            return self._entry(payload)
        if kind == _SENSOR:
            _, number, raw = _SENSOR_FORM.unpack(payload)
            self._sensors[number] = raw.hex()
        elif kind == _CLOCK:
            self._forget()
            _, of_boot, self._base, boot = _CLOCK_FORM.unpack(payload)
            self._boot = boot if of_boot else None
        elif kind == _SET:
            _, boot, offset = _SET_FORM.unpack(payload)
            return ClockSet(boot, offset)
        elif kind == _REGISTER:
            _, number, raw, total, told, at = _REGISTER_FORM.unpack(payload)
            if number in self._sensors:
                return RegisterState(self._sensors[number], raw, total, told, at)
        elif kind == _CURSOR:
            _, number, time, counter, since, *ahead = _CURSOR_FORM.unpack(payload)
            if number in self._sensors:
                done = Position(time, counter)
                cursor = Cursor(done, since, Position(*ahead)) if since else Cursor(done)
                return CursorState(self._sensors[number], cursor)
        elif kind == _DONE:
            _, number, time, counter = _DONE_FORM.unpack(payload)
            if number in self._sensors:
                return CursorState(self._sensors[number], Cursor(Position(time, counter)))
        return None

    def _entry(self, payload: bytes) -> Entry | None:
        number, after, lengths = _READING.unpack_from(payload)
        length, is_step = lengths >> 4, lengths >> 4 > _STEP
        middle = _READING.size + length - _STEP * is_step
        counter = self._counters.get(number)
        if length:
            told = int.from_bytes(payload[_READING.size : middle], "little", signed=True)
            counter = self._counters[number] = told + (counter or 0) * is_step
        gauge = None
        if lengths & 15 == _AS_BEFORE:
            gauge = self._gauges.get(number)
        elif lengths & 15:
            gauge = self._gauges[number] = int.from_bytes(payload[middle:], "little", signed=True)
        sensor = self._sensors.get(number)
        if sensor is None or self._base is None:
            return None
        return Entry(sensor, self._base + after, counter, gauge, self._boot)

    def _forget(self) -> None:
        """What was told before holds no longer."""
        self._sensors.clear()
        self._counters.clear()
        self._gauges.clear()
        self._base = None


def _packed(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
