"""Quarter-hour average, its projection, and the month's peak: what a capacity tariff goes by."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import UnitOfPower
from homeassistant.util import dt as dt_util

from .client import Demand, Reading, Sensor
from .coordinator import FluksoCoordinator
from .demand import Demands, has_demand, measures_grid
from .entity import FluksoSensorEntity, Value


@dataclass(frozen=True, kw_only=True)
class DemandDescription(SensorEntityDescription):
    """One value of the demand."""

    value: Callable[[Demand], Value]


def _whole(watt: float | None) -> int | None:
    return None if watt is None else round(watt)


def _power(key: str, value: Callable[[Demand], float | None]) -> DemandDescription:
    """Describe a power that is shown to the watt, so that a tenth of one writes no state."""
    return DemandDescription(
        key=key,
        translation_key=key,
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        value=lambda demand: _whole(value(demand)),
    )


def _peak_time(demand: Demand) -> datetime | None:
    return None if demand.month_peak_time is None else dt_util.utc_from_timestamp(demand.month_peak_time)


DEMANDS: tuple[DemandDescription, ...] = (
    _power("quarter_average", lambda demand: demand.average),
    _power("quarter_projection", lambda demand: demand.projected),
    _power("month_peak", lambda demand: demand.month_peak),
    DemandDescription(
        key="month_peak_time",
        translation_key="month_peak_time",
        device_class=SensorDeviceClass.TIMESTAMP,
        value=_peak_time,
    ),
    _power("mean_month_peak", lambda demand: demand.mean_month_peak),
)

_FOR_THE_CURIOUS = ("month_peak_time", "mean_month_peak")


class FluksoDemand(FluksoSensorEntity):
    """One value of the demand of a sensor."""

    entity_description: DemandDescription

    def __init__(
        self, coordinator: FluksoCoordinator, demands: Demands, sensor: Sensor, description: DemandDescription
    ) -> None:
        """Show the described value; enabled where the sensor measures what the house draws from the grid."""
        super().__init__(coordinator, sensor, description)
        self._demands = demands
        self._attr_entity_registry_enabled_default = description.key not in _FOR_THE_CURIOUS and measures_grid(
            sensor, coordinator.data
        )

    @override
    def _value(self, reading: Reading) -> Value:
        """Return the value as it is now."""
        demand = self._demands.of(self.sensor_id)
        return None if demand is None else self.entity_description.value(demand)


def demand_entities(coordinator: FluksoCoordinator, demands: Demands, sensor: Sensor) -> list[FluksoSensorEntity]:
    """Make the entities of a sensor's demand."""
    if not has_demand(sensor):
        return []
    return [FluksoDemand(coordinator, demands, sensor, description) for description in DEMANDS]
