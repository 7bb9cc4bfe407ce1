"""The circuits that the boards share. Each is drawn below and right of `at`; flags with net names connect them."""

from __future__ import annotations

import schemdraw.elements as elm

from .sheet import Pin, Sheet, Xy

WIDTH = 23.6  # of a whole sheet


def rectified_clamp(
    s: Sheet, at: Xy, number: int, terminals: tuple[int, int], burden: str, net: str, also: str
) -> None:
    """Draw a clamp's burden, the full-wave rectifier of two amplifiers and the averaging filter."""
    x, y = at
    s.frame(at, (x + WIDTH, y - 7.3), f"Clamp {number}: full-wave rectified mean{also}")
    hot, low = y - 1.9, y - 5.6
    s.terminal((x + 1.9, hot), str(terminals[0]), "clamp")
    s.terminal((x + 1.9, low), str(terminals[1]), "clamp")
    s.wire((x + 2.2, hot), (x + 8.2, hot))
    s.wire((x + 2.2, low), (x + 5.4, low))
    s.part(elm.DiodeTVS, (x + 3.1, hot), (x + 3.1, low), "D1\nP6KE\n6.8CA", "right")
    s.part(elm.ResistorIEC, (x + 5.4, hot), (x + 5.4, low), f"R1 burden\n{burden}", "right")
    s.dot((x + 3.1, hot), (x + 5.4, hot), (x + 3.1, low), (x + 5.4, low))
    s.ground((x + 5.4, low))
    # First amplifier: follows the positive half wave, rests at 0 V in the negative one.
    s.wire((x + 8.2, hot), (x + 8.2, y - 4.2))
    s.part(elm.ResistorIEC, (x + 8.2, y - 4.2), (x + 10.5, y - 4.2), "R2 100 k", "bottom")
    plus, minus, out = s.opamp((x + 10.5, y - 2.95), "IC1A", ("3", "2", "1"))
    s.wire((x + 10.5, y - 4.2), plus)
    s.wire(minus, (minus[0], y - 2.4), (out[0], y - 2.4), out)
    s.dot(out)
    # Second amplifier: twice the first less the input, which is the absolute value.
    s.dot((x + 8.2, hot))
    s.part(elm.ResistorIEC, (x + 8.2, hot), (x + 14.4, hot), "R3 100 k", "top")
    plus, minus, out2 = s.opamp((x + 15.0, y - 2.95), "IC1B", ("5", "6", "7"))
    s.wire(out, (x + 14.5, out[1]), (x + 14.5, plus[1]), plus)
    s.wire((x + 14.4, hot), (x + 15.0, hot), minus)
    s.dot((x + 15.0, hot))
    s.part(elm.ResistorIEC, (x + 15.0, hot), (out2[0], hot), "R4 100 k", "top")
    s.wire((out2[0], hot), out2)
    s.dot(out2)
    s.part(elm.ResistorIEC, out2, (x + 19.9, out2[1]), "R5\n10 k", "top")
    s.wire((x + 19.9, out2[1]), (x + 21.2, out2[1]))
    s.dot((x + 19.9, out2[1]), (x + 20.9, out2[1]))
    s.part(elm.ResistorIEC, (x + 19.9, out2[1]), (x + 19.9, low), "R6\n10 k", "left")
    s.part(elm.Capacitor, (x + 20.9, out2[1]), (x + 20.9, low), "C1\n10 µF", "right")
    s.ground((x + 19.9, low), (x + 20.9, low))
    s.net((x + 21.2, out2[1]), net)
    s.text((x + 7.4, y - 6.3), "IC1 = MCP6022: pin 8 to +5V, pin 4 to GND, 100 nF between them.", size=10)
    s.text((x + 7.4, y - 6.8), "All resistors 1 %, metal film. C1 ceramic X7R.", size=10)


def biased_clamp(
    s: Sheet,
    at: Xy,
    number: int,
    terminals: tuple[int, int],
    burden: str,
    net: str,
    also: str,
    supply: str,
    filter_c: str,
) -> None:
    """Draw a clamp's burden on a bias of half the supply and its anti-alias filter."""
    x, y = at
    s.frame(at, (x + WIDTH, y - 7.0), f"Clamp {number}: biased at half the supply, true RMS{also}")
    hot, low = y - 2.0, y - 4.3
    s.terminal((x + 1.9, hot), str(terminals[0]), "clamp")
    s.terminal((x + 1.9, low), str(terminals[1]), "clamp")
    s.wire((x + 2.2, hot), (x + 9.4, hot))
    s.wire((x + 2.2, low), (x + 15.6, low))
    s.part(elm.DiodeTVS, (x + 3.8, hot), (x + 3.8, low), "D1\nP6KE6.8CA", "right")
    s.part(elm.ResistorIEC, (x + 7.4, hot), (x + 7.4, low), f"R1 burden\n{burden}", "right")
    s.dot((x + 3.8, hot), (x + 7.4, hot), (x + 3.8, low), (x + 7.4, low))
    s.part(elm.ResistorIEC, (x + 9.4, hot), (x + 18.0, hot), "R2 1 k", "top")
    s.dot((x + 19.2, hot))
    s.wire((x + 18.0, hot), (x + 20.0, hot))
    s.part(elm.Capacitor, (x + 19.2, hot), (x + 19.2, y - 4.3), f"C1\n{filter_c}", "right")
    s.ground((x + 19.2, y - 4.3))
    s.net((x + 20.0, hot), net)
    # The bias, one for all clamps.
    bias = y - 5.75
    s.net((x + 8.4, bias), supply, "left")
    s.part(elm.ResistorIEC, (x + 8.4, bias), (x + 11.4, bias), "R3 10 k", "top")
    s.wire((x + 11.4, low), (x + 11.4, bias))
    s.dot((x + 11.4, low), (x + 11.4, bias))
    s.part(elm.ResistorIEC, (x + 11.4, bias), (x + 14.0, bias), "R4 10 k", "top")
    s.ground((x + 14.0, bias))
    s.part(elm.Capacitor2, (x + 15.6, low), (x + 15.6, bias), "C2 47 µF\nplus upwards", "right")
    s.ground((x + 15.6, bias))
    s.text((x + 0.4, y - 6.5), "R3, R4, C2 once for all clamps.", size=10)


def pulse_input(s: Sheet, at: Xy, number: int, terminals: tuple[int, int], net: str, supply: str, also: str) -> None:
    """Draw a pulse input: pull-up, surge diode, series resistor and filter."""
    x, y = at
    s.frame(at, (x + 11.6, y - 6.2), f"Pulse input {number}{also}")
    hot, low = y - 3.5, y - 5.4
    s.terminal((x + 1.9, hot), str(terminals[0]), "S0+")
    s.terminal((x + 1.9, low), str(terminals[1]), "S0-")
    s.wire((x + 2.2, hot), (x + 5.2, hot))
    s.wire((x + 2.2, low), (x + 3.0, low))
    s.ground((x + 3.0, low))
    s.dot((x + 3.0, hot), (x + 5.2, hot))
    s.part(elm.DiodeTVS, (x + 3.0, hot), (x + 3.0, low), "D\nP6KE6.8CA", "right")
    s.dot((x + 3.0, low))
    s.supply((x + 5.2, y - 2.0), supply)
    s.part(elm.ResistorIEC, (x + 5.2, y - 2.0), (x + 5.2, hot), "4.7 k", "right")
    s.part(elm.ResistorIEC, (x + 5.2, hot), (x + 7.6, hot), "1 k", "bottom")
    s.dot((x + 7.6, hot))
    s.part(elm.Capacitor, (x + 7.6, hot), (x + 7.6, low), "100 nF", "right")
    s.ground((x + 7.6, low))
    s.wire((x + 7.6, hot), (x + 8.2, hot))
    s.net((x + 8.2, hot), net)


def supply(s: Sheet, at: Xy, hold_up: str, net: str) -> None:
    """Draw the 5 V input, the divider of the power-loss comparator and the capacitor that carries the controller."""
    x, y = at
    s.frame(at, (x + 11.6, y - 6.2), "Supply and power-loss sensing")
    rail = y - 2.0
    s.net((x + 1.5, rail), "+5V", "left")
    s.wire((x + 1.5, rail), (x + 5.0, rail))
    s.dot((x + 2.3, rail))
    s.part(elm.ResistorIEC, (x + 2.3, rail), (x + 2.3, y - 3.7), "34.0 k", "left")
    s.dot((x + 2.3, y - 3.7))
    s.part(elm.ResistorIEC, (x + 2.3, y - 3.7), (x + 2.3, y - 5.4), "10.0 k", "left")
    s.ground((x + 2.3, y - 5.4))
    s.wire((x + 2.3, y - 3.7), (x + 4.3, y - 3.7))
    s.dot((x + 3.6, y - 3.7))
    s.part(elm.Capacitor, (x + 3.6, y - 3.7), (x + 3.6, y - 5.4), "10 nF", "right")
    s.ground((x + 3.6, y - 5.4))
    s.net((x + 4.3, y - 3.7), net)
    s.part(elm.Schottky, (x + 5.0, rail), (x + 7.2, rail), "1N5817", "top")
    s.wire((x + 7.2, rail), (x + 9.6, rail))
    s.dot((x + 8.2, rail))
    s.net((x + 9.6, rail), "VCC")
    s.part(elm.Capacitor2, (x + 8.2, rail), (x + 8.2, y - 5.4), f"{hold_up}\n10 V, plus\nto VCC", "right")
    s.ground((x + 8.2, y - 5.4))


def isp(s: Sheet, at: Xy) -> None:
    """Draw the 6-pin programming connector."""
    left = [Pin("MISO", "1", "MISO"), Pin("SCK", "3", "SCK"), Pin("RESET", "5", "RESET")]
    right = [Pin("VCC", "2", "+5V"), Pin("MOSI", "4", "MOSI"), Pin("GND", "6", "GND")]
    s.box(at, 3.6, left, right, "ISP, 2 x 3 pins")


def pull_up(s: Sheet, at: Xy, net: str, value: str = "10 k") -> None:
    """Draw a pull-up to VCC."""
    x, y = at
    s.supply((x, y), "VCC")
    s.part(elm.ResistorIEC, (x, y), (x, y - 1.7), value, "right")
    s.net((x, y - 1.7), net)


def to_ground(s: Sheet, at: Xy, net: str, value: str) -> None:
    """Draw a capacitor from a net to ground."""
    x, y = at
    s.net((x, y), net, "left")
    s.part(elm.Capacitor, (x, y), (x, y - 1.5), value, "right")
    s.ground((x, y - 1.5))


def led(s: Sheet, at: Xy, net: str, *, active_low: bool) -> None:
    """Draw the LED: to ground, or to VCC if it lights when the pin is low."""
    x, y = at
    s.net((x, y), net, "left")
    s.part(elm.ResistorIEC, (x, y), (x + 2.2, y), "1 k", "top")
    if active_low:
        s.part(elm.LED, (x + 4.2, y), (x + 2.2, y), "LED", "top")
        s.net((x + 4.2, y), "VCC")
    else:
        s.part(elm.LED, (x + 2.2, y), (x + 4.2, y), "LED", "bottom")
        s.ground((x + 4.2, y))


def crystal(s: Sheet, at: Xy, value: str, load: str) -> None:
    """Draw the crystal and its load capacitors."""
    x, y = at
    s.net((x, y), "XTAL1", "left")
    s.wire((x, y), (x + 0.6, y))
    s.part(elm.Crystal, (x + 0.6, y), (x + 3.2, y), value, "top")
    s.wire((x + 3.2, y), (x + 3.8, y))
    s.net((x + 3.8, y), "XTAL2")
    for column in (x + 0.6, x + 3.2):
        s.dot((column, y))
        s.part(elm.Capacitor, (column, y), (column, y - 1.6), load, "right")
        s.ground((column, y - 1.6))


def down_to_3v3(s: Sheet, at: Xy, source: str, target: str) -> None:
    """Draw a divider that takes a 5 V output to a 3.3 V input."""
    x, y = at
    s.net((x, y), source, "left")
    s.part(elm.ResistorIEC, (x, y), (x + 2.4, y), "1.8 k", "top")
    s.dot((x + 2.4, y))
    s.part(elm.ResistorIEC, (x + 2.4, y), (x + 2.4, y - 1.9), "3.3 k", "right")
    s.ground((x + 2.4, y - 1.9))
    s.wire((x + 2.4, y), (x + 3.0, y))
    s.net((x + 3.0, y), target)


def level_shifter(s: Sheet, at: Xy) -> None:
    """Draw the 74AHCT125 from the main board's 3.3 V to 5 V, and the divider for the way back."""
    x, y = at
    s.frame(
        at, (x + WIDTH, y - 7.4), "Level shifter: SPI and reset from the main board (3.3 V) to the controller (5 V)"
    )
    gates = (
        ("SCK 3.3 V", "SCK", ("2", "3")),
        ("MOSI 3.3 V", "MOSI", ("5", "6")),
        ("RESET 3.3 V", "RESET", ("12", "11")),
        ("CE 3.3 V", "SS", ("9", "8")),
    )
    for i, (source, target, pins) in enumerate(gates):
        row = y - 1.6 - 1.3 * i
        s.net((x + 3.6, row), source, "left")
        end = s.buffer((x + 3.6, row))
        s.text((x + 3.72, row + 0.06), pins[0], "center", "bottom", size=9)
        s.text((end[0] - 0.1, row + 0.06), pins[1], "center", "bottom", size=9)
        if target == "SS":
            s.wire(end, (end[0] + 2.4, row))
        else:  # a programmer at the ISP connector must be stronger than the gate
            s.part(elm.ResistorIEC, end, (end[0] + 2.4, row), "1 k", "bottom")
        s.net((end[0] + 2.4, row), target)
    s.text(
        (x + 0.4, y - 6.6), "IC2 = 74AHCT125: pin 14 to +5V, pins 7, 1, 4, 10, 13 to GND, 100 nF at pin 14.", size=10
    )
    s.text((x + 0.4, y - 7.05), "Not 74HC: its inputs want 3.5 V.", size=10)
    down_to_3v3(s, (x + 14.4, y - 1.8), "MISO", "MISO 3.3 V")
    for net, row in (("RESET 3.3 V", y - 4.9), ("CE 3.3 V", y - 6.4)):
        s.net((x + 17.4, row), "+3.3V", "left")
        s.part(elm.ResistorIEC, (x + 17.4, row), (x + 19.6, row), "10 k", "top")
        s.net((x + 19.6, row), net)


def rs485(s: Sheet, at: Xy, terminals: tuple[int, int], direction: str) -> None:
    """Draw the RS-485 transceiver with termination and fail-safe bias."""
    x, y = at
    s.frame(at, (x + 14.0, y - 7.6), "RS-485, half-duplex")
    left = [
        Pin("RO", "1", "RO"),
        Pin("RE (low: listen)", "2", direction),
        Pin("DE (high: send)", "3", direction),
        Pin("DI", "4", "TXD"),
    ]
    s.box((x + 2.9, y - 1.2), 4.0, left, [], "IC3 MAX485")
    s.text((x + 0.4, y - 6.2), "Pin 8 to +5V, pin 5 to GND,", size=10)
    s.text((x + 0.4, y - 6.65), "100 nF between them. JP2 closed", size=10)
    s.text((x + 0.4, y - 7.1), "only at the two ends of the cable.", size=10)
    bus_a, bus_b, edge = y - 2.9, y - 4.6, x + 6.9
    s.wire((edge, bus_a), (x + 12.8, bus_a))
    s.wire((edge, bus_b), (x + 12.8, bus_b))
    for line, name, number in ((bus_a, "A", "6"), (bus_b, "B", "7")):
        s.text((edge - 0.15, line), name, "right", "center")
        s.text((edge + 0.1, line + 0.06), number, "left", "bottom", size=9)
    s.dot((x + 8.6, bus_a), (x + 8.6, bus_b))
    s.supply((x + 8.6, y - 1.3), "+5V")
    s.part(elm.ResistorIEC, (x + 8.6, y - 1.3), (x + 8.6, bus_a), "680 Ω", "right")
    s.part(elm.ResistorIEC, (x + 8.6, bus_b), (x + 8.6, y - 6.3), "680 Ω", "right")
    s.ground((x + 8.6, y - 6.3))
    s.dot((x + 10.4, bus_a), (x + 10.4, bus_b))
    s.part(elm.ResistorIEC, (x + 10.4, bus_a), (x + 10.4, bus_b + 0.3), "120 Ω\nJP2", "right")
    s.wire((x + 10.4, bus_b + 0.3), (x + 10.4, bus_b))
    s.terminal((x + 13.1, bus_a), str(terminals[0]), "")
    s.terminal((x + 13.1, bus_b), str(terminals[1]), "")
    s.text((x + 12.5, bus_a + 0.1), "A", "right", "bottom")
    s.text((x + 12.5, bus_b + 0.1), "B", "right", "bottom")


def p1(s: Sheet, at: Xy) -> None:
    """Draw the P1 port: request line, and the inverter for the open collector data line."""
    x, y = at
    s.frame(at, (x + 14.0, y - 6.8), "P1 port of a meter (RJ12 socket)")
    pins = [
        Pin("1: +5V", "", None),
        Pin("2: request", "", "+5V"),
        Pin("3: data GND", "", "GND"),
        Pin("4: open", "", None),
        Pin("5: data", "", "DATA"),
        Pin("6: power GND", "", "GND"),
    ]
    s.box((x + 0.5, y - 1.1), 2.8, [], pins, "RJ12")
    s.supply((x + 8.2, y - 1.7), "+5V")
    s.part(elm.ResistorIEC, (x + 8.2, y - 1.7), (x + 8.2, y - 3.6), "1 k", "right")
    s.net((x + 7.4, y - 3.6), "DATA", "left")
    s.wire((x + 7.4, y - 3.6), (x + 8.2, y - 3.6))
    s.dot((x + 8.2, y - 3.6))
    s.supply((x + 11.0, y - 1.7), "+5V")
    s.part(elm.ResistorIEC, (x + 11.0, y - 1.7), (x + 11.0, y - 3.6), "1 k", "right")
    s.dot((x + 11.0, y - 3.6))
    s.wire((x + 11.0, y - 3.6), (x + 11.6, y - 3.6))
    s.net((x + 11.6, y - 3.6), "P1RX")
    gate, source = s.transistor((x + 11.0, y - 3.9))
    s.wire((x + 11.0, y - 3.6), (x + 11.0, y - 3.9))
    s.wire((x + 8.2, y - 3.6), (x + 8.2, gate[1]), gate)
    s.ground(source)
    s.text((x + 11.6, y - 4.7), "2N7000", "left", "center")


def receive_jumper(s: Sheet, at: Xy) -> None:
    """Draw the jumper that chooses what the UART hears."""
    x, y = at
    s.text((x, y + 0.35), "JP1: what RXD hears", "left", "center")
    s.strip(at, ["RO", "RXD", "P1RX"])
    s.text((x + 3.4, y - 0.6), "1-2: RS-485", size=10)
    s.text((x + 3.4, y - 1.2), "2-3: P1", size=10)
    pull_up(s, (x + 7.6, y + 0.3), "RXD")


def sense_vin(s: Sheet, at: Xy, net: str, hold_up: str) -> None:
    """Draw what an Arduino needs to foresee the end of its supply: a divider at VIN, behind the board's own diode."""
    x, y = at
    s.frame(at, (x + 11.6, y - 6.2), "Power-loss sensing, with a 9 V adapter")
    rail = y - 2.0
    s.net((x + 1.6, rail), "VIN", "left")
    s.wire((x + 1.6, rail), (x + 8.6, rail))
    s.dot((x + 2.5, rail))
    s.part(elm.ResistorIEC, (x + 2.5, rail), (x + 2.5, y - 3.7), "53.6 k", "left")
    s.dot((x + 2.5, y - 3.7))
    s.part(elm.ResistorIEC, (x + 2.5, y - 3.7), (x + 2.5, y - 5.4), "10.0 k", "left")
    s.ground((x + 2.5, y - 5.4))
    s.wire((x + 2.5, y - 3.7), (x + 4.8, y - 3.7))
    s.dot((x + 3.9, y - 3.7))
    s.part(elm.Capacitor, (x + 3.9, y - 3.7), (x + 3.9, y - 5.4), "10 nF", "right")
    s.ground((x + 3.9, y - 5.4))
    s.net((x + 4.8, y - 3.7), net)
    s.part(elm.Capacitor2, (x + 8.6, rail), (x + 8.6, y - 5.4), f"{hold_up}\n16 V, plus\nto VIN", "right")
    s.ground((x + 8.6, y - 5.4))


def sense_off(s: Sheet, at: Xy, net: str) -> None:
    """Draw the pull-up that stands for the divider on a board that is fed over USB only."""
    x, y = at
    s.frame(at, (x + 11.6, y - 3.0), "Instead, when fed over USB only")
    s.net((x + 2.0, y - 1.9), "+5V", "left")
    s.part(elm.ResistorIEC, (x + 2.0, y - 1.9), (x + 4.4, y - 1.9), "10 k", "top")
    s.net((x + 4.4, y - 1.9), net)
