"""Our own local API, /api/v2: the device and its sensors with counters and gauges. Source: docs/protocol.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from fluksod.meter.metering import Reading
from fluksod.store import Store, Stream

Json = Mapping[str, Any]


class DeviceApi:
    """Serves `/api/v2/device`, `/api/v2/sensors` and `/api/v2/peers`.

    `device` gives the first one's content, `details` further members of a sensor, by its id. `peers` holds other
    people's sensors, and `peers_error` tells what is wrong with them, None when nothing is.
    """

    def __init__(
        self,
        store: Store,
        peers: Store,
        device: Callable[[], Json],
        details: Callable[[str], Json],
        peers_error: Callable[[], str | None],
    ) -> None:
        self._store = store
        self._peers = peers
        self._device = device
        self._details = details
        self._peers_error = peers_error

    async def get_device(self, _request: web.Request) -> web.Response:
        """Answer with the device, its board and its cloud."""
        return _json(self._device())

    async def get_sensors(self, _request: web.Request) -> web.Response:
        """Answer with all sensors, peers behind our own, and their newest readings."""
        return _json({"sensors": self.sensors()})

    async def get_peers(self, _request: web.Request) -> web.Response:
        """Answer with the peers alone."""
        return _json({"peers": list(self._sensors(self._peers)), "error": self._peers_error()})

    def sensors(self) -> list[Json]:
        """All sensors with their newest readings."""
        return [*self._sensors(self._store), *self._sensors(self._peers)]

    def _sensors(self, store: Store) -> Iterator[Json]:
        for stream in store.streams.values():
            yield {**_sensor(stream), **self._details(stream.sensor.id)}


def measured_values(reading: Reading) -> dict[str, int | float | None]:
    """The members `time`, `counter` and `gauge` of a reading, to three decimals, without any where whole."""
    gauge = reading.gauge
    if gauge is not None:
        gauge = round(float(gauge), 3)
        gauge = int(gauge) if gauge.is_integer() else gauge
    return {"time": reading.time, "counter": reading.exact_counter, "gauge": gauge}


def _sensor(stream: Stream) -> Json:
    sensor = stream.sensor
    return {
        "id": sensor.id,
        "name": sensor.name,
        "type": sensor.type.value,
        "class": sensor.sensor_class.value,
        "direction": sensor.direction.value,
        "counter_unit": sensor.type.counter_unit,
        "gauge_unit": sensor.type.gauge_unit,
        "reading": None if stream.reading is None else measured_values(stream.reading),
    }


def _json(content: Json) -> web.Response:
    return web.json_response(content, headers={"Cache-Control": "no-store"})
