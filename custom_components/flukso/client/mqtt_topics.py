"""What the topics of a Fluksometer have told so far. Pure: no connection, and the clock is the caller's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .errors import FluksoAmbiguousError, FluksoNotFoundError
from .models import Device, Direction, Quantity, Reading, Sensor, SensorClass, SensorReading, SensorType, Snapshot
from .mqtt_payload import MqttSensor, parse_config, parse_counter, parse_firmware, parse_gauge

FILTERS: Final = (
    "/device/+/config/sensor",
    "/device/+/config/flx",
    "/device/+/test/tap",
    "/device/+/availability",
    "/sensor/+/gauge",
    "/sensor/+/counter",
)
"""What to subscribe to. Topics start with a slash (trap 21)."""

_TOPIC: Final = re.compile(
    r"/(?:device/([0-9a-f]{32})/(config/sensor|config/flx|test/tap|availability)"
    r"|sensor/([0-9a-f]{32})/(gauge|counter))"
)

_ZERO_AFTER: Final = 3600.0
"""Seconds without a pulse after which a rate is 0; five of the last periods where those are longer."""


@dataclass(slots=True)
class _Told:
    """What was told of a sensor, as (unix seconds, value); at least one of the two."""

    gauge: tuple[int, int | float] | None = None
    counter: tuple[int, int | float] | None = None

    @property
    def time(self) -> int:
        return max(told[0] for told in (self.gauge, self.counter) if told is not None)


class MqttTopics:
    """Follows the topics of one Fluksometer: the one with the given id, or whichever is alone on the broker."""

    def __init__(self, device_id: str | None, name: str) -> None:
        """Know nothing yet but what its owner calls it."""
        self._device_id = device_id
        self._name = name
        self._configs: dict[str, bytes] = {}
        self._ports: dict[str, bytes] = {}
        self._firmware: dict[str, str] = {}
        self._offline: set[str] = set()
        self._present: set[str] = set()
        self._told: dict[str, _Told] = {}
        self._sensors: dict[str, MqttSensor] = {}
        self._newest: tuple[int, float] | None = None
        """The newest time that was told while we listened, and when that was on our clock."""

    def begin(self) -> None:
        """Start a connection: whose configuration is on this broker has to be told anew."""
        self._present.clear()
        self._offline.clear()

    def take(self, topic: str, payload: bytes, now: float, *, retained: bool) -> SensorReading | None:
        """Take a message and return the reading that it makes, None when it is about none of our sensors.

        `now` is in seconds on a monotonic clock. Raises FluksoPayloadError for what no Fluksometer publishes.
        """
        match = _TOPIC.fullmatch(topic)
        if match is None:
            return None
        if match[3]:
            return self._take_reading(match[3], match[4], payload, now, retained=retained)
        self._take_device(match[1], match[2], payload)
        return None

    def reading(self, sensor_id: str, now: float) -> Reading | None:
        """Return what is known of a sensor, None before anything is."""
        told = self._told.get(sensor_id)
        return None if told is None else self._reading(self._sensors[sensor_id], told, now)

    def readings(self, now: float) -> Iterator[SensorReading]:
        """Return what is known of all sensors."""
        for sensor_id in self._sensors:
            if (reading := self.reading(sensor_id, now)) is not None:
                yield SensorReading(sensor_id, reading)

    def snapshot(self, now: float) -> Snapshot:
        """Return the Fluksometer and its sensors.

        Raises FluksoNotFoundError when none is published here or it has gone, FluksoAmbiguousError when it is not known
        which is meant, and FluksoPayloadError when its configuration cannot be read.
        """
        device_id = self._identity()
        if device_id in self._offline:
            raise FluksoNotFoundError(f"the Fluksometer {device_id} has left its broker")
        self._configure(device_id)
        device = Device(
            id=device_id,
            name=self._name,
            model="FLM03" if self._is_flm03() else "FLM02",
            software=self._firmware.get(device_id),
            api="mqtt",
            time=self._time(now),
            board=None,
            cloud=None,
        )
        return Snapshot(device, {sensor.id: self._sensor(sensor, now) for sensor in self._sensors.values()})

    def _take_device(self, device_id: str, what: str, payload: bytes) -> None:
        if what == "availability":
            (self._offline.add if payload == b"offline" else self._offline.discard)(device_id)
        elif what == "test/tap":
            if (firmware := parse_firmware(payload)) is not None:
                self._firmware[device_id] = firmware
        elif what == "config/flx":
            self._ports[device_id] = payload
        else:
            self._present.add(device_id)
            self._configs[device_id] = payload
        if what.startswith("config/") and device_id == self._device_id and device_id in self._configs:
            self._configure(device_id)

    def _take_reading(
        self, sensor_id: str, what: str, payload: bytes, now: float, *, retained: bool
    ) -> SensorReading | None:
        told = self._told.get(sensor_id, _Told())
        if what == "gauge":
            time, _ = told.gauge = parse_gauge(payload, rounded_down=self._is_flm03())
        else:
            time, _ = told.counter = parse_counter(payload)
        self._told[sensor_id] = told
        if not retained:
            self._newest = (time, now)
        sensor = self._sensors.get(sensor_id)
        return None if sensor is None else SensorReading(sensor_id, self._reading(sensor, told, now))

    def _reading(self, sensor: MqttSensor, told: _Told, now: float) -> Reading:
        gauge = None if told.gauge is None else self._gauge_now(sensor, *told.gauge, now)
        return Reading(told.time, None if told.counter is None else told.counter[1], gauge)

    def _identity(self) -> str:
        known = self._device_id
        # A broker that was restarted may have lost what it retained; the configuration is as it was.
        if known is not None and (known in self._present or (known in self._configs and not self._present)):
            return known
        if not self._present:
            raise FluksoNotFoundError("no Fluksometer publishes its configuration on this broker")
        if len(self._present) > 1:
            raise FluksoAmbiguousError(f"{len(self._present)} Fluksometers publish on this broker")
        return next(iter(self._present))

    def _configure(self, device_id: str) -> None:
        self._sensors = parse_config(self._configs[device_id], self._ports.get(device_id))

    def _is_flm03(self) -> bool:
        return bool(self._ports) if self._device_id is None else self._device_id in self._ports

    def _time(self, now: float) -> int | None:
        """Return the Fluksometer's clock, None before anything was told while we listened."""
        return None if self._newest is None else int(self._newest[0] + now - self._newest[1])

    def _gauge_now(self, sensor: MqttSensor, time: int, gauge: int | float, now: float) -> int | float:
        """Return a gauge as it can be now: the one of a pulse input stands still when nothing flows any more.

        When its next pulse is overdue the rate cannot be what it was, so it falls with the time waited.
        """
        clock = self._time(now)
        if sensor.constant is None or clock is None or gauge <= 0:
            return gauge
        per_second = 3600 if sensor.type is SensorType.ELECTRICITY else 60
        period, waited = sensor.constant * per_second / gauge, clock - time
        if waited >= max(_ZERO_AFTER, 5 * period):
            return 0
        return gauge if waited <= period + 1 else round(gauge * period / waited, 3)

    def _sensor(self, sensor: MqttSensor, now: float) -> Sensor:
        told = self._told.get(sensor.id)
        silent = self._is_flm03() and sensor.sensor_class is SensorClass.PULSE and (told is None or told.gauge is None)
        return Sensor(
            id=sensor.id,
            name=sensor.name,
            type=sensor.type,
            sensor_class=sensor.sensor_class,
            has_counter=sensor.has_counter,
            reading=self.reading(sensor.id, now),
            direction=Direction.EXPORT if sensor.quantity is Quantity.EXPORT else Direction.IMPORT,
            quantity=sensor.quantity,
            has_gauge=not silent,
            index=sensor.index,
            lead=sensor.lead,
        )
