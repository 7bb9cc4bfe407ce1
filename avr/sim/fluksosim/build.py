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


def build(board: str) -> Built:
    """Build the firmware of `board` and the simulator library where they are missing or out of date."""
    folder = AVR_FOLDER / "build"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "--no-print-directory", "-C", str(AVR_FOLDER), f"BOARD={board}", "firmware", "sim"]
        try:
            made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        except FileNotFoundError as error:
            needed = "make gcc gcc-avr avr-libc binutils-avr libsimavr-dev"
            raise BuildError(f"make is not installed; on Debian: apt-get install {needed}") from error
        if made.returncode:
            raise BuildError(f"{' '.join(command)} failed:\n{made.stdout}")
    return Built(folder / board / "firmware.hex", folder / "libfluksosim.so")
