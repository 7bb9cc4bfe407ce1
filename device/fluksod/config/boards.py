"""The tables [[board]]: the sensor boards and how they are connected. A single [board] is one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
_FOR_UPDATES = ("programmer", "programmer_port")
_SPI_AND_RESET = re.compile(r"/dev/spidev[^:]+:/dev/gpiochip[^:]+:[0-9]+")
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
        for key, text in _unfit(board, table):
            complaints.add([*path, key], text)
        found.append(board)
    return tuple(found)


def _unfit(board: BoardConfig, table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Keys about updates of the firmware that do not fit, and what to do."""
    if board.model is None:
        for key in _FOR_UPDATES:
            if key in table:
                yield key, "is for updates of the firmware, which need model too; add it"
        return
    if (board.model is BoardModel.V2_0) != (board.link is BoardLink.SPI):
        speaks = BoardLink.SPI if board.model is BoardModel.V2_0 else BoardLink.UART
        yield "model", f'a {board.model.value} has link = "{speaks.value}"; correct one of the two'
    if board.programmer is Programmer.ARDUINO and board.model is not BoardModel.UNO:
        yield "programmer", f"a {board.model.value} has no boot loader; give linuxspi or usbasp"
    port = board.programmer_port
    if board.programmer is Programmer.LINUXSPI and port is not None and not _SPI_AND_RESET.fullmatch(port):
        yield "programmer_port", 'give SPI and the line on RESET, such as "/dev/spidev0.0:/dev/gpiochip0:25"'


def _board(table: dict[str, Any], folder: Path) -> BoardConfig:
    as_they_are = ("hardware", "byte_delay_us", "reset_counters", "model", "programmer", "programmer_port")
    settings: dict[str, Any] = {key: table[key] for key in as_they_are if key in table}
    if "reply_delay_ms" in table:
        settings["reply_delay"] = table["reply_delay_ms"] / 1000
    return BoardConfig(table["name"], str(folder / table["port"]), table["link"], **settings)
