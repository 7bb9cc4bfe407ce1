"""What the daemon knows now: the sensors, their newest readings and the last minute of seconds. In memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor
from fluksod.store.seconds import Place

MINUTE = 60


@dataclass(slots=True)
class Stream:
    """One sensor with its newest reading and where that is kept.

    `seconds` maps unix seconds of the last minute to measured gauges.
    """

    sensor: Sensor
    reading: Reading | None = None
    place: Place | None = None
    seconds: dict[int, float] = field(default_factory=dict)
    first: int | None = None


class Store:
    """Keeps the streams and tells listeners of each new reading.

    `published` is the unix time of the newest gauge of any sensor, and `publications` counts them: the v1 API shows
    the minute that ends there.
    """

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self.published = 0
        self.publications = 0
        self._reading_listeners: list[Callable[[Stream, Reading], None]] = []
        self._sensor_listeners: list[Callable[[Sensor], None]] = []

    def on_reading(self, listener: Callable[[Stream, Reading], None]) -> None:
        """Call `listener` with each new reading, after it was stored."""
        self._reading_listeners.append(listener)

    def on_sensor(self, listener: Callable[[Sensor], None]) -> None:
        """Call `listener` with each sensor that is added or changed from now on."""
        self._sensor_listeners.append(listener)

    def put_sensor(self, sensor: Sensor) -> None:
        """Add a sensor, or change what is known of it."""
        stream = self.streams.get(sensor.id)
        if stream is None:
            self.streams[sensor.id] = Stream(sensor)
        else:
            stream.sensor = sensor
        for listener in self._sensor_listeners:
            listener(sensor)

    def drop_sensor(self, sensor: str) -> None:
        """Forget a sensor that is no longer to be seen."""
        self.streams.pop(sensor, None)

    def put(self, reading: Reading, place: Place | None = None) -> None:
        """Store a reading of a known sensor; `place` is where it is kept, None where it is not."""
        stream = self.streams[reading.sensor]
        stream.reading = reading
        stream.place = place
        if reading.measured and reading.gauge is not None:
            self._put_second(stream, reading.time, reading.gauge)
        for listener in self._reading_listeners:
            listener(stream, reading)

    def minute(self, stream: Stream) -> Iterator[tuple[int, float | None]]:
        """The stream's seconds as the original publishes them: (unix second, gauge), oldest first, at most 60.

        They end at the newest reading of any sensor and begin with this sensor's first one. A second without a reading
        shows the next one (a step function backwards); after the newest reading there is None.
        """
        if stream.first is None:
            return iter(())
        start = max(self.published - MINUTE + 1, stream.first)
        rows: list[tuple[int, float | None]] = []
        following: float | None = None
        for second in range(self.published, start - 1, -1):
            following = stream.seconds.get(second, following)
            rows.append((second, following))
        return reversed(rows)

    def _put_second(self, stream: Stream, time: int, gauge: float) -> None:
        if time < self.published:
            self._forget_after(time)  # the clock was set back: what lies ahead of it was stamped wrongly
        self.published = time
        self.publications += 1
        if stream.first is None:
            stream.first = time
        stream.seconds[time] = gauge
        for second in [second for second in stream.seconds if second <= time - MINUTE]:
            del stream.seconds[second]

    def _forget_after(self, time: int) -> None:
        for stream in self.streams.values():
            stream.seconds = {second: gauge for second, gauge in stream.seconds.items() if second <= time}
            if stream.first is not None:
                stream.first = min(stream.first, time)
