"""Which sensors a meter on RS-485 has and what each of its readings says about them. Pure.

As with P1: what comes in and what goes out are sensors of their own, the gauge of the import is the net power.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fluksod.link.lines import MeterLine
from fluksod.link.modbus_registers import MeterReading
from fluksod.sensor import Direction, Sensor, SensorClass, SensorType, derived_id


class ModbusStreams:
    """The sensors of one meter. `device` is our id, `name` the meter's, `place` its port and address.

    The export appears once something has flowed out.
    """

    def __init__(self, device: str, name: str, *place: str) -> None:
        self._import = Sensor(
            derived_id(device, "modbus", *place, "import"),
            f"{name} import",
            SensorType.ELECTRICITY,
            SensorClass.UART,
        )
        self._export = Sensor(
            derived_id(device, "modbus", *place, "export"),
            f"{name} export",
            SensorType.ELECTRICITY,
            SensorClass.UART,
            Direction.EXPORT,
        )
        self._exports = False
        self.details: dict[str, list[dict[str, Any]]] = {}

    def take(self, reading: MeterReading) -> list[tuple[Sensor, MeterLine]]:
        """What a reading says, sensor by sensor."""
        if reading.phases:
            self.details[self._import.id] = [asdict(phase) for phase in reading.phases]
        told = [(self._import, _line(self._import, reading.imported, reading.power))]
        self._exports = self._exports or reading.exported > 0
        if self._exports:
            told.append((self._export, _line(self._export, reading.exported, max(-reading.power, 0.0))))
        return told


def _line(sensor: Sensor, thousandths: int, gauge: float) -> MeterLine:
    units, milli = divmod(thousandths, 1000)
    return MeterLine(sensor.id, units, milli, gauge)
