"""Builds firmware and simulator through make, once, safe against others doing the same at the same time."""

from __future__ import annotations

import fcntl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .board_header import AVR_FOLDER, FrontEnd


class BuildError(RuntimeError):
    """make failed; the message holds its output."""


@dataclass(frozen=True)
class Built:
    """What make has built."""

    firmware_hex: Path
    library: Path


def build(board: str, power_up_silence_s: int = 0, front_end: FrontEnd | None = None) -> Built:
    """Build the firmware of `board` and the simulator library where they are missing or out of date.

    `power_up_silence_s` and `front_end` (None: as the board's header chooses) are the firmware's build options
    POWER_UP_SILENCE_S and FRONT_END; each variant has a folder of its own.
    """
    folder = AVR_FOLDER / "build"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "--no-print-directory", "-C", str(AVR_FOLDER), f"BOARD={board}"]
        command += [f"POWER_UP_SILENCE_S={power_up_silence_s}", f"FRONT_END={front_end or ''}", "firmware", "sim"]
        try:
            made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        except FileNotFoundError as error:
            needed = "make gcc gcc-avr avr-libc binutils-avr libsimavr-dev"
            raise BuildError(f"make is not installed; on Debian: apt-get install {needed}") from error
        if made.returncode:
            raise BuildError(f"{' '.join(command)} failed:\n{made.stdout}")
    variant = board + (f"-{front_end.name.lower()}" if front_end else "")
    variant += f"-silence{power_up_silence_s}" if power_up_silence_s else ""
    return Built(folder / variant / "firmware.hex", folder / "libfluksosim.so")
