"""Power, voltage and current of each phase that a meter tells of."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import UnitOfElectricCurrent, UnitOfElectricPotential, UnitOfPower

from .client import Phase, Reading, Sensor
from .coordinator import FluksoCoordinator
from .entity import FluksoSensorEntity, Value

MOST_PHASES: Final = 3


@dataclass(frozen=True, kw_only=True)
class PhaseDescription(SensorEntityDescription):
    """One quantity of one phase. `index` counts from 0."""

    index: int
    value: Callable[[Phase], int | float | None]


def _described(index: int) -> tuple[PhaseDescription, ...]:
    return (
        PhaseDescription(
            key=f"power_l{index + 1}",
            translation_key="phase_power",
            device_class=SensorDeviceClass.POWER,
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfPower.WATT,
            suggested_display_precision=0,
            index=index,
            value=lambda phase: phase.power,
        ),
        PhaseDescription(
            key=f"voltage_l{index + 1}",
            translation_key="phase_voltage",
            device_class=SensorDeviceClass.VOLTAGE,
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfElectricPotential.VOLT,
            suggested_display_precision=1,
            index=index,
            value=lambda phase: phase.voltage,
        ),
        PhaseDescription(
            key=f"current_l{index + 1}",
            translation_key="phase_current",
            device_class=SensorDeviceClass.CURRENT,
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
            suggested_display_precision=2,
            index=index,
            value=lambda phase: phase.current,
        ),
    )


PHASES: tuple[PhaseDescription, ...] = tuple(
    description for index in range(MOST_PHASES) for description in _described(index)
)


class FluksoPhase(FluksoSensorEntity):
    """One quantity of one phase."""

    entity_description: PhaseDescription

    def __init__(self, coordinator: FluksoCoordinator, sensor: Sensor, description: PhaseDescription) -> None:
        """Show the described quantity; only the powers of several phases are of use to everybody."""
        super().__init__(coordinator, sensor, description)
        self._attr_translation_placeholders = {"phase": str(description.index + 1)}
        self._attr_entity_registry_enabled_default = (
            description.device_class is SensorDeviceClass.POWER and len(sensor.phases) > 1
        )

    @override
    def _value(self, reading: Reading) -> Value:
        """Return what the meter told last."""
        phases = self.coordinator.data.sensors[self.sensor_id].phases
        index = self.entity_description.index
        return self.entity_description.value(phases[index]) if index < len(phases) else None


def told(sensor: Sensor) -> Iterator[PhaseDescription]:
    """Return the quantities that a sensor's meter tells."""
    for description in PHASES:
        if description.index < len(sensor.phases) and description.value(sensor.phases[description.index]) is not None:
            yield description


def phase_entities(coordinator: FluksoCoordinator, sensor: Sensor) -> list[FluksoSensorEntity]:
    """Make the entities of a sensor's phases."""
    return [FluksoPhase(coordinator, sensor, description) for description in told(sensor)]
