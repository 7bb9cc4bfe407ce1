"""The flat C interface of avr/sim/fluksosim.c, through ctypes."""

from __future__ import annotations

import ctypes
from ctypes import CDLL, POINTER, c_char_p, c_double, c_int, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "open": (c_void_p, (c_char_p, c_char_p, c_uint32, c_uint64, c_char_p, c_int)),
    "close": (None, (c_void_p,)),
    "power_on": (None, (c_void_p,)),
    "power_off": (None, (c_void_p,)),
    "reset": (None, (c_void_p,)),
    "supply": (None, (c_void_p, c_double)),
    "powered": (c_int, (c_void_p,)),
    "resets": (c_uint32, (c_void_p,)),
    "run": (c_int, (c_void_p, c_uint64)),
    "cycle": (c_uint64, (c_void_p,)),
    "powered_cycles": (c_uint64, (c_void_p,)),
    "awake_cycles": (c_uint64, (c_void_p,)),
    "clamp": (
        c_int,
        (c_void_p, c_int, c_double, c_double, c_double, c_double, c_double, c_int, POINTER(c_double)),
    ),
    "clamp_seen": (c_double, (c_void_p, c_int)),
    "measure_anew": (None, (c_void_p,)),
    "conversions": (c_uint64, (c_void_p, c_int)),
    "interrupt_run": (c_uint64, (c_void_p, c_int)),
    "interrupt_wait": (c_uint64, (c_void_p, c_int)),
    "mains": (None, (c_void_p, c_double)),
    "contact": (None, (c_void_p, c_uint64, c_int, c_int, c_int)),
    "uart": (c_int, (c_void_p, POINTER(c_uint8), POINTER(c_uint64), c_int)),
    "spi": (c_int, (c_void_p, POINTER(c_uint8), POINTER(c_uint8), c_int, c_uint64)),
    "uart_receive": (c_int, (c_void_p, POINTER(c_uint8), c_int, c_uint64, c_uint64)),
    "uart_lost": (c_uint64, (c_void_p,)),
    "data": (c_uint8, (c_void_p, c_uint16)),
    "ram_end": (c_uint16, (c_void_p,)),
    "poke": (None, (c_void_p, c_uint16, c_uint8)),
    "eeprom_size": (c_uint32, (c_void_p,)),
    "eeprom_read": (None, (c_void_p, POINTER(c_uint8))),
    "eeprom_load": (None, (c_void_p, POINTER(c_uint8))),
    "eeprom_operations": (c_uint64, (c_void_p,)),
    "eeprom_wear": (None, (c_void_p, POINTER(c_uint32))),
    "eeprom_erased": (None, (c_void_p, POINTER(c_uint32))),
    "hold_reset": (None, (c_void_p, c_int)),
    "isp": (c_int, (c_void_p, c_char_p, POINTER(c_uint8))),
    "fuses": (None, (c_void_p, POINTER(c_uint8))),
    "trace_pin": (c_int, (c_void_p, c_char_p, c_int, c_int)),
    "trace_interrupt": (c_int, (c_void_p, c_char_p, c_int)),
    "trace_begin": (c_int, (c_void_p, c_char_p)),
    "trace_end": (c_int, (c_void_p,)),
    "cut_at_operation": (None, (c_void_p, c_uint64, c_int)),
}


class SimulatorError(RuntimeError):
    """The simulator cannot do what was asked."""


class Native:
    """One chip in simavr. Every function of the C file is a method of the same name; see there."""

    def __init__(self, library: Path, firmware_hex: Path, mcu: str, hz: int, seed: int) -> None:
        loaded = CDLL(str(library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(loaded, f"fluksosim_{name}")
            function.restype, function.argtypes = result, arguments
        self._library = loaded
        error = ctypes.create_string_buffer(512)
        handle = loaded.fluksosim_open(str(firmware_hex).encode(), mcu.encode(), hz, seed, error, len(error))
        if not handle:
            raise SimulatorError(error.value.decode(errors="replace"))
        self._handle: int | None = handle

    def call(self, name: str, *arguments: Any) -> Any:
        """Call fluksosim_<name>(handle, *arguments). SimulatorError after close()."""
        if self._handle is None:
            raise SimulatorError("the simulated board is closed")
        return getattr(self._library, f"fluksosim_{name}")(self._handle, *arguments)

    def close(self) -> None:
        """Free the chip; harmless when repeated."""
        if self._handle is not None:
            self._library.fluksosim_close(self._handle)
            self._handle = None
