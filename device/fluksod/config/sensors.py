"""The tables [[sensor]]: what is known of the sensors beforehand, and for boards on SPI how they are set up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.boards import BoardConfig, BoardLink
from fluksod.config.complaints import Complaints
from fluksod.link.board_settings import LARGEST_CONSTANT, BoardSensor, clamp_constant
from fluksod.link.spi_frames import ANALOG_SENSORS, PORTS
from fluksod.sensor import Direction, Sensor, SensorClass, SensorType

_BUS_PORT = 6
_OF_BOARD = (SensorClass.ANALOG, SensorClass.PULSE)


@dataclass(frozen=True, slots=True)
class BoardSensorConfig:
    """A sensor of a board on SPI. Without an `id` it gets one that is derived from the device's."""

    board: str
    place: BoardSensor
    id: str | None
    name: str
    type: SensorType
    sensor_class: SensorClass
    direction: Direction


def _ports(value: Any) -> tuple[int, ...]:
    ports = value if isinstance(value, list) else [value]
    if not ports or len(set(map(str, ports))) != len(ports) or not all(type(port) is int for port in ports):
        raise vol.Invalid("give the number of a port, such as 4, or a list of different ones, such as [1, 2, 3]")
    if not all(1 <= port <= PORTS for port in ports):
        raise vol.Invalid(f"a board has the ports 1 to {PORTS}")
    return tuple(sorted(ports))


def _class_of_board(value: Any) -> SensorClass:
    if value not in [member.value for member in _OF_BOARD]:
        raise vol.Invalid('give one of "analog", "pulse"')
    return SensorClass(value)


SCHEMA = [
    {
        vol.Optional("id"): values.sensor_id,
        vol.Required("name"): values.name,
        vol.Required("type"): values.one_of(SensorType),
        vol.Optional("class"): _class_of_board,
        vol.Optional("direction", default="import"): values.one_of(Direction),
        vol.Optional("board"): values.name,
        vol.Optional("port"): _ports,
        vol.Optional("voltage"): values.whole(1, 1000, "volts"),
        vol.Optional("current"): values.whole(1, 10_000, "amperes"),
        vol.Optional("constant"): values.thousandths(LARGEST_CONSTANT),
    }
]


def sensors(
    tables: list[dict[str, Any]], boards: Sequence[BoardConfig], complaints: Complaints
) -> tuple[tuple[Sensor, ...], tuple[BoardSensorConfig, ...]]:
    """Build them from the checked tables: those that are known by their id, and those that set up a board on SPI."""
    ids: dict[str, int] = {}
    taken: dict[tuple[str, int], int] = {}
    known: list[Sensor] = []
    of_boards: list[BoardSensorConfig] = []
    for index, table in enumerate(tables):
        complain = _Complain(complaints, index)
        if table.get("id") in ids:
            complain("id", f"the same id as [[sensor]] number {ids[table['id']] + 1}; remove one of the two")
        if "id" in table:
            ids.setdefault(table["id"], index)
        if "port" not in table:
            known += _known(table, complain)
            continue
        board = _board_of(table, boards, complain)
        for port in table["port"]:
            if (board, port) in taken:
                complain("port", f"port {port} belongs to [[sensor]] number {taken[board, port] + 1} already")
            taken.setdefault((board, port), index)
        of_boards.append(_of_board(table, board, complain))
    return tuple(known), tuple(of_boards)


class _Complain:
    def __init__(self, complaints: Complaints, index: int) -> None:
        self._complaints = complaints
        self._index = index

    def __call__(self, key: str, what: str) -> None:
        self._complaints.add(["sensor", self._index, key], what)


def _known(table: dict[str, Any], complain: _Complain) -> list[Sensor]:
    for key in ("board", "voltage", "current", "constant"):
        if key in table:
            complain(key, "is for sensors with a port, which set up a board on SPI; add port, or remove this")
    if "id" not in table:
        complain("id", "is missing; add it, or a port if the sensor is on a board on SPI")
        return []
    assumed = SensorClass.ANALOG if table["type"] is SensorType.ELECTRICITY else SensorClass.PULSE
    return [Sensor(table["id"], table["name"], table["type"], table.get("class", assumed), table["direction"])]


def _board_of(table: dict[str, Any], boards: Sequence[BoardConfig], complain: _Complain) -> str:
    names = [board.name for board in boards if board.link is BoardLink.SPI]
    named = table.get("board")
    if named is None:
        if len(names) == 1:
            return names[0]
        what = "several" if names else "none"
        complain("board", f'name the board of this sensor: {what} of the [[board]] has link = "spi"')
        return ""
    if named not in names:
        complain("board", 'there is no [[board]] of this name with link = "spi"; correct it')
    return str(named)


def _of_board(table: dict[str, Any], board: str, complain: _Complain) -> BoardSensorConfig:
    ports: tuple[int, ...] = table["port"]
    clamps = all(port <= ANALOG_SENSORS for port in ports)
    sensor_class: SensorClass = table.get("class", SensorClass.ANALOG if clamps else SensorClass.PULSE)
    analog = sensor_class is SensorClass.ANALOG
    if _BUS_PORT in ports:
        complain("port", "port 6 is the RS-485 bus and counts nothing; a P1 meter there is named in [[p1]]")
    elif analog and not clamps:
        complain("port", f"only the ports 1 to {ANALOG_SENSORS} take clamps (class analog)")
    elif not analog and (len(ports) > 1 or ports[0] <= ANALOG_SENSORS):
        complain("port", "a pulse sensor has one of the ports 4 and 5")
    if analog and table["type"] is not SensorType.ELECTRICITY:
        complain("type", "a clamp measures electricity")
    for key in ("voltage", "current") if not analog else ("constant",):
        if key in table:
            other = "clamps (class analog)" if not analog else "pulse sensors"
            complain(key, f"is for {other}; remove it")
    # The lowest port is the index: a clamp then is among the first three, whose records tell W, and a counter stays
    # where it is when the file is put into another order.
    place = BoardSensor(ports[0] - 1, ports, *_constant(table, complain, analog=analog))
    return BoardSensorConfig(
        board, place, table.get("id"), table["name"], table["type"], sensor_class, table["direction"]
    )


def _constant(table: dict[str, Any], complain: _Complain, *, analog: bool) -> tuple[int, int]:
    if not analog:
        units, milli = divmod(table.get("constant", 1000), 1000)
        return units, milli
    constant = clamp_constant(table.get("voltage", 230), table.get("current", 50))
    if constant > LARGEST_CONSTANT:
        complain(
            "current" if "current" in table else "voltage",
            f"0.449 x voltage x current is {constant}, more than the board's {LARGEST_CONSTANT}; use a smaller clamp",
        )
    return constant, 0
