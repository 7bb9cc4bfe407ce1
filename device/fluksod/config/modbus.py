"""The tables [[modbus]]: energy meters on RS-485 that speak Modbus RTU. Those with one port share its bus."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.complaints import Complaints


class Model(StrEnum):
    """Which meter it is: decides its registers (link/modbus_registers.py)."""

    SDM72 = "SDM72"
    SDM120 = "SDM120"
    SDM220 = "SDM220"
    SDM230 = "SDM230"
    SDM630 = "SDM630"
    EM340 = "EM340"
    B23 = "B23"
    B24 = "B24"
    WE516 = "WE-516"
    WE517 = "WE-517"


class Parity(StrEnum):
    """Of each byte on the wire."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


@dataclass(frozen=True, slots=True)
class ModbusConfig:
    """A meter with its `address` (1 to 247) on the bus behind the serial `port`."""

    name: str
    port: str
    address: int
    model: Model
    baud: int
    parity: Parity
    stop_bits: int

    @property
    def wire(self) -> tuple[int, Parity, int]:
        """How bytes are on the bus."""
        return self.baud, self.parity, self.stop_bits


SCHEMA = [
    {
        vol.Required("name"): values.name,
        vol.Required("port"): values.text,
        vol.Required("model"): values.one_of(Model),
        vol.Optional("address", default=1): values.whole(1, 247, "bus address"),
        vol.Optional("baud", default=9600): values.whole(1200, 115200, "baud"),
        vol.Optional("parity", default="none"): values.one_of(Parity),
        vol.Optional("stop_bits", default=1): values.whole(1, 2, "stop bits"),
    }
]


def modbus_meters(
    tables: list[dict[str, Any]], taken: Container[str | None], folder: Path, complaints: Complaints
) -> tuple[ModbusConfig, ...]:
    """Build them from the checked tables. `taken` are the ports of boards and other meters."""
    meters: list[ModbusConfig] = []
    for index, table in enumerate(tables):
        path = ["modbus", index]
        meter = ModbusConfig(
            table["name"],
            str(folder / table["port"]),
            table["address"],
            table["model"],
            table["baud"],
            table["parity"],
            table["stop_bits"],
        )
        if meter.port in taken:
            complaints.add([*path, "port"], "a [[board]] or [[p1]] has this port; give the bus a port of its own")
        beside = [other for other in meters if other.port == meter.port]
        if meter.name in [other.name for other in meters]:
            complaints.add([*path, "name"], "another [[modbus]] has this name; give each meter a name of its own")
        if meter.address in [other.address for other in beside]:
            complaints.add(
                [*path, "address"] if "address" in table else path,
                "another meter on this port has this address; set another one at the meter and here",
            )
        if any(other.wire != meter.wire for other in beside):
            complaints.add(path, "meters on one port need the same baud, parity and stop_bits; set them alike")
        meters.append(meter)
    return tuple(meters)
