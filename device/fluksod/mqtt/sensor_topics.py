"""Puts the store's sensors and readings on the topics of the original Fluksometers."""

from __future__ import annotations

import time

from fluksod.meter.metering import Reading
from fluksod.mqtt.broker import Broker
from fluksod.mqtt.payloads import counter_payload, counter_topic, gauge_payload, gauge_topic
from fluksod.mqtt.sensor_config import config_topic, sensor_config
from fluksod.store import Store, Stream


class SensorTopics:
    """Publishes gauge and counter of each sensor of `store`, and the configuration of all.

    The gauge comes with each line about it, the counter when it has changed. `cloud_url` is told in the configuration.
    """

    def __init__(self, broker: Broker, device: str, store: Store, cloud_url: str | None) -> None:
        self._broker = broker
        self._device = device
        self._store = store
        self._cloud_url = cloud_url
        self._counters: dict[str, float] = {}
        self._gauges: dict[str, float] = {}
        store.on_sensor(lambda _sensor: self._tell_configuration())
        store.on_reading(self._tell_reading)
        self._tell_configuration()

    def _tell_configuration(self) -> None:
        sensors = [stream.sensor for stream in self._store.streams.values()]
        self._broker.put(config_topic(self._device), sensor_config(sensors, self._cloud_url))

    def _tell_reading(self, stream: Stream, reading: Reading) -> None:
        sensor, kind = reading.sensor, stream.sensor.type
        if reading.counter is not None and reading.counter != self._counters.get(sensor):
            self._counters[sensor] = reading.counter
            self._broker.put(counter_topic(sensor), counter_payload(kind, reading.time, reading.counter))
        if reading.gauge is None or (not reading.measured and reading.gauge == self._gauges.get(sensor)):
            return
        self._gauges[sensor] = reading.gauge
        at = reading.time if reading.measured else int(time.time())  # a falling gauge is younger than its last line
        self._broker.put(gauge_topic(sensor), gauge_payload(kind, at, reading.gauge))
