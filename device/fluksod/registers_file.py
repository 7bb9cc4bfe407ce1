"""Keeps the registers over a restart of the daemon, so that a counter never falls and an offset is not forgotten."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from fluksod.identity import StateError
from fluksod.meter.register import WRAP, Mark
from fluksod.sensor import is_id
from fluksod.state_file import write_state

_LOG = logging.getLogger(__name__)


class RegistersFile:
    """The file `registers.json`: {sensor id: [board's counter, our counter, unix time, thousandths of ours]}.

    Those without thousandths have three numbers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[str, Mark] = {}

    def load(self) -> dict[str, Mark]:
        """Read the registers; a file that cannot be understood is moved aside, named, and none are known.

        Raises `StateError` when the file is there and cannot be read.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StateError(
                f"{self._path} cannot be read: {error.strerror}; make it readable for this user"
            ) from error
        try:
            self._written = _parse(content)
        except (ValueError, TypeError, AttributeError) as error:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            _LOG.error(
                "%s is damaged (%s) and moved to %s; counters are taken from the board", self._path, error, aside
            )
        return dict(self._written)

    def save(self, marks: Mapping[str, Mark]) -> None:
        """Write the registers when one of them has changed. A full disk is logged; the daemon goes on."""
        if _counted(marks) == _counted(self._written):
            return
        rows = {sensor: _row(mark) for sensor, mark in marks.items()}
        try:
            write_state(self._path, json.dumps(rows, indent=1) + "\n")
        except OSError as error:
            _LOG.error("%s cannot be written: %s; counters may fall at the next start", self._path, error.strerror)
            return
        self._written = dict(marks)


def _parse(content: bytes) -> dict[str, Mark]:
    marks: dict[str, Mark] = {}
    for sensor, (raw, total, time, *rest) in json.loads(content).items():
        milli, *more = rest or [0]
        if not is_id(sensor) or more or not all(type(number) is int for number in (raw, total, time, milli)):
            raise ValueError(f"unexpected entry {sensor[:40]!r}")
        if not 0 <= raw < WRAP or total < 0 or not 0 <= milli < 1000:
            raise ValueError(f"impossible counter of {sensor}")
        marks[sensor] = Mark(raw, total, float(time), milli)
    return marks


def _row(mark: Mark) -> list[int]:
    return [mark.raw, mark.total, int(mark.at), *([mark.milli] if mark.milli else [])]


def _counted(marks: Mapping[str, Mark]) -> dict[str, tuple[int, int, int]]:
    return {sensor: (mark.raw, mark.total, mark.milli) for sensor, mark in marks.items()}
