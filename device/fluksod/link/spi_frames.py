"""The v2 frames of the sensor board, as SPI carries them: bytes from text and back, records of `gd`. Pure.

Source of the format: sections 5.3 and 5.4 of the protocol reference of the original Fluksometers. Everything is ASCII:
`l` and a control message with its CRC and a point, `u` and bytes of the RS-485 bus as hexadecimal digits; two zeros end
a frame to the board, one zero ends the board's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SENSORS = 6
"""Sensors of a board, counted from 0."""
ANALOG_SENSORS = 3
"""Sensors 0 to 2 tell W in their records, the others the board's clock at their last pulse."""
PORTS = 6
LONGEST_READ = 1024
"""Most bytes that are read before the board's zero: more is no answer."""
_REPLY = re.compile(rb"l(?:([!-~]*?)([0-9a-f]{2})\.)?u((?:[0-9a-f]{2})*)")
_HEX = re.compile(r"[0-9a-f]*")
_WIDE, _NARROW = 22, 18


class FrameError(Exception):
    """What the board answered is no frame, or not the answer to what was asked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a read brought: the control reply without its CRC (None when there was none), and bytes from RS-485."""

    control: str | None
    bus: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One sensor in the answer to `gd`: counter (Wh or L, 32 bit), thousandths, W or the clock in ms (32 bit)."""

    index: int
    counter: int
    milli: int
    extra: int


def crc8(text: bytes) -> int:
    """The CRC of a control message: Dallas/Maxim's 1-Wire (polynomial 0x31 reflected, start 0; trap 29)."""
    crc = 0
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def control_frame(message: str) -> bytes:
    """A control message as it goes to the board, with CRC, point and the two zeros (trap 28)."""
    text = message.encode("ascii")
    return b"l%s%02x.\0\0" % (text, crc8(text))


def bus_frame(data: bytes) -> bytes:
    """Bytes for the RS-485 bus as they go to the board."""
    return b"u" + data.hex().encode() + b"\0\0"


def parse_reply(heard: bytes) -> Reply:
    """Take apart what came before the board's zero. Raises `FrameError` when it is no frame or its CRC is wrong."""
    match = _REPLY.fullmatch(heard)
    if match is None:
        raise FrameError(f"no frame: {heard[:60]!r}")
    bus = bytes.fromhex(match[3].decode())
    if match[1] is None:
        return Reply(None, bus)
    if crc8(match[1]) != int(match[2], 16):
        raise FrameError(f"wrong CRC: {heard[:60]!r}")
    return Reply(match[1].decode(), bus)


def parse_records(reply: str) -> list[Record]:
    """The records in a reply to `gd`.

    Boards before 2.4.1 send 18 digits for each sensor, without thousandths, later ones 22; the length tells (trap 27).
    Raises `FrameError` for anything else.
    """
    digits = reply[2:]
    width = next((width for width in (_WIDE, _NARROW) if len(digits) % width == 0), 0)
    if reply[:2] != "gd" or not width or _HEX.fullmatch(digits) is None:
        raise FrameError(f"no records: {reply[:60]!r}")
    records = [_record(digits[start : start + width]) for start in range(0, len(digits), width)]
    indices = [record.index for record in records]
    if any(index >= SENSORS for index in indices) or len(set(indices)) != len(indices):
        raise FrameError(f"records of impossible sensors: {indices}")
    if any(record.milli > 999 for record in records):
        raise FrameError(f"more than 999 thousandths: {reply[:60]!r}")
    return records


def _record(digits: str) -> Record:
    milli = int(digits[10:14], 16) if len(digits) == _WIDE else 0
    return Record(int(digits[:2], 16), int(digits[2:10], 16), milli, int(digits[-8:], 16))
