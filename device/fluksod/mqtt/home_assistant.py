"""Lets Home Assistant's MQTT integration find our sensors: one retained message with the device and its entities.

Source: Home Assistant's "MQTT discovery", the device discovery payload (Home Assistant 2024.12 and newer).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fluksod.mqtt.broker import Broker
from fluksod.mqtt.payloads import counter_topic, gauge_topic
from fluksod.sensor import Sensor, SensorClass, SensorType
from fluksod.store import Store

BIRTH_TOPIC = "homeassistant/status"
"""Where Home Assistant says `online` when it has started, and is to be told everything again."""
BIRTH = b"online"
SILENT_AFTER = 60
"""Seconds without a gauge after which it is unavailable; a pulse input may be silent for as long as it likes."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What Home Assistant shows of the device; `url` is where its page can be reached, None while it has no address."""

    id: str
    name: str
    software: str
    url: str | None


@dataclass(frozen=True, slots=True)
class _Quantity:
    name: str
    device_class: str
    unit: str
    template: str = "{{ value_json[1] }}"


_GAUGES = {
    SensorType.ELECTRICITY: _Quantity("power", "power", "W"),
    # The wire has litres a day (trap 31), a unit that Home Assistant does not have.
    SensorType.WATER: _Quantity("flow", "volume_flow_rate", "L/min", "{{ (value_json[1] / 1440) | round(3) }}"),
    SensorType.GAS: _Quantity("flow", "volume_flow_rate", "L/min", "{{ (value_json[1] / 1440) | round(3) }}"),
}
_COUNTERS = {
    SensorType.ELECTRICITY: _Quantity("energy", "energy", "Wh"),
    SensorType.WATER: _Quantity("volume", "water", "L"),
    SensorType.GAS: _Quantity("volume", "gas", "m³", "{{ value_json[1] / 1000 }}"),
}


def discovery_topic(device: str) -> str:
    """The retained topic of the message."""
    return f"homeassistant/device/flukso_{device}/config"


def discovery_payload(device: DeviceFacts, availability: str, sensors: Iterable[Sensor]) -> bytes:
    """The message: the device, and a gauge and a counter for each sensor; `availability` is the topic that says so."""
    entities: dict[str, Mapping[str, Any]] = {}
    for sensor in sensors:
        gauge = {**_entity(sensor, _GAUGES[sensor.type], gauge_topic(sensor.id)), "state_class": "measurement"}
        if sensor.sensor_class is not SensorClass.PULSE:
            gauge["expire_after"] = SILENT_AFTER
        counter = _entity(sensor, _COUNTERS[sensor.type], counter_topic(sensor.id))
        entities[f"{sensor.id}_gauge"] = {**gauge, "unique_id": f"flukso_{sensor.id}_gauge"}
        entities[f"{sensor.id}_counter"] = {
            **counter,
            "unique_id": f"flukso_{sensor.id}_counter",
            "state_class": "total_increasing",
        }
    facts = {
        "identifiers": [f"flukso_{device.id}"],
        "name": device.name,
        "manufacturer": "Flukso",
        "model": "fluksod",
        "sw_version": device.software,
    }
    if device.url is not None:
        facts["configuration_url"] = device.url
    message = {
        "device": facts,
        "origin": {"name": "fluksod", "sw_version": device.software},
        "availability_topic": availability,
        "components": entities,
    }
    return json.dumps(message, separators=(",", ":")).encode()


def _entity(sensor: Sensor, quantity: _Quantity, topic: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": f"{sensor.name} {quantity.name}",
        "state_topic": topic,
        "value_template": quantity.template,
        "device_class": quantity.device_class,
        "unit_of_measurement": quantity.unit,
    }


class HomeAssistantDiscovery:
    """Keeps the message up to date with the sensors of `store`, and tells everything again when Home Assistant starts.

    `device` gives the device as it is now.
    """

    def __init__(self, broker: Broker, store: Store, device: Callable[[], DeviceFacts]) -> None:
        self._broker = broker
        self._store = store
        self._device = device
        store.on_sensor(lambda _sensor: self._tell())
        broker.on_connect(self._tell)
        broker.subscribe(BIRTH_TOPIC, self._is_born)

    def _tell(self) -> None:
        sensors = [stream.sensor for stream in self._store.streams.values()]
        if not sensors:
            return  # Home Assistant takes a device without entities for a mistake
        device = self._device()
        message = discovery_payload(device, self._broker.availability, sensors)
        self._broker.put(discovery_topic(device.id), message)

    def _is_born(self, payload: bytes) -> None:
        if payload == BIRTH:
            self._broker.tell_all_again()
