"""How a board with SPI is to be set up: which port counts into which sensor, with which constant. Pure.

Source: sections 4.3 to 4.5 and 5.4 of the protocol reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fluksod.link.spi_frames import PORTS, SENSORS

UNUSED = 0xFF
"""In the port map: this port counts nowhere."""
LARGEST_CONSTANT = 0xFFFF
_WATT_FACTOR = 449  # thousandths: 0.449 is what the original's rectifier and reference give
_NOTHING = "00"


@dataclass(frozen=True, slots=True)
class BoardSensor:
    """One sensor of a board: `index` from 0, its `ports` from 1, and its constant in units and thousandths."""

    index: int
    ports: tuple[int, ...]
    constant: int
    milli: int = 0


@dataclass(frozen=True, slots=True)
class HardwareVersion:
    """Version of a board: the major one has to be the same, the minor one not above what we know."""

    major: int
    minor: int

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.major}.{self.minor}"

    def fits(self, board: HardwareVersion) -> bool:
        """Whether a board of that version can be set up by who knows this one."""
        return board.major == self.major and board.minor <= self.minor


def clamp_constant(volts: int, amperes: int) -> int:
    """Meter constant of a clamp: floor(0.449 x V x A); 5163 for 50 A at 230 V. Above 65535 it does not fit."""
    return _WATT_FACTOR * volts * amperes // 1000


def disable_commands() -> list[str]:
    """Stop all sensors, so that nothing is counted with half of a set-up."""
    return [f"se{index:02x}{_NOTHING}" for index in range(SENSORS)]


def setting_commands(sensors: Sequence[BoardSensor]) -> list[str]:
    """The port map, then constant and fraction of each sensor; those not named get 0."""
    by_port = {port: sensor.index for sensor in sensors for port in sensor.ports}
    ports = "".join(f"{by_port.get(port, UNUSED):02x}" for port in range(1, PORTS + 1))
    return [f"sp{ports}", *_constants({sensor.index: sensor for sensor in sensors})]


def enable_commands(sensors: Sequence[BoardSensor]) -> list[str]:
    """Start the sensors."""
    return [f"se{sensor.index:02x}01" for sensor in sorted(sensors, key=lambda sensor: sensor.index)]


def reset_commands() -> list[str]:
    """Set all counters to 0."""
    return [f"sc{index:02x}00000000" for index in range(SENSORS)]


def wanted_replies(sensors: Sequence[BoardSensor]) -> dict[str, str]:
    """What a board that is set up so answers, by question: asking costs no pulse and no write of its EEPROM."""
    enabled = {sensor.index for sensor in sensors}
    wanted = {f"ge{index:02x}": f"ge{index:02x}{int(index in enabled):02x}" for index in range(SENSORS)}
    for command in setting_commands(sensors):
        question = "gp" if command.startswith("sp") else f"g{command[1:4]}"
        wanted[question] = "g" + command[1:]
    return wanted


def _constants(by_index: dict[int, BoardSensor]) -> Iterator[str]:
    for index in range(SENSORS):
        sensor = by_index.get(index)
        yield f"sm{index:02x}{0 if sensor is None else sensor.constant:04x}"
        yield f"sf{index:02x}{0 if sensor is None else sensor.milli:04x}"
