"""Which sensors a P1 meter has and what each of its telegrams says about them. Pure.

What comes in and what goes out are sensors of their own; the sensor of the import carries the net power as its gauge,
as the original Fluksometers had it, the one of the export what flows out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from fluksod.link.lines import MeterLine
from fluksod.link.p1_telegram import Behind, Count, QuarterPower, Telegram
from fluksod.meter.quarter_hours import MONTHS, mean_of_months
from fluksod.sensor import Direction, Sensor, SensorClass, SensorType, derived_id

Told = tuple[Sensor, MeterLine]


class P1Streams:
    """The sensors of one P1 port. `device` is our id, `name` that of the port; `tariffs` asks for a sensor for each.

    `details` and `demands` are what the API tells of phases, and of the meter's own quarter hours, by sensor.

    A meter counts once it was named by two telegrams in a row: one without CRC may have a wrong digit in its serial.
    """

    def __init__(self, device: str, name: str, *, tariffs: bool = False) -> None:
        self._device = device
        self._name = name
        self._tariffs = tariffs
        self._serials: set[str] = set()
        self._exports = False
        self._readings: dict[str, tuple[int, Count]] = {}
        self._flows: dict[str, float] = {}
        self.details: dict[str, list[dict[str, Any]]] = {}
        self.demands: dict[str, dict[str, Any]] = {}

    def take(self, telegram: Telegram) -> list[Told]:
        """What a telegram says, sensor by sensor."""
        serials = {telegram.serial, *(meter.serial for meter in telegram.behind)}
        known, self._serials = self._serials & serials, serials
        told: list[Told] = []
        if telegram.serial in known:
            told += self._electricity(telegram)
        told += [self._flow(meter) for meter in telegram.behind if meter.serial in known]
        return told

    def _electricity(self, telegram: Telegram) -> Iterator[Told]:
        into, out = telegram.power_in, telegram.power_out
        net = None if into is None and out is None else (into or 0.0) - (out or 0.0)
        grid = self._sensor(telegram.serial, "import")
        if telegram.phases:
            self.details[grid.id] = [asdict(phase) for phase in telegram.phases]
        if telegram.quarter_power is not None:
            self.demands[grid.id] = _demand(telegram.quarter_power)
        yield grid, _line(grid, telegram.imported, net)
        exported = telegram.exported
        # Most meters have the registers whether anything ever flows out or not.
        self._exports = self._exports or bool(out) or (exported is not None and exported != Count(0))
        if self._exports:
            given = self._sensor(telegram.serial, "export", Direction.EXPORT)
            yield given, _line(given, exported, out)
        if self._tariffs:
            for direction, counts in (
                (Direction.IMPORT, telegram.import_tariffs),
                (Direction.EXPORT, telegram.export_tariffs if self._exports else {}),
            ):
                for tariff, count in counts.items():
                    one = self._sensor(telegram.serial, f"{direction.value} tariff {tariff}", direction)
                    yield one, _line(one, count, None)

    def _flow(self, meter: Behind) -> Told:
        sensor = self._sensor(meter.serial, meter.type.value, sensor_type=meter.type)
        if meter.time is not None:
            before = self._readings.get(sensor.id)
            if before is not None and meter.time > before[0]:
                litres = meter.count.units - before[1].units + (meter.count.milli - before[1].milli) / 1000
                if litres >= 0:
                    self._flows[sensor.id] = litres * 60 / (meter.time - before[0])
            if before is None or meter.time > before[0]:
                self._readings[sensor.id] = (meter.time, meter.count)
        return sensor, _line(sensor, meter.count, self._flows.get(sensor.id))

    def _sensor(
        self,
        serial: str,
        what: str,
        direction: Direction = Direction.IMPORT,
        sensor_type: SensorType = SensorType.ELECTRICITY,
    ) -> Sensor:
        made = derived_id(self._device, "p1", serial or self._name, what)
        return Sensor(made, f"{self._name} {what}"[:64], sensor_type, SensorClass.COSEM, direction)


def _demand(told: QuarterPower) -> dict[str, Any]:
    peak = told.month_peak
    peaks = [*([] if peak is None else [peak]), *told.months][:MONTHS]
    return {
        "average": told.average,
        "month_peak": peak,
        "month_peak_time": told.at,
        "mean_month_peak": mean_of_months(peaks),
    }


def _line(sensor: Sensor, count: Count | None, gauge: float | None) -> MeterLine:
    if count is None:
        return MeterLine(sensor.id, None, 0, gauge)
    return MeterLine(sensor.id, count.units, count.milli, gauge)
