"""The file that keeps a simulated board's EEPROM over restarts, and what is in it."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .board_header import BoardHeader
from .eeprom_image import FactorySensor, fresh_image, read_factory, read_log
from .house import HOUSE


class StateError(RuntimeError):
    """The state file cannot be used; the message says what to do."""


def _new_id() -> str:
    # An id of digits and a single "e" reads as a number to the original's scripts (trap 34): never issue one.
    while True:
        new = secrets.token_hex(16)
        if not re.fullmatch(r"\d*e\d*", new):
            return new


def _initial_counters(epoch_counters: Mapping[str, int]) -> list[int]:
    known = {str(sensor.input) for sensor in HOUSE}
    if unknown := set(epoch_counters) - known:
        raise StateError(
            f"--epoch-counters: there is no input {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}"
        )
    counters = [epoch_counters.get(str(sensor.input), 0) for sensor in HOUSE]
    if any(isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32 for value in counters):
        raise StateError("--epoch-counters: a counter is a whole number from 0 to 4294967295")
    return counters


class StateFile:
    """The EEPROM image in `path` (0600), locked against a second simulator while open.

    A file that does not exist is made: new sensor ids, counters at `epoch_counters` ({input: Wh or L}). StateError when
    the file is of another board, in use, or when `epoch_counters` are given although it exists.
    """

    def __init__(self, path: Path, header: BoardHeader, epoch_counters: Mapping[str, int] | None = None) -> None:
        self.path = path
        self.header = header
        create(path, header, epoch_counters)
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._file)
            raise StateError(f"{path} is in use by another simulator") from error
        self.image = load(path, header)

    def save(self, image: bytes) -> None:
        """Write the image if it has changed."""
        if image != self.image:
            os.pwrite(self._file, image, 0)
            self.image = image

    def close(self) -> None:
        """Give the file free."""
        os.close(self._file)


def create(path: Path, header: BoardHeader, epoch_counters: Mapping[str, int] | None) -> None:
    """Make the file unless it exists. StateError when it exists and `epoch_counters` are given."""
    if path.exists():
        if epoch_counters is not None:
            raise StateError(f"{path} exists: its counters go on, --epoch-counters is for a fresh state file only")
        return
    sensors = [FactorySensor(_new_id(), sensor.weight) for sensor in HOUSE]
    image = fresh_image(header, sensors, _initial_counters(epoch_counters or {}))
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"cannot make the state file {path}: {error.strerror}") from error
    try:
        os.write(file, image)
    finally:
        os.close(file)


def load(path: Path, header: BoardHeader) -> bytes:
    """Return the image in the file. StateError when it is not one of this board."""
    try:
        image = path.read_bytes()
    except OSError as error:
        raise StateError(f"cannot read the state file {path}: {error.strerror}") from error
    if len(image) != header.number("EEPROM_BYTES") or read_factory(image, header) is None:
        raise StateError(
            f"{path} is not the state of a simulated {header.board} board; remove it or give --state another path"
        )
    return image


def describe(image: bytes, header: BoardHeader) -> list[dict[str, Any]]:
    """Return the sensors of the house: id, name, type, class, input and the counter in the EEPROM (Wh or L)."""
    factory, record = read_factory(image, header), read_log(image, header)
    if factory is None:
        raise StateError("the image has no factory block")
    return [
        {
            "id": provisioned.id,
            "name": sensor.name,
            "type": sensor.type,
            "class": sensor.sensor_class,
            "input": sensor.input,
            "counter": record.units[sensor.input] if record else 0,
        }
        for sensor, provisioned in zip(HOUSE, factory, strict=True)
    ]
