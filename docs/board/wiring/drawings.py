"""The sheets: one for each board. The pins come from the boards' headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from . import circuits
from .boards import Wiring, wiring
from .pins import NUMBER, arduino_name, full_name
from .sheet import Pin, Sheet, Xy

Named = Sequence[tuple[str, str | None]]
BURDEN_50_A = 88.7
BIASED_BURDEN_50_A = 47
FULL = circuits.WIDTH
HALF = 12.0


def _chip(sheet: Sheet, board: Wiring, left: Named, right: Named) -> float:
    def pins(named: Named) -> list[Pin]:
        return [Pin(full_name(pin), str(NUMBER[pin]), net) for pin, net in named]

    grounds = [Pin("GND", "8", "GND"), Pin("GND", "22", "GND")]
    name = board.header.text("BOARD_MCU").replace("atmega", "ATmega").replace("8p", "8P")
    bottom = sheet.box((3.0, 0), 5.4, pins(left), [*pins(right), *grounds], f"{name}, 28-pin DIP")
    sheet.text((3.0, bottom - 0.35), "Pins that are not shown stay open.", size=10)
    return bottom


def _inputs(board: Wiring) -> list[tuple[str, str | None]]:
    clamps = [(pin, f"CLAMP{i + 1}") for i, pin in enumerate(board.clamps)]
    return [*clamps, *((pin, f"PULSE{i + 1}") for i, pin in enumerate(board.pulses))]


def _other_clamps(board: Wiring) -> str:
    others = (
        f"{i + 1}: terminals {a} and {b}, net CLAMP{i + 1}" for i, (a, b) in enumerate(board.clamp_terminals) if i
    )
    return f" ({'; '.join(others)})"


def _pulse(sheet: Sheet, board: Wiring, at: tuple[float, float], supply: str) -> None:
    a, b = board.pulse_terminals[1]
    circuits.pulse_input(
        sheet, at, 1, board.pulse_terminals[0], "PULSE1", supply, f" (2: terminals {a} and {b}, net PULSE2)"
    )


def _around(sheet: Sheet, corner: Xy, width: float) -> None:
    """Draw what stands around every controller."""
    x, y = corner
    sheet.frame(corner, (x + width, y - 4.4), "Around the controller")
    circuits.to_ground(sheet, (x + 2.2, y - 1.8), "AREF", "100 nF")
    circuits.to_ground(sheet, (x + 5.4, y - 1.8), "VCC", "2 x 100 nF\nat pins 7\nand 20")
    if width > HALF:
        circuits.pull_up(sheet, (x + 8.3, y - 1.7), "RESET")


def _mean_clamp(sheet: Sheet, board: Wiring, top: float) -> None:
    burden = f"{BURDEN_50_A} Ω (50 A)"
    circuits.rectified_clamp(sheet, (0, top), 1, board.clamp_terminals[0], burden, "CLAMP1", _other_clamps(board))


def _uart_board(sheet: Sheet, board: Wiring, header: Sequence[str], title: str) -> tuple[float, float]:
    """Draw what v0_1 and v1_1 share; return the upper right end of the last row, which is half empty."""
    left = [*_inputs(board), ("PD7", "SENSE"), ("AREF", "AREF")]
    programming: Named = [("PB3", "MOSI"), ("PB4", "MISO"), (board.led, "SCK"), ("PC6", "RESET")]
    _chip(sheet, board, left, [("PD1", "TXD"), *programming, ("VCC", "VCC"), ("AVCC", "VCC")])
    circuits.supply(sheet, (HALF, 0.3), f"{board.hold_up_uf} µF", "SENSE")
    top = -8.9
    _mean_clamp(sheet, board, top)
    _pulse(sheet, board, (0, top - 7.7), "VCC")
    sheet.frame((HALF, top - 7.7), (FULL, top - 13.9), title)
    sheet.strip((HALF + 0.6, top - 8.7), header)
    circuits.down_to_3v3(sheet, (HALF + 5.6, top - 9.6), "TXD", "TXD 3.3 V")
    circuits.led(sheet, (HALF + 5.6, top - 12.9), "SCK", active_low=False)
    _around(sheet, (0, top - 14.3), FULL)
    return 11.6, top - 14.3


def _v0_1(sheet: Sheet) -> None:
    header = ["+5V", "GND", "TXD", "TXD 3.3 V", "RESET", "SCK", "MISO", "MOSI"]
    x, y = _uart_board(sheet, wiring("v0_1"), header, "8-pin header and LED")
    sheet.text((x + 0.6, y - 1.9), "Main board: pins 1, 2 and 4.", size=10)
    sheet.text((x + 0.6, y - 2.5), "Programmer: pins 1, 2 and 5 to 8 (5 V signals).", size=10)
    sheet.text((x + 0.6, y - 3.1), "The LED shares pin 19 with SCK.", size=10)


def _v1_1(sheet: Sheet) -> None:
    x, y = _uart_board(sheet, wiring("v1_1"), ["+5V", "GND", "TXD 3.3 V", ""], "Main board and LED")
    circuits.isp(sheet, (x + 4.3, y - 0.7))


def _v2_0(sheet: Sheet) -> None:
    board = wiring("v2_0")
    left: Named = [*_inputs(board), ("PD7", "SENSE"), (str(board.drive), "DIR"), (board.led, "LED"), ("AREF", "AREF")]
    spi: Named = [("PB2", "SS"), ("PB3", "MOSI"), ("PB4", "MISO"), ("PB5", "SCK"), ("PC6", "RESET")]
    uart: Named = [("PD0", "RXD"), ("PD1", "TXD"), ("PB6", "XTAL1"), ("PB7", "XTAL2"), ("VCC", "VCC"), ("AVCC", "VCC")]
    _chip(sheet, board, left, [*spi, *uart])
    circuits.supply(sheet, (HALF, 0.3), f"{board.hold_up_uf} µF", "SENSE")
    sheet.frame((HALF, -6.3), (FULL, -12.0), "LED and receiver")
    circuits.led(sheet, (HALF + 2.2, -7.9), "LED", active_low=True)
    circuits.receive_jumper(sheet, (HALF + 0.8, -9.6))
    top = -12.4
    _mean_clamp(sheet, board, top)
    _pulse(sheet, board, (0, top - 7.7), "VCC")
    sheet.frame((HALF, top - 7.7), (FULL, top - 13.9), "8-pin header: main board (3.3 V signals)")
    main = ["+5V", "GND", "+3.3V", "SCK 3.3 V", "MOSI 3.3 V", "MISO 3.3 V", "CE 3.3 V", "RESET 3.3 V"]
    sheet.strip((HALF + 0.6, top - 8.7), main)
    circuits.pull_up(sheet, (HALF + 7.6, top - 9.8), "RESET")
    circuits.level_shifter(sheet, (0, top - 14.3))
    circuits.rs485(sheet, (0, top - 22.1), (11, 12), "DIR")
    sheet.frame((14.4, top - 22.1), (FULL, top - 29.7), "Programmer (5 V) and crystal")
    circuits.isp(sheet, (17.6, top - 22.9))
    circuits.crystal(sheet, (17.0, top - 27.4), "16 MHz", "22 pF")
    circuits.p1(sheet, (0, top - 30.1))
    _around(sheet, (14.4, top - 30.1), FULL - 14.4)


def _uno(sheet: Sheet) -> None:
    board = wiring("uno")
    left = [Pin(f"{arduino_name(pin)} ({pin})", "", net) for pin, net in [*_inputs(board), ("PD7", "SENSE")]]
    bottom = sheet.box(
        (3.0, 0), 5.4, left, [Pin("5V", "", "+5V"), Pin("GND", "", "GND"), Pin("VIN", "", "VIN")], "Arduino Uno"
    )
    sheet.text((3.0, bottom - 0.4), "Pins that are not shown stay open.", size=10)
    sheet.text((3.0, bottom - 0.9), f"LED: the Uno's own at {arduino_name(board.led)} ({board.led}).", size=10)
    sheet.text((3.0, bottom - 1.4), "Lines leave through its USB socket.", size=10)
    circuits.sense_vin(sheet, (HALF, 0.3), "SENSE", f"{board.hold_up_uf} µF")
    circuits.sense_off(sheet, (HALF, -6.3), "SENSE")
    burden = f"{BIASED_BURDEN_50_A} Ω (50 A)"
    circuits.biased_clamp(
        sheet, (0, -10.0), 1, board.clamp_terminals[0], burden, "CLAMP1", _other_clamps(board), "+5V", "100 nF"
    )
    _pulse(sheet, board, (0, -17.4), "+5V")


DRAWINGS: dict[str, tuple[str, Callable[[Sheet], None]]] = {
    "v0_1": ("Wiring of sensor board v0.1", _v0_1),
    "v1_1": ("Wiring of sensor board v1.1", _v1_1),
    "v2_0": ("Wiring of sensor board v2.0", _v2_0),
    "uno": ("Wiring of an Arduino Uno as sensor board", _uno),
}


def draw(name: str, path: Path) -> None:
    """Draw one of DRAWINGS into the file `path`."""
    title, sheet = DRAWINGS[name]
    drawn = Sheet()
    sheet(drawn)
    drawn.save(path, title)
