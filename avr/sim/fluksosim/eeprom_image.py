"""The EEPROM image of a board: factory block and counter log, laid out as in avr/src/factory.h and counter_log.h."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .board_header import BoardHeader

FACTORY_MAGIC = 0x46
FACTORY_LAYOUT = 1
ID_BYTES = 16


@dataclass(frozen=True)
class FactorySensor:
    """One sensor as provisioned: id (32 hex), weight (clamp: meter constant; pulse: Wh or L) and its thousandths."""

    id: str
    weight: int
    milli: int = 0


@dataclass(frozen=True)
class CounterRecord:
    """One record of the counter log. `units` in Wh or L; `reserve` is the exponent of 2 (0: exact)."""

    sequence: int
    units: tuple[int, ...]
    milli: tuple[int, ...]
    reserve: tuple[int, ...]
    watchdogs: int
    brown_outs: int


def crc16(data: bytes) -> int:
    """Return the CRC-16/CCITT-FALSE of `data`, as avr/src/crc16.h."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


def _with_crc(data: bytes) -> bytes:
    return data + struct.pack("<H", crc16(data))


def factory_block(sensors: Sequence[FactorySensor], debounce_ms: int = 0) -> bytes:
    """Return the factory block for `sensors`, in the order of the inputs. ValueError for an id that is not 32 hex."""
    block = bytes((FACTORY_MAGIC, FACTORY_LAYOUT, len(sensors), debounce_ms))
    for sensor in sensors:
        raw = bytes.fromhex(sensor.id)
        if len(raw) != ID_BYTES:
            raise ValueError(f"a sensor id has 32 hexadecimal digits, not {sensor.id!r}")
        block += raw + struct.pack("<HH", sensor.weight, sensor.milli)
    return _with_crc(block)


def read_factory(image: bytes, header: BoardHeader) -> tuple[FactorySensor, ...] | None:
    """Return the sensors in the image's factory block, or None when there is no valid one."""
    count = header.number("SENSOR_COUNT")
    block = image[: 4 + 20 * count + 2]
    if block[:3] != bytes((FACTORY_MAGIC, FACTORY_LAYOUT, count)) or block != _with_crc(block[:-2]):
        return None
    sensors = []
    for i in range(count):
        raw, weight, milli = struct.unpack_from("<16sHH", block, 4 + 20 * i)
        sensors.append(FactorySensor(raw.hex(), weight, milli))
    return tuple(sensors)


def encode_record(record: CounterRecord) -> bytes:
    """Return the bytes of one log record."""
    count = len(record.units)
    packed = (milli | reserve << 10 for milli, reserve in zip(record.milli, record.reserve, strict=True))
    body = struct.pack(
        f"<B{count}I{count}HHH", record.sequence, *record.units, *packed, record.watchdogs, record.brown_outs
    )
    return _with_crc(body)


def _decode_record(slot: bytes, count: int) -> CounterRecord | None:
    if slot != _with_crc(slot[:-2]):
        return None
    values = struct.unpack(f"<B{count}I{count}HHH", slot[:-2])
    packed = values[1 + count : 1 + 2 * count]
    return CounterRecord(
        values[0], values[1 : 1 + count], tuple(p & 0x3FF for p in packed), tuple(p >> 10 for p in packed), *values[-2:]
    )


def read_log(image: bytes, header: BoardHeader) -> CounterRecord | None:
    """Return the newest good record of the image's counter log, or None without one."""
    count, start = header.number("SENSOR_COUNT"), header.number("LOG_START")
    size = 7 + 6 * count
    newest: CounterRecord | None = None
    for slot in range(header.number("LOG_BYTES") // size):
        record = _decode_record(image[start + slot * size : start + (slot + 1) * size], count)
        if record and (newest is None or 0 < (record.sequence - newest.sequence) % 256 < 128):
            newest = record
    return newest


def fresh_image(header: BoardHeader, sensors: Sequence[FactorySensor], counters: Sequence[int]) -> bytes:
    """Return the EEPROM of a provisioned board whose counters (Wh or L, 0 to 2^32-1) stand at `counters`."""
    if any(not 0 <= counter < 2**32 for counter in counters):
        raise ValueError("a counter is a whole number from 0 to 4294967295")
    none = (0,) * len(sensors)
    record = encode_record(CounterRecord(1, tuple(counters), none, none, 0, 0))
    image = bytearray(b"\xff" * header.number("EEPROM_BYTES"))
    block = factory_block(sensors)
    image[: len(block)] = block
    start = header.number("LOG_START")
    image[start : start + len(record)] = record
    return bytes(image)


@dataclass(frozen=True)
class ClampCalibration:
    """A clamp's own calibration, as avr/src/calibration.h.

    `trim`: by how much its readings are multiplied, less 1 (-0.5 to 0.49998). `floor` (0 to 255.99): what is there
    without any current and is taken off. For the RMS front end squared ADC steps, off the mean square: the noise's RMS
    squared, and 1/12 for the rounding to whole steps. For the rectifying one ADC steps, off the mean. None leaves it
    at the firmware's default: 1/12 or 0.
    """

    trim: float = 0.0
    floor: float | None = None


def calibrated_image(image: bytes, header: BoardHeader, clamps: Sequence[ClampCalibration]) -> bytes:
    """Return the image with a calibration for each of the board's clamps. ValueError for a value out of range."""
    if len(clamps) != header.number("CLAMP_COUNT"):
        raise ValueError(f"the board has {header.number('CLAMP_COUNT')} clamps, not {len(clamps)}")
    block = b""
    default = 1 / 12 if header.text("FRONT_END") == "FRONT_END_RMS" else 0.0
    for clamp in clamps:
        trim = round(clamp.trim * 65536)
        floor = round((default if clamp.floor is None else clamp.floor) * 256)
        if not -32768 <= trim <= 32767 or not 0 <= floor <= 65535:
            raise ValueError(f"a trim goes from -0.5 to 0.49998, a floor from 0 to 255.99: {clamp}")
        block += struct.pack("<hH", trim, floor)
    block = _with_crc(block)
    start = header.number("CALIBRATION_START")
    return image[:start] + block + image[start + len(block) :]
