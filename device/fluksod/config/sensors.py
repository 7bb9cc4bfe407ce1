"""The tables [[sensor]]: what is known of the sensors beforehand."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from fluksod.config import values
from fluksod.config.complaints import Complaints
from fluksod.sensor import Sensor, SensorClass, SensorType

SCHEMA = [
    {
        vol.Required("id"): values.sensor_id,
        vol.Required("name"): values.name,
        vol.Required("type"): values.one_of(SensorType),
        vol.Optional("class"): values.one_of(SensorClass),
    }
]


def sensors(tables: list[dict[str, Any]], complaints: Complaints) -> tuple[Sensor, ...]:
    """Build them from the checked tables."""
    seen: dict[str, int] = {}
    for index, table in enumerate(tables):
        if table["id"] in seen:
            twin = f"[[sensor]] number {seen[table['id']] + 1}"
            complaints.add(["sensor", index, "id"], f"the same id as {twin}; remove one of the two")
        seen.setdefault(table["id"], index)
    return tuple(_sensor(table) for table in tables)


def _sensor(table: dict[str, Any]) -> Sensor:
    assumed = SensorClass.ANALOG if table["type"] is SensorType.ELECTRICITY else SensorClass.PULSE
    return Sensor(table["id"], table["name"], table["type"], table.get("class", assumed))
