"""What each board is made of. Pins come from its header in avr/boards, the rest is the wiring's own."""

from __future__ import annotations

from dataclasses import dataclass

from fluksosim.board_header import BoardHeader

Pair = tuple[int, int]


@dataclass(frozen=True)
class Wiring:
    """A board: pins as `PC0`, screw terminals as pairs of numbers, hold-up capacitor in uF."""

    header: BoardHeader
    clamps: tuple[str, ...]
    pulses: tuple[str, ...]
    led: str
    drive: str | None  # RS-485 driver enable
    clamp_terminals: tuple[Pair, ...]
    pulse_terminals: tuple[Pair, ...]
    hold_up_uf: int


WITH_RS485 = {"v2_0"}
HOLD_UP_UF = {"v0_1": 1500, "v1_1": 1500, "v2_0": 4700, "uno": 4700}


def wiring(board: str) -> Wiring:
    """Return the wiring of a board. ValueError for an unknown one, KeyError if its header lacks a pin."""
    header = BoardHeader(board)
    clamps = tuple(f"PC{channel}" for channel in header.numbers("CLAMP_ADC_CHANNELS"))
    pulses = tuple(_pin(header.text("PULSE_PORT"), bit) for bit in header.numbers("PULSE_BITS"))
    first = 1 + 2 * len(clamps)
    return Wiring(
        header,
        clamps,
        pulses,
        _pin(header.text("LED_PORT"), header.number("LED_BIT")),
        _pin(header.text("RS485_PORT"), header.number("RS485_DRIVE_BIT")) if board in WITH_RS485 else None,
        tuple((1 + 2 * i, 2 + 2 * i) for i in range(len(clamps))),
        tuple((first + 2 * i, first + 2 * i + 1) for i in range(len(pulses))),
        HOLD_UP_UF[board],
    )


def _pin(port: str, bit: int) -> str:
    return f"P{port[-1]}{bit}"
