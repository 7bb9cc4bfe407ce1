"""Command lines of avrdude and what it says. Pure.

Sources: avrdude 7.1, manual and `update_progress_no_tty`; ATmega48/88/168/328 data sheets, fuse high byte: EESAVE is
bit 3, and a programmed fuse reads 0. Without it the erase before writing the flash takes the counters along.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fluksod.config.boards import BoardConfig, BoardModel, Programmer

EESAVE = 0x08
_PARTS = {BoardModel.V0_1: "m168", BoardModel.V1_1: "m168", BoardModel.V2_0: "m168", BoardModel.UNO: "m328p"}
_STEP = re.compile(r"(Reading|Writing)\s*\|([ #]*)")
_ERROR = re.compile(r"(?m)^(?:avrdude )?(?:OS )?[Ee]rror: (.*)$")  # 7.1 begins with its name, 8.0 with the word
_ADVICE = tuple(
    (re.compile(found), advice)
    for found, advice in (
        ("expected signature", "; this chip is not on the board that model in [[board]] names: correct it"),
        ("not responding|initiali[sz]ation failed", "; is the board powered and wired, is programmer_port right?"),
        ("mismatch", "; run it again, and if that does not help, look at supply and wires of the board"),
        ("Permission denied", "; let this user into the group of that device, often spi and gpio"),
        ("unable to open|cannot open|cannot find", "; is it switched on and connected, is programmer_port right?"),
    )
)


def arguments(board: BoardConfig, *memories: str) -> list[str]:
    """The arguments of an avrdude that works on `memories` (its `-U`) of a board."""
    if board.model is None or board.programmer_port is None:
        raise ValueError("the board has no model or programmer")
    words = ["-p", _PARTS[board.model], "-c", board.programmer.value, "-P", board.programmer_port]
    if board.programmer is Programmer.LINUXSPI:
        words += ["-B", "5"]  # us; a board at 1 MHz, as a fresh chip is, takes no faster clock than 1/4 of that
    if board.programmer is Programmer.ARDUINO:
        words += ["-D"]  # its boot loader erases what it writes, and cannot erase the chip
    for memory in memories:
        words += ["-U", memory]
    return words


def high_fuse(output: str) -> int | None:
    """The fuse that was read to standard output, None where there is none."""
    found = re.search(r"(?m)^0x([0-9a-fA-F]{1,2})\s*$", output)
    return None if found is None else int(found[1], 16)


@dataclass(slots=True)
class Progress:
    """How far avrdude is, from what it has said: flash is written, then read again to verify it."""

    said: str = ""

    def take(self, text: str) -> int:
        """Take more of its standard error; returns percent of all."""
        self.said = (self.said + text)[-20_000:]
        steps: Sequence[tuple[str, str]] = _STEP.findall(self.said)
        writing = max((len(marks.strip()) for name, marks in steps if name == "Writing"), default=0)
        after = self.said.rpartition("Writing")[2] if writing >= 50 else ""
        verifying = max((len(marks.strip()) for name, marks in _STEP.findall(after) if name == "Reading"), default=0)
        return min(writing, 50) + min(verifying, 50)


def reason(said: str) -> str:
    """Why avrdude failed, in its own words: its first error, with what to do where that is known."""
    errors = [match[1].strip() for match in _ERROR.finditer(said)]
    if not errors:
        return "it gave no reason"
    advice = next((advice for found, advice in _ADVICE if found.search(said)), "")
    return f"{errors[0]}{advice}"
