"""Pins of the ATmega168 and ATmega328P in the 28-pin package, and of the Arduino Uno (from their data sheets)."""

from __future__ import annotations

PACKAGE = (
    ("PC6", "RESET"), ("PD0", "RXD"), ("PD1", "TXD"), ("PD2", "INT0"), ("PD3", "INT1"), ("PD4", "XCK"), ("VCC", ""),
    ("GND", ""), ("PB6", "XTAL1"), ("PB7", "XTAL2"), ("PD5", "T1"), ("PD6", "AIN0"), ("PD7", "AIN1"), ("PB0", "ICP1"),
    ("PB1", "OC1A"), ("PB2", "SS"), ("PB3", "MOSI"), ("PB4", "MISO"), ("PB5", "SCK"), ("AVCC", ""), ("AREF", ""),
    ("GND", ""), ("PC0", "ADC0"), ("PC1", "ADC1"), ("PC2", "ADC2"), ("PC3", "ADC3"), ("PC4", "ADC4"), ("PC5", "ADC5"),
)  # fmt: skip
"""Name and second name of pins 1 to 28."""

NUMBER = {name: i + 1 for i, (name, _) in enumerate(PACKAGE) if name != "GND"}
SECOND = dict(PACKAGE)


def full_name(pin: str) -> str:
    """Return for example `PC0 (ADC0)`. KeyError for a pin that does not exist."""
    return f"{pin} ({SECOND[pin]})" if SECOND[pin] else pin


def arduino_name(pin: str) -> str:
    """Return what the Arduino Uno calls a pin, for example `A0` for PC0. KeyError for a pin it has not."""
    port, bit = pin[:2], int(pin[2])
    if pin in {"PB6", "PB7", "PC6"} or pin not in NUMBER:
        raise KeyError(pin)
    return {"PC": f"A{bit}", "PD": f"D{bit}", "PB": f"D{bit + 8}"}[port]
