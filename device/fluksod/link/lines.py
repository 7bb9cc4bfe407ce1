"""The v1 UART lines of the sensor board: bytes in, lines out. Pure.

Source of the format: docs/protocol.md, "Board to daemon". A line has no checksum, so everything that is not exactly
right is dropped and counted; what looks right and is not is caught by the meter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_MESSAGE = 200
"""Longest accepted line in characters: room for a `msg`; `pls` and `pwr` lines have 47 or 58."""

_PULSE = re.compile(rb"pls ([0-9a-f]{32}):([0-9]{10})(?::([0-9]{10}))?")
_POWER = re.compile(rb"pwr ([0-9a-f]{32}):([0-9]{10})")
_MESSAGE = re.compile(rb"msg ([ -~]{1,196})")
_U32 = 1 << 32


@dataclass(frozen=True, slots=True)
class CounterLine:
    """`pls`: a sensor's counter in whole Wh or L (32 bit); `ms` is the board's clock at a pulse, None for a clamp.

    `milli` are thousandths beyond `counter`, 0 to 999, which only boards with SPI tell.
    """

    sensor: str
    counter: int
    ms: int | None
    milli: int = 0


@dataclass(frozen=True, slots=True)
class PowerLine:
    """`pwr`: the power of a clamp in W, once a second."""

    sensor: str
    watt: int


@dataclass(frozen=True, slots=True)
class MessageLine:
    """`msg`: what the board has to say, for the log."""

    text: str


@dataclass(frozen=True, slots=True)
class MeterLine:
    """What a meter tells that counts for itself: P1 or Modbus.

    `counter` in whole Wh or L (32 bit) with `milli` thousandths beyond it, None when it told no counter. `gauge` in W
    (negative: it flows out) or L/min, None while the meter tells none.
    """

    sensor: str
    counter: int | None
    milli: int = 0
    gauge: float | None = None


Line = CounterLine | PowerLine | MessageLine | MeterLine
"""What a link hands to the meter."""


def parse(line: bytes) -> Line | None:
    """Read one line without its newline; None when it is not exactly a line of the board."""
    if (match := _PULSE.fullmatch(line)) is not None:
        counter = int(match[2])
        ms = None if match[3] is None else int(match[3])
        if counter >= _U32 or (ms is not None and ms >= _U32):
            return None
        return CounterLine(match[1].decode(), counter, ms)
    if (match := _POWER.fullmatch(line)) is not None:
        watt = int(match[2])
        return None if watt >= _U32 else PowerLine(match[1].decode(), watt)
    if (match := _MESSAGE.fullmatch(line)) is not None:
        return MessageLine(match[1].decode())
    return None


class LineSplitter:
    """Cuts the byte stream into lines and parses them.

    `rejected` counts lines that were dropped, `last_rejected` shows the beginning of the newest of them. Memory is
    bounded: of an over-long line only its beginning is kept until its newline comes.
    """

    def __init__(self) -> None:
        self.rejected = 0
        self.last_rejected = b""
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Line]:
        """Take any bytes and return the good lines that ended in them, in order. Never raises."""
        *ended, rest = (self._rest + data).split(b"\n")
        lines: list[Line] = []
        for raw in ended:
            overlong, self._overlong = self._overlong, False
            if not raw and not overlong:
                continue  # the board's first line after power-up is empty
            line = None if overlong or len(raw) > MAX_MESSAGE else parse(raw)
            if line is None:
                self.rejected += 1
                self.last_rejected = raw[:MAX_MESSAGE]
            else:
                lines.append(line)
        if len(rest) > MAX_MESSAGE:
            self._overlong = True
            rest = rest[:MAX_MESSAGE]
        self._rest = rest
        return lines

    def restart(self) -> None:
        """Forget a half line: the port was opened anew."""
        self._rest = b""
        self._overlong = False
