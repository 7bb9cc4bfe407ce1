"""What an FLM03 tells of a clamp besides power and energy, as Home Assistant shows it."""

from collections.abc import Mapping
from typing import Final

from homeassistant.components.sensor import SensorDeviceClass, SensorEntityDescription, SensorStateClass
from homeassistant.const import (
    DEGREE,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfPower,
    UnitOfReactiveEnergy,
    UnitOfReactivePower,
)

from .client import Quantity

_QUADRANTS: Final = {
    Quantity.REACTIVE_Q1: "1",
    Quantity.REACTIVE_Q2: "2",
    Quantity.REACTIVE_Q3: "3",
    Quantity.REACTIVE_Q4: "4",
}

# Those that few people look at are disabled by default: a clamp has eighteen entities, each of them new every second.
QUANTITY_GAUGES: Final[Mapping[Quantity, SensorEntityDescription]] = {
    Quantity.EXPORT: SensorEntityDescription(
        key="power",
        translation_key="exported_power",
        device_class=SensorDeviceClass.POWER,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
    ),
    Quantity.VOLTAGE: SensorEntityDescription(
        key="voltage",
        device_class=SensorDeviceClass.VOLTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
        suggested_display_precision=1,
    ),
    Quantity.CURRENT: SensorEntityDescription(
        key="current",
        device_class=SensorDeviceClass.CURRENT,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=2,
    ),
    Quantity.POWER_FACTOR: SensorEntityDescription(
        key="power_factor",
        device_class=SensorDeviceClass.POWER_FACTOR,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
    ),
    Quantity.VOLTAGE_DISTORTION: SensorEntityDescription(
        key="voltage_distortion",
        translation_key="voltage_distortion",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=3,
        entity_registry_enabled_default=False,
    ),
    Quantity.CURRENT_DISTORTION: SensorEntityDescription(
        key="current_distortion",
        translation_key="current_distortion",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=3,
        entity_registry_enabled_default=False,
    ),
    Quantity.PHASE_ANGLE: SensorEntityDescription(
        key="phase_angle",
        translation_key="phase_angle",
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=DEGREE,
        suggested_display_precision=1,
        entity_registry_enabled_default=False,
    ),
    **{
        quantity: SensorEntityDescription(
            key="reactive_power",
            translation_key="reactive_power",
            device_class=SensorDeviceClass.REACTIVE_POWER,
            translation_placeholders={"quadrant": quadrant},
            state_class=SensorStateClass.MEASUREMENT,
            native_unit_of_measurement=UnitOfReactivePower.VOLT_AMPERE_REACTIVE,
            suggested_display_precision=0,
            entity_registry_enabled_default=False,
        )
        for quantity, quadrant in _QUADRANTS.items()
    },
}

QUANTITY_COUNTERS: Final[Mapping[Quantity, SensorEntityDescription]] = {
    Quantity.EXPORT: SensorEntityDescription(
        key="energy",
        translation_key="exported_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.WATT_HOUR,
        suggested_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=3,
    ),
    **{
        quantity: SensorEntityDescription(
            key="reactive_energy",
            translation_key="reactive_energy",
            device_class=SensorDeviceClass.REACTIVE_ENERGY,
            translation_placeholders={"quadrant": quadrant},
            state_class=SensorStateClass.TOTAL_INCREASING,
            native_unit_of_measurement=UnitOfReactiveEnergy.VOLT_AMPERE_REACTIVE_HOUR,
            suggested_unit_of_measurement=UnitOfReactiveEnergy.KILO_VOLT_AMPERE_REACTIVE_HOUR,
            suggested_display_precision=3,
            entity_registry_enabled_default=False,
        )
        for quantity, quadrant in _QUADRANTS.items()
    },
}
