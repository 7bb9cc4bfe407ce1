"""How cloud, broker, storage and cables of a Fluksometer are, as it tells itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorEntityDescription, SensorStateClass
from homeassistant.const import UnitOfInformation
from homeassistant.util import dt as dt_util

from .client import Device
from .coordinator import FluksoCoordinator
from .hub_entity import FluksoHubEntity
from .links import links

type HubValue = str | int | datetime

CONNECTIONS: Final = ["connected", "connecting", "refused", "unreachable"]
STORAGES: Final = ["failing", "ok"]


@dataclass(frozen=True, kw_only=True)
class HubDescription(SensorEntityDescription):
    """One thing that is told. `has` tells whether the Fluksometer has the part that it is about."""

    has: Callable[[Device], bool]
    value: Callable[[Device], HubValue | None]


def _moment(time: int | None) -> datetime | None:
    return None if time is None else dt_util.utc_from_timestamp(time)


def _has_cloud(device: Device) -> bool:
    return device.cloud is not None


def _has_storage(device: Device) -> bool:
    return device.storage is not None


HUB_SENSORS: tuple[HubDescription, ...] = (
    HubDescription(
        key="cloud",
        translation_key="cloud",
        device_class=SensorDeviceClass.ENUM,
        options=CONNECTIONS,
        has=_has_cloud,
        value=lambda device: device.cloud.state if device.cloud else None,
    ),
    HubDescription(
        key="last_upload",
        translation_key="last_upload",
        device_class=SensorDeviceClass.TIMESTAMP,
        has=_has_cloud,
        value=lambda device: _moment(device.cloud.last_upload) if device.cloud else None,
    ),
    HubDescription(
        key="pending",
        translation_key="pending",
        state_class=SensorStateClass.MEASUREMENT,
        has=_has_cloud,
        value=lambda device: device.cloud.pending if device.cloud else None,
    ),
    HubDescription(
        key="broker",
        translation_key="broker",
        device_class=SensorDeviceClass.ENUM,
        options=CONNECTIONS,
        has=lambda device: device.broker is not None,
        value=lambda device: device.broker.state if device.broker else None,
    ),
    HubDescription(
        key="storage",
        translation_key="storage",
        device_class=SensorDeviceClass.ENUM,
        options=STORAGES,
        has=_has_storage,
        value=lambda device: device.storage.state if device.storage else None,
    ),
    HubDescription(
        key="storage_size",
        translation_key="storage_size",
        device_class=SensorDeviceClass.DATA_SIZE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.MEGABYTES,
        suggested_display_precision=1,
        has=_has_storage,
        value=lambda device: device.storage.bytes if device.storage else None,
    ),
    HubDescription(
        key="history_since",
        translation_key="history_since",
        device_class=SensorDeviceClass.TIMESTAMP,
        has=_has_storage,
        value=lambda device: _moment(device.storage.oldest_minute) if device.storage else None,
    ),
)

REJECTED_LINES: Final = SensorEntityDescription(
    key="rejected_lines", translation_key="rejected_lines", state_class=SensorStateClass.TOTAL_INCREASING
)


class FluksoHubSensor(FluksoHubEntity[HubValue], SensorEntity):
    """One thing that a Fluksometer tells of itself."""

    entity_description: HubDescription

    def __init__(self, coordinator: FluksoCoordinator, description: HubDescription) -> None:
        """Show the described thing."""
        super().__init__(coordinator, description.key)
        self.entity_description = description

    @property
    @override
    def native_value(self) -> HubValue | None:
        """Return what is told; a state of a later version is not known."""
        options = self.entity_description.options
        return None if options is not None and self.told not in options else self.told

    @override
    def _read(self, device: Device) -> HubValue | None:
        """Return what the description picks."""
        return self.entity_description.value(device)


class FluksoRejectedLines(FluksoHubEntity[HubValue], SensorEntity):
    """How many damaged lines, frames or telegrams came from a board or meter: a bad cable shows here."""

    entity_description = REJECTED_LINES

    def __init__(self, coordinator: FluksoCoordinator, key: str, name: str) -> None:
        """Count those of the board or meter with this key."""
        super().__init__(coordinator, f"{key}_{REJECTED_LINES.key}")
        self._link = key
        if name:
            self._attr_translation_key = "named_rejected_lines"
            self._attr_translation_placeholders = {"name": name}

    @property
    @override
    def native_value(self) -> HubValue | None:
        """Return the count."""
        return self.told

    @override
    def _read(self, device: Device) -> HubValue | None:
        """Return the count since the Fluksometer was started."""
        link = links(device).get(self._link)
        return None if link is None else link[1].rejected_lines


def hub_sensors(coordinator: FluksoCoordinator, device: Device) -> Iterator[FluksoHubEntity[HubValue]]:
    """Make the entities of what a Fluksometer has."""
    for description in HUB_SENSORS:
        if description.has(device):
            yield FluksoHubSensor(coordinator, description)
    for key, (name, _) in links(device).items():
        yield FluksoRejectedLines(coordinator, key, name)
