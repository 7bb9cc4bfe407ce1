"""A sensor board: our compiled firmware in simavr, with hands on its inputs, its supply and its EEPROM.

with Board("v1_1", eeprom=image) as board:
    board.clamp_watts(0, 1000)
    lines = board.run_for(60)
"""

from __future__ import annotations

import ctypes
import enum
import random
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from .board_header import BoardHeader, FrontEnd
from .build import Built, build
from .house import METERCONST
from .native import Native, SimulatorError
from .trace import Trace
from .vectors import VECTORS
from .waveform import NOISE_STEPS, Waveform, front_end_view, watts_per_step

UART_CHUNK = 4096
RUN_CHUNK_S = 4.0  # shorter than the C side's UART queue lasts at 4800 Bd
SUPPLY_V = 5.0
TRIP_V = 1.1 * 4.4  # the comparator's threshold
BROWN_OUT_V = 2.7
WATTS_PER_STEP = METERCONST * 0.00225  # the original's factor: mean ADC step to W with the default constant


class CutLeaves(enum.IntEnum):
    """What a power cut in the middle of an EEPROM operation leaves in the cell."""

    ANYTHING = 0
    OLD = 1
    NEW = 2
    ERASED = 3


@dataclass(frozen=True)
class Line:
    """One line from the UART without its newline, and the simulated time (s) at which its newline began."""

    time_s: float
    text: str


class Board:
    """One board. Times are seconds of simulated time since it was made; clamps and pulse inputs count from 0."""

    def __init__(
        self,
        board: str = "v1_1",
        eeprom: bytes | None = None,
        seed: int = 1,
        power_up_silence_s: int = 0,
        built: Built | None = None,
        clock_ppm: float = 0.0,
        front_end: FrontEnd | None = None,
    ) -> None:
        """Make a board and give it power. `built` is what build() has returned: it saves a look at all sources.

        `clock_ppm`: how much faster than it should its oscillator runs, in millionths. `front_end`: of its clamps, if
        not the one that its header chooses.
        """
        built = built or build(board, power_up_silence_s, front_end)
        self.header = BoardHeader(board, front_end)
        self.hz = round(self.header.number("F_CPU") * (1 + clock_ppm / 1e6))
        self._native = Native(built.library, built.firmware_hex, self.header.text("BOARD_MCU"), self.hz, seed)
        self._random = random.Random(seed)  # noqa: S311 - bounce of contacts
        self._bytes = (ctypes.c_uint8 * UART_CHUNK)()
        self._cycles = (ctypes.c_uint64 * UART_CHUNK)()
        self.held = False  # in reset
        self._line = bytearray()
        self._raw = bytearray()
        self._pulse_free_s: dict[int, float] = {}
        self._measured_from_s = 0.0
        if eeprom is not None:
            self.load_eeprom(eeprom)
        for bit in self.header.numbers("PULSE_BITS"):
            self._native.call("contact", 0, ord(self._pulse_port), bit, 1)
        for clamp in range(self.header.number("CLAMP_COUNT")):
            self.clamp_waveform(clamp, Waveform(0, noise=0))
        self._native.call("power_on")

    def __enter__(self) -> Self:
        """Return the board itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the chip."""
        self.close()

    def close(self) -> None:
        """Free the chip."""
        self._native.close()

    # -- time --

    @property
    def time_s(self) -> float:
        """Simulated time in seconds."""
        return float(self._native.call("cycle")) / self.hz

    @property
    def powered_s(self) -> float:
        """Simulated time in which it had power, in seconds."""
        return float(self._native.call("powered_cycles")) / self.hz

    def run_for(self, seconds: float) -> list[Line]:
        """Run as fast as possible for so many simulated seconds; the lines completed meanwhile."""
        return self.run_until(self.time_s + seconds)

    def run_until(self, time_s: float) -> list[Line]:
        """Run until the simulated time; the lines completed meanwhile. SimulatorError when the firmware crashes."""
        lines: list[Line] = []
        while (now := self.time_s) < time_s:
            end = min(time_s, now + RUN_CHUNK_S)
            if self._native.call("run", round(end * self.hz)) < 0:
                raise SimulatorError("the firmware crashed: it ran into an invalid instruction or address")
            self._drain(lines)
            if now == self.time_s:  # less than one cycle was left
                break
        return lines

    def take_bytes(self) -> bytes:
        """Return what the UART sent since the last call, byte for byte."""
        taken, self._raw = bytes(self._raw), bytearray()
        return taken

    def spi(self, data: bytes, gap_s: float = 58e-6) -> bytes:
        """Transfer bytes as SPI master, one each `gap_s` (1 MHz and the daemon's 50 us); what the board shifted out."""
        out = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        heard = (ctypes.c_uint8 * len(data))()
        if self._native.call("spi", out, heard, len(data), round(gap_s * self.hz)) < 0:
            raise SimulatorError("the firmware crashed: it ran into an invalid instruction or address")
        return bytes(heard)

    def uart_receive(self, data: bytes, at_s: float | None = None) -> None:
        """Let bytes come in at the board's UART, at its own speed.

        Without `at_s` they come at once, and the board runs meanwhile; else from that simulated time on, when it runs.
        """
        gap = round(10 * self.hz / self.header.number("BAUD"))
        received = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        begin_s = self.time_s if at_s is None else at_s
        if self._native.call("uart_receive", received, len(data), round(begin_s * self.hz), gap) < 0:
            raise ValueError("that is more than the simulator keeps for the UART: let the board run in between")
        if at_s is None:
            self.run_for(len(data) * gap / self.hz)

    def _drain(self, lines: list[Line]) -> None:
        while count := self._native.call("uart", self._bytes, self._cycles, UART_CHUNK):
            chunk = bytes(self._bytes[:count])
            self._raw += chunk
            for byte, cycle in zip(chunk, self._cycles, strict=False):
                if byte == 0x0A:
                    lines.append(Line(cycle / self.hz, self._line.decode("ascii", "backslashreplace")))
                    self._line.clear()
                else:
                    self._line.append(byte)

    @property
    def resets(self) -> int:
        """Resets of the chip so far, for whatever reason."""
        return int(self._native.call("resets"))

    # -- inputs --

    def clamp_watts(self, clamp: int, watts: float, noise: float = NOISE_STEPS, offset: float = 0.0) -> None:
        """Let clamp `clamp` see a load of `watts`. `noise` (rms) and `offset` of its front end are in ADC steps."""
        self.clamp_waveform(clamp, Waveform(watts, offset=offset, noise=noise))

    def clamp_waveform(self, clamp: int, waveform: Waveform) -> None:
        """Let clamp `clamp` see this current from now on, through the board's own kind of front end."""
        view = front_end_view(waveform, self.header)
        flat = [value for term in view.terms for value in term]
        terms = (ctypes.c_double * len(flat))(*flat)
        told = (view.level, view.direct, view.bias, waveform.noise, view.smoothing_s, len(view.terms), terms)
        self._native.call("clamp", self.header.numbers("CLAMP_ADC_CHANNELS")[clamp], *told)

    def clamp_seen_wh(self, clamp: int) -> float:
        """Return the exact integral of what the front end of `clamp` has seen so far, in Wh.

        That is the mean of the rectified current or the RMS of the alternating one, with the board's default meter
        constant; neither noise nor offset is part of it.
        """
        steps_s = self._native.call("clamp_seen", self.header.numbers("CLAMP_ADC_CHANNELS")[clamp])
        return float(steps_s) * watts_per_step(self.header) / 3600

    def mains_hz(self, hz: float) -> None:
        """Set the mains frequency (50 Hz at first)."""
        self._native.call("mains", hz)

    def contact(self, pulse_input: int, closed: bool, at_s: float | None = None) -> None:
        """Close or open the contact at pulse input 0, 1 ... now or at a later simulated time."""
        bit = self.header.numbers("PULSE_BITS")[pulse_input]
        cycle = 0 if at_s is None else round(at_s * self.hz)
        self._native.call("contact", cycle, ord(self._pulse_port), bit, 0 if closed else 1)

    def pulse(self, pulse_input: int, low_s: float = 0.05, high_s: float = 0.05, bounce_s: float = 0.001) -> float:
        """Close and open the contact once, bouncing for up to `bounce_s` at both edges; the time the pulse begins.

        A pulse asked for while the last one is not over (`low_s`, then `high_s` of rest) begins after it.
        """
        start = max(self.time_s, self._pulse_free_s.get(pulse_input, 0.0))
        for edge, closed in ((start, True), (start + low_s, False)):
            self.contact(pulse_input, closed, edge)
            if bounce_s > 0:
                times = sorted(self._random.random() * bounce_s for _ in range(2 * self._random.randrange(0, 5)))
                for i, after in enumerate(times):
                    self.contact(pulse_input, closed == bool(i % 2), edge + after)
        self._pulse_free_s[pulse_input] = start + low_s + high_s
        return start

    @property
    def _pulse_port(self) -> str:
        return self.header.text("PULSE_PORT")[-1]

    # -- supply --

    @property
    def powered(self) -> bool:
        """False after a power cut."""
        return bool(self._native.call("powered"))

    def restart(self) -> None:
        """Reset the chip as a press on its reset button does: SRAM survives, nothing warns it."""
        self._native.call("reset")

    def power_cut(self, hold_up_s: float = 0.0) -> list[Line]:
        """Cut the power; lines completed meanwhile.

        With `hold_up_s` the supply sinks so slowly that this time passes between the comparator's threshold (4.84 V)
        and the brown-out level (2.7 V); with 0 it is gone at once. SRAM is lost, an EEPROM byte being written is torn.
        """
        lines: list[Line] = []
        if hold_up_s > 0:
            volts, step_s = SUPPLY_V, 0.0005
            while self.powered:
                self.supply_volts(volts)
                lines += self.run_for(step_s)
                volts -= (TRIP_V - BROWN_OUT_V) / hold_up_s * step_s
        self._native.call("power_off")
        self._line.clear()
        return lines

    def power_on(self) -> None:
        """Give it power again: SRAM is random, the EEPROM as it was left."""
        self._native.call("power_on")

    def supply_volts(self, volts: float) -> None:
        """Set the supply; below the brown-out level (2.7 V) the board is off."""
        self._native.call("supply", volts * 1000)

    # -- EEPROM --

    @property
    def eeprom(self) -> bytes:
        """The EEPROM image."""
        image = (ctypes.c_uint8 * self._native.call("eeprom_size"))()
        self._native.call("eeprom_read", image)
        return bytes(image)

    def load_eeprom(self, image: bytes) -> None:
        """Replace the EEPROM's content; ValueError for the wrong size."""
        size = self._native.call("eeprom_size")
        if len(image) != size:
            raise ValueError(f"the EEPROM of this board has {size} bytes, the image {len(image)}")
        self._native.call("eeprom_load", (ctypes.c_uint8 * size).from_buffer_copy(image))

    @property
    def eeprom_operations(self) -> int:
        """Erase and write operations on EEPROM bytes so far."""
        return int(self._native.call("eeprom_operations"))

    def eeprom_wear(self) -> list[int]:
        """Return the operations on each EEPROM byte so far."""
        wear = (ctypes.c_uint32 * self._native.call("eeprom_size"))()
        self._native.call("eeprom_wear", wear)
        return list(wear)

    def eeprom_erased(self) -> list[int]:
        """Return how many of the operations on each EEPROM byte have erased it."""
        erased = (ctypes.c_uint32 * self._native.call("eeprom_size"))()
        self._native.call("eeprom_erased", erased)
        return list(erased)

    def cut_at_operation(self, operation: int, leaves: CutLeaves = CutLeaves.ANYTHING) -> None:
        """Cut the power in the middle of EEPROM operation number `operation` (see eeprom_operations); 0: do not."""
        self._native.call("cut_at_operation", operation, leaves)

    # -- programming interface --

    def hold_reset(self, held: bool) -> None:
        """Hold reset low, or let it go: then the firmware in the flash starts. SRAM stays."""
        self.held = held
        self._native.call("hold_reset", int(held))
        if held:
            self._line.clear()

    def isp(self, sent: bytes) -> bytes:
        """Send one instruction of four bytes to the programming interface; its answer. It listens only in reset."""
        answer = (ctypes.c_uint8 * 4)()
        self._native.call("isp", sent, answer)
        return bytes(answer)

    @property
    def fuses(self) -> tuple[int, int, int, int]:
        """Low, high and extended fuse, lock bits."""
        four = (ctypes.c_uint8 * 4)()
        self._native.call("fuses", four)
        return four[0], four[1], four[2], four[3]

    def poke(self, address: int, value: int) -> None:
        """Write a byte of SRAM or of a register behind the firmware's back, to provoke faults."""
        self._native.call("poke", address, value)

    def peek(self, address: int) -> int:
        """Read a byte of SRAM or of a register."""
        return int(self._native.call("data", address))

    @property
    def ram_end(self) -> int:
        """Last address of SRAM."""
        return int(self._native.call("ram_end"))

    # -- measurements --

    def measure_anew(self) -> None:
        """Begin anew what longest_interrupts(), awake_share and samples_per_s() measure."""
        self._native.call("measure_anew")
        self._measured_from_s = self.time_s

    @property
    def awake_share(self) -> float:
        """Share of the powered time in which the CPU was not asleep, since measure_anew()."""
        return float(self._native.call("awake_cycles") / max(1, self._native.call("powered_cycles")))

    def longest_interrupts(self) -> dict[str, tuple[int, int]]:
        """Return, for each interrupt that ran, its longest run and its longest wait so far, in cycles."""
        times = {
            name: (int(self._native.call("interrupt_run", vector)), int(self._native.call("interrupt_wait", vector)))
            for vector, name in VECTORS.items()
        }
        return {name: (run, wait) for name, (run, wait) in times.items() if run}

    def samples_per_s(self, clamp: int) -> float:
        """Return the conversions of clamp `clamp` that the firmware began in a second, on average."""
        channel = self.header.numbers("CLAMP_ADC_CHANNELS")[clamp]
        return float(self._native.call("conversions", channel) / (self.time_s - self._measured_from_s))

    def trace(self, path: str | Path) -> Trace:
        """Write what the board does from now on into a VCD file, until the end of the with block or close()."""
        return Trace(self._native, self.header, Path(path))
