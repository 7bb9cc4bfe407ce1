"""Firmware images: those that ship with this package, one for each model of board, and files of the user's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from fluksod.command_error import CommandError
from fluksod.config.boards import BoardModel

LARGEST = 64 * 1024
"""Bytes of a file in Intel's hexadecimal format; the flash of an ATmega328 takes 92 kB as text at most, ours 30."""
FLASH = {BoardModel.V0_1: 0x4000, BoardModel.V1_1: 0x4000, BoardModel.V2_0: 0x4000, BoardModel.UNO: 0x8000}
"""Bytes of flash: ATmega168, ATmega328P."""
_DATA = 0
_END = 1


class ImageError(CommandError):
    """There is no such image, or it is none; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image in Intel's hexadecimal format, and where it comes from."""

    content: bytes
    source: str

    @property
    def sha256(self) -> str:
        """Its digest, 64 hexadecimal digits: what identifies an image."""
        return hashlib.sha256(self.content).hexdigest()


def shipped(model: BoardModel | None) -> Image:
    """The image that ships for a model. Raises `ImageError`."""
    if model is None:
        raise ImageError("it is not known which board this is; give model in its table")
    with as_file(files("fluksod.firmware").joinpath("images", f"{model.value}.hex")) as path:
        if not path.is_file():
            raise ImageError(
                f"this fluksod came without firmware for {model.value}; name a file with --image, or run "
                "make -C avr images in the sources and install fluksod again"
            )
        return checked(path.read_bytes(), model, f"fluksod's own for {model.value}")


def of_file(path: Path, model: BoardModel | None) -> Image:
    """An image of the user's for a model. Raises `ImageError`."""
    try:
        return checked(path.read_bytes(), model, str(path))
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}") from error


def checked(content: bytes, model: BoardModel | None, source: str) -> Image:
    """Check each record of an image, its end, and that it fits a model: avrdude looks after it has erased the chip.

    Raises `ImageError`.
    """
    rows = content.split()
    if len(content) > LARGEST or not rows or rows[-1].upper() != b":00000001FF":
        raise ImageError(f"{source} is no whole image in Intel's hexadecimal format")
    end = 0
    for number, row in enumerate(rows, start=1):
        try:
            record = bytes.fromhex(row.removeprefix(b":").decode("ascii"))
        except ValueError:
            record = b""
        if not row.startswith(b":") or len(record) < 5 or record[0] != len(record) - 5 or sum(record) & 0xFF:
            raise ImageError(f"record {number} of {source} is damaged")
        if record[3] == _DATA:
            end = max(end, int.from_bytes(record[1:3]) + record[0])
        elif record[3] != _END or number != len(rows):
            raise ImageError(f"record {number} of {source} is of a kind that is for larger chips than the boards have")
    if end == 0:
        raise ImageError(f"{source} is empty")
    if model is not None and end > FLASH[model]:
        raise ImageError(f"{source} takes {end} bytes of flash, a {model.value} has {FLASH[model]}: it is for another")
    return Image(content, source)
