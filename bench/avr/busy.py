"""Everything at once: pulses on every input, all clamps, the link; what is lost, and what the interrupts take."""

from __future__ import annotations

from bench.figure import Effort, Figure, Figures
from fluksosim import Board, Waveform
from fluksosim.board_header import BoardHeader

from .counted import save_and_read
from .provisioned import provisioned_image

BOARDS = ("v1_1", "uno")
HALF_S = 0.01  # 50 Hz
BOUNCE_S = 0.001


def run(name: str, pulses: int) -> tuple[int, dict[int, tuple[int, int]], float]:
    """Give every pulse input `pulses` pulses; how far the counters are off, the interrupts' cycles, the CPU's load."""
    header = BoardHeader(name)
    clamps, inputs = header.number("CLAMP_COUNT"), header.number("PULSE_COUNT")
    with Board(name, eeprom=provisioned_image(header)) as board:
        for clamp in range(clamps):
            board.clamp_waveform(clamp, Waveform(10000, {3: 0.1, 5: 0.05}))
        board.run_for(0.2)
        board.measure_anew()  # while it starts, nothing can be missed
        for number in range(pulses):
            for pulse_input in range(inputs):
                board.pulse(pulse_input, HALF_S, HALF_S, BOUNCE_S)
            if number % 50 == 49:
                board.run_for(50 * 2 * HALF_S)
        board.run_for(2 * HALF_S * (pulses % 50) + 0.1)
        load = board.awake_share
        counted = save_and_read(board)
        off = sum(abs(round(counted[clamps + i]) - pulses) for i in range(inputs))
        return off, board.longest_interrupts(), load


def measure(effort: Effort) -> Figures:
    """Measure pulses_lost, longest_interrupt_cycles, worst_latency_cycles and cpu_load_pct."""
    pulses = {Effort.FULL: 15000, Effort.SHORT: 1000, Effort.GLANCE: 50}[effort]
    runs = {name: run(name, pulses) for name in BOARDS}
    longest = {name: max(cycles for cycles, _ in times.values()) for name, (_, times, _) in runs.items()}
    waits = {name: max(cycles for _, cycles in times.values()) for name, (_, times, _) in runs.items()}
    loads = {name: round(100 * load, 1) for name, (_, _, load) in runs.items()}

    def told(values: dict[str, int] | dict[str, float]) -> str:
        return ", ".join(f"{name} {value}" for name, value in values.items())

    return {
        "pulses_lost": Figure(
            sum(off for off, _, _ in runs.values()),
            "pulses",
            f"lost or double of {pulses} at 50 Hz on every input of {', '.join(BOARDS)}, 1 ms of bounce at both edges",
        ),
        "longest_interrupt_cycles": Figure(max(longest.values()), "cycles", told(longest)),
        "worst_latency_cycles": Figure(max(waits.values()), "cycles", f"from request to vector: {told(waits)}"),
        "cpu_load_pct": Figure(max(loads.values()), "%", f"of the time awake: {told(loads)}"),
    }
