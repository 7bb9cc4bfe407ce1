"""The tables [[p1]]: smart meters with a P1 port."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.boards import BoardConfig, BoardLink
from fluksod.config.complaints import Complaints

_KEY = re.compile(r"[0-9A-Fa-f]{32}")


class Dsmr(StrEnum):
    """Which generation of P1: decides speed and format on the wire."""

    V2_2 = "2.2"
    V4 = "4"
    V5 = "5"


@dataclass(frozen=True, slots=True)
class P1Config:
    """A P1 meter, on a serial `port` or on the bus of the `board`. `key_file` holds the keys of an encrypted one."""

    name: str
    port: str | None
    board: str | None
    dsmr: Dsmr
    key_file: Path | None
    tariffs: bool


SCHEMA = [
    {
        vol.Optional("name", default="P1"): values.name,
        vol.Exclusive("port", "place", msg="give either port or board, not both"): values.text,
        vol.Exclusive("board", "place", msg="give either port or board, not both"): values.name,
        vol.Optional("dsmr", default="5"): values.one_of(Dsmr),
        vol.Optional("key_file"): values.text,
        vol.Optional("tariffs", default=False): values.flag,
    }
]


def p1_meters(
    tables: list[dict[str, Any]], boards: Sequence[BoardConfig], folder: Path, complaints: Complaints
) -> tuple[P1Config, ...]:
    """Build them from the checked tables."""
    meters: list[P1Config] = []
    for index, table in enumerate(tables):
        path = ["p1", index]
        if "port" not in table and "board" not in table:
            complaints.add([*path, "port"], "is missing; add the serial port of the meter, or the board it is wired to")
        spi = [board.name for board in boards if board.link is BoardLink.SPI]
        if "board" in table and table["board"] not in spi:
            complaints.add([*path, "board"], 'there is no [[board]] of this name with link = "spi"; correct it')
        if table["name"] in [meter.name for meter in meters]:
            complaints.add([*path, "name"], "another [[p1]] has this name; give each meter a name of its own")
        key_file = folder / table["key_file"] if "key_file" in table else None
        if key_file is not None:
            for objection in _objections(key_file):
                complaints.add([*path, "key_file"], objection)
        port = str(folder / table["port"]) if "port" in table else None
        meters.append(P1Config(table["name"], port, table.get("board"), table["dsmr"], key_file, table["tariffs"]))
    return tuple(meters)


def read_keys(path: Path) -> tuple[bytes, bytes | None]:
    """The encryption key, and the authentication key if there is one. Raises `OSError` and `ValueError`."""
    words = path.read_text(encoding="ascii").split()
    if not 1 <= len(words) <= 2 or not all(_KEY.fullmatch(word) for word in words):
        raise ValueError("it does not hold one or two keys of 32 hexadecimal digits")
    keys = [bytes.fromhex(word) for word in words]
    return keys[0], keys[1] if len(keys) == 2 else None


def _objections(path: Path) -> list[str]:
    try:
        read_keys(path)
        if path.stat().st_mode & 0o077:
            return [f"{path} can be read by others; close it to them: chmod 600 {path}"]
    except OSError as error:
        return [f"{path} cannot be read: {error.strerror}"]
    except ValueError:
        return [f"{path} has to hold the key as 32 hexadecimal digits, and a second one if the meter has two"]
    return []
