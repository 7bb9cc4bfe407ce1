"""Flash and RAM of every board's firmware, with what the stack really used."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench.figure import Effort, Figure, Figures
from fluksosim import Board
from fluksosim.board_header import AVR_FOLDER, BoardHeader
from fluksosim.build import BuildError, build

from .main_board import PollingMainBoard
from .provisioned import provisioned_image

FILL = 0xC5
DATA_OFFSET = 0x800000  # where the linker puts SRAM


def boards() -> list[str]:
    """Return the names of all boards."""
    return sorted(path.stem for path in (AVR_FOLDER / "boards").glob("*.h"))


def _sections(elf: Path) -> dict[str, int]:
    listed = subprocess.run(["avr-size", "-A", str(elf)], capture_output=True, text=True, check=True).stdout
    return {name: int(size) for name, size in re.findall(r"^(\.\w+)\s+(\d+)", listed, re.MULTILINE)}


def address_of(symbol: str, elf: Path) -> int:
    """Return the address in SRAM of a variable of a firmware; `_end` is behind the last one."""
    symbols = subprocess.run(["avr-nm", str(elf)], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^([0-9a-f]+) \w {re.escape(symbol)}$", symbols, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{elf} has no symbol {symbol}: was it stripped?")
    return int(found[1], 16) - DATA_OFFSET


def stack_used(name: str, elf: Path, seconds: float) -> int:
    """Return how many bytes the stack reached in `seconds` of a busy board and a warned power cut."""
    header = BoardHeader(name)
    first = address_of("_end", elf)
    with Board(name, eeprom=provisioned_image(header)) as board:
        top = board.ram_end
        for address in range(first, top + 1):
            board.poke(address, FILL)
        for clamp in range(header.number("CLAMP_COUNT")):
            board.clamp_watts(clamp, 3000)
        run_for = PollingMainBoard(board).run_for if header.number("LINK_SPI") else board.run_for
        until = board.time_s + seconds
        while board.time_s < until:
            for pulse_input in range(header.number("PULSE_COUNT")):
                board.pulse(pulse_input, low_s=0.01, high_s=0.01, bounce_s=0.001)
            run_for(0.02)
        board.power_cut(hold_up_s=0.2)
        touched = next((a for a in range(first, top + 1) if board.peek(a) != FILL), top + 1)
        return top + 1 - touched


def measure(effort: Effort) -> Figures:
    """Measure the largest of the boards: flash_bytes, ram_bytes."""
    seconds = {Effort.FULL: 60.0, Effort.SHORT: 5.0, Effort.GLANCE: 1.0}[effort]
    flash: dict[str, int] = {}
    ram: dict[str, tuple[int, int]] = {}
    missing: list[str] = []
    for name in boards():
        try:
            elf = build(name).firmware_hex.with_suffix(".elf")
        except BuildError:
            missing.append(name)
            continue
        sections = _sections(elf)
        flash[name] = sections[".text"] + sections.get(".data", 0)
        static = sum(sections.get(section, 0) for section in (".data", ".bss", ".noinit"))
        ram[name] = static, stack_used(name, elf, seconds)
    flash_told = ", ".join(
        [f"{name} {size}" for name, size in flash.items()] + [f"{name} not built" for name in missing]
    )
    ram_told = ", ".join(f"{name} {static} + {stack}" for name, (static, stack) in ram.items())
    return {
        "flash_bytes": Figure(max(flash.values()), "B", f"limit 10240; {flash_told}"),
        "ram_bytes": Figure(
            max(sum(sizes) for sizes in ram.values()),
            "B",
            f"limit 640; static + stack high-water mark, busy, v2_0 set up, committed and polled: {ram_told}",
        ),
    }
