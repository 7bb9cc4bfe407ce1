"""Everything at once: pulses on every input, all clamps, the link; what is lost, and what the interrupts take."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figure import Effort, Figure, Figures
from fluksosim import Board, Waveform
from fluksosim.board_header import BoardHeader

from .counted import save_and_read
from .main_board import PollingMainBoard
from .provisioned import provisioned_image

BOARDS = ("v1_1", "v2_0", "uno")
HALF_S = 0.01  # 50 Hz
BOUNCE_S = 0.001


MEGAHERTZ_16 = 16_000_000
SAMPLES_WANTED = 2500


@dataclass(frozen=True)
class Busy:
    """What a busy board came to.

    `off`: pulses lost or double. `longest`, `latency`: cycles of the longest interrupt and of the longest wait for one.
    `load`: share of the time awake. `samples_per_s`: of the clamp with the fewest.
    """

    off: int
    longest: int
    latency: int
    load: float
    samples_per_s: float


def run(name: str, pulses: int) -> Busy:
    """Give every pulse input `pulses` pulses at 50 Hz while all clamps and the link are busy."""
    header = BoardHeader(name)
    clamps, inputs = header.number("CLAMP_COUNT"), header.number("PULSE_COUNT")
    with Board(name, eeprom=provisioned_image(header)) as board:
        for clamp in range(clamps):
            board.clamp_waveform(clamp, Waveform(10000, {3: 0.1, 5: 0.05}))
        board.run_for(0.2)
        run_for = PollingMainBoard(board).run_for if header.number("LINK_SPI") else board.run_for
        board.measure_anew()  # while it starts, nothing can be missed
        for number in range(pulses):
            for pulse_input in range(inputs):
                board.pulse(pulse_input, HALF_S, HALF_S, BOUNCE_S)
            if number % 50 == 49:
                run_for(50 * 2 * HALF_S)
        run_for(2 * HALF_S * (pulses % 50) + 0.1)
        times = board.longest_interrupts().values()
        load, samples = board.awake_share, min(board.samples_per_s(clamp) for clamp in range(clamps))
        counted = save_and_read(board)
        off = sum(abs(round(counted[clamps + i]) - pulses) for i in range(inputs))
        return Busy(off, max(run for run, _ in times), max(wait for _, wait in times), load, samples)


def measure(effort: Effort) -> Figures:
    """Measure pulses_lost, samples_per_s_min, longest_interrupt_cycles, worst_latency_cycles and cpu_load_pct."""
    pulses = {Effort.FULL: 15000, Effort.SHORT: 500, Effort.GLANCE: 50}[effort]
    runs = {name: run(name, pulses) for name in BOARDS}
    fast = {name: busy for name, busy in runs.items() if BoardHeader(name).number("F_CPU") == MEGAHERTZ_16}

    def told(values: dict[str, float]) -> str:
        return ", ".join(f"{name} {value:g}" for name, value in values.items())

    def largest(key: str, unit: str, what: str, factor: float = 1) -> Figure:
        values = {name: round(factor * getattr(busy, key), 1) for name, busy in runs.items()}
        return Figure(max(values.values()), unit, what + told(values))

    samples = {name: round(busy.samples_per_s) for name, busy in runs.items()}
    return {
        "pulses_lost": Figure(
            sum(busy.off for busy in runs.values()),
            "pulses",
            f"lost or double of {pulses} at 50 Hz on every input of {', '.join(BOARDS)}, 1 ms of bounce at both "
            "edges; all clamps sampled, v2_0 polled every 50 ms with bytes on RS-485 both ways",
        ),
        "samples_per_s_min": Figure(
            min(samples[name] for name in fast),
            "samples/s",
            f"{SAMPLES_WANTED} for each clamp on the boards at 16 MHz; conversions counted under that load: "
            f"{told(dict(samples))}",
        ),
        "longest_interrupt_cycles": largest("longest", "cycles", ""),
        "worst_latency_cycles": largest("latency", "cycles", "from request to vector: "),
        "cpu_load_pct": largest("load", "%", "of the time awake: ", 100),
    }
