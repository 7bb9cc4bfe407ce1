"""Builds firmware and simulator through make, once, safe against others doing the same at the same time."""

from __future__ import annotations

import fcntl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .board_header import AVR_FOLDER


class BuildError(RuntimeError):
    """make failed; the message holds its output."""


@dataclass(frozen=True)
class Built:
    """What make has built."""

    firmware_hex: Path
    library: Path


def build(board: str, power_up_silence_s: int = 0) -> Built:
    """Build the firmware of `board` and the simulator library where they are missing or out of date.

    `power_up_silence_s`: the firmware's build option POWER_UP_SILENCE_S; each value has a folder of its own.
    """
    folder = AVR_FOLDER / "build"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "--no-print-directory", "-C", str(AVR_FOLDER), f"BOARD={board}"]
        command += [f"POWER_UP_SILENCE_S={power_up_silence_s}", "firmware", "sim"]
        try:
            made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        except FileNotFoundError as error:
            needed = "make gcc gcc-avr avr-libc binutils-avr libsimavr-dev"
            raise BuildError(f"make is not installed; on Debian: apt-get install {needed}") from error
        if made.returncode:
            raise BuildError(f"{' '.join(command)} failed:\n{made.stdout}")
    variant = f"{board}-silence{power_up_silence_s}" if power_up_silence_s else board
    return Built(folder / variant / "firmware.hex", folder / "libfluksosim.so")
