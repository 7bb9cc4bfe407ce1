"""The tables [[board]]: the sensor boards and how they are connected. A single [board] is one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.complaints import Complaints
from fluksod.link.board_settings import HardwareVersion


class BoardLink(StrEnum):
    """How a board speaks: v1 lines on a serial port, or v2 frames on SPI."""

    UART = "uart"
    SPI = "spi"


class BoardModel(StrEnum):
    """Which board it is: decides its firmware."""

    V0_1 = "v0_1"
    V1_1 = "v1_1"
    V2_0 = "v2_0"
    UNO = "uno"


class Programmer(StrEnum):
    """What writes firmware, in avrdude's words: SPI of this machine, a USBasp, or an Arduino's boot loader."""

    LINUXSPI = "linuxspi"
    USBASP = "usbasp"
    ARDUINO = "arduino"


NEWEST_HARDWARE = HardwareVersion(2, 2)
"""What the original's configuration has: boards up to this minor version are set up alike."""


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """One board. `hardware` to `reset_counters` are for SPI; `byte_delay_us` in microseconds, `reply_delay` in s.

    `model`, `programmer` and `programmer_port` (avrdude's `-P`) are for updates of its firmware.
    """

    name: str
    port: str
    link: BoardLink = BoardLink.UART
    hardware: HardwareVersion = NEWEST_HARDWARE
    byte_delay_us: int = 50
    reply_delay: float = 0.005
    reset_counters: bool = False
    model: BoardModel | None = None
    programmer: Programmer = Programmer.LINUXSPI
    programmer_port: str | None = None


def _hardware(value: Any) -> HardwareVersion:
    if not isinstance(value, str) or (match := re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,3})", value)) is None:
        raise vol.Invalid('give the newest hardware version that may be set up, such as "2.2"')
    return HardwareVersion(int(match[1]), int(match[2]))


_DEFAULT_NAME = "board"
_ONLY_SPI = ("hardware", "byte_delay_us", "reply_delay_ms", "reset_counters")

SCHEMA = {
    vol.Required("port"): values.text,
    vol.Optional("name", default=_DEFAULT_NAME): values.name,
    vol.Optional("link", default="uart"): values.one_of(BoardLink),
    vol.Optional("hardware"): _hardware,
    vol.Optional("byte_delay_us"): values.whole(0, 10_000, "microseconds"),
    vol.Optional("reply_delay_ms"): values.whole(1, 1000, "milliseconds"),
    vol.Optional("reset_counters"): values.flag,
    vol.Optional("model"): values.one_of(BoardModel),
    vol.Optional("programmer"): values.one_of(Programmer),
    vol.Optional("programmer_port"): values.text,
}


def boards(
    tables: dict[str, Any] | list[dict[str, Any]], folder: Path, complaints: Complaints
) -> tuple[BoardConfig, ...]:
    """Build them from the checked table or tables; relative ports are taken from `folder`."""
    single = isinstance(tables, dict)
    found: list[BoardConfig] = []
    for index, table in enumerate([tables] if isinstance(tables, dict) else tables):
        path = ["board"] if single else ["board", index]
        board = _board(table, folder)
        names = [earlier.name for earlier in found]
        if board.name in names:
            twin = f"[[board]] number {names.index(board.name) + 1}"
            complaints.add([*path, "name"], f"the same name as {twin}; give each board a name of its own")
        if board.port in [earlier.port for earlier in found]:
            complaints.add([*path, "port"], "another [[board]] has this port; remove one of the two")
        for key in _ONLY_SPI:
            if board.link is BoardLink.UART and key in table:
                complaints.add([*path, key], 'is for boards with link = "spi"; remove it')
        found.append(board)
    return tuple(found)


def _board(table: dict[str, Any], folder: Path) -> BoardConfig:
    as_they_are = ("hardware", "byte_delay_us", "reset_counters", "model", "programmer", "programmer_port")
    settings: dict[str, Any] = {key: table[key] for key in as_they_are if key in table}
    if "reply_delay_ms" in table:
        settings["reply_delay"] = table["reply_delay_ms"] / 1000
    return BoardConfig(table["name"], str(folder / table["port"]), table["link"], **settings)
