"""Judges whether what a Fluksometer shows is still being measured. Knows nothing of Home Assistant.

Ages are taken on our own monotonic clock as far as possible, so that a clock that jumps, on either side, does not make
good values look stale nor stale ones look good.
"""

from collections.abc import Set as AbstractSet

from .client import Board, Sensor, SensorClass, Snapshot


class Freshness:
    """Remembers when readings moved, and tells which sensors are stale.

    A clamp is stale when its reading has not moved for the given seconds. A pulse input or a meter may have nothing to
    tell for hours; it is stale when the board or meter it is heard by has been silent for that long. By MQTT, which
    tells of no boards, pulse inputs are stale when all clamps are. On version 1, which tells of neither clamps nor
    boards, all are stale when nothing moves for that long.
    """

    def __init__(self, stale_seconds: float) -> None:
        """Call values stale after this many seconds."""
        self._limit = stale_seconds
        self._moved: dict[str, tuple[int, float]] = {}
        self._clock: tuple[int | None, float] | None = None
        self._proven = False
        self._stale: frozenset[str] = frozenset()

    @property
    def stale(self) -> AbstractSet[str]:
        """Return the ids of the sensors that are stale."""
        return self._stale

    @property
    def proven(self) -> bool:
        """Tell whether readings are known to be current.

        On version 1 that takes two polls with different times, by MQTT a reading that was not published before.
        """
        return self._proven

    def judge(self, snapshot: Snapshot, now: float) -> None:
        """Take a poll into account; `now` is in seconds on a monotonic clock."""
        device = snapshot.device
        if device.api == "mqtt":
            self._stale = self._judge_mqtt(snapshot, device.time, now)
        elif device.board is None or device.time is None:
            self._stale = self._judge_v1(snapshot, now)
        else:
            self._proven = True
            self._stale = self._judge_v2(snapshot, device.board, device.time, now)

    def note(self, sensor_id: str, time: int, now: float) -> bool:
        """Take a pushed reading into account, and tell whether it made a stale sensor fresh."""
        known = self._moved.get(sensor_id)
        if known is not None and known[0] == time:
            return False
        self._moved[sensor_id] = (time, now)
        if sensor_id not in self._stale:
            return False
        self._stale -= {sensor_id}
        return True

    def _judge_v1(self, snapshot: Snapshot, now: float) -> frozenset[str]:
        time = snapshot.device.time
        if self._clock is None:
            self._clock = (time, now)
        elif self._clock[0] != time:
            self._clock = (time, now)
            self._proven = True
        return frozenset(snapshot.sensors) if now - self._clock[1] > self._limit else frozenset()

    def _judge_mqtt(self, snapshot: Snapshot, time: int | None, now: float) -> frozenset[str]:
        if time is None:
            return frozenset()
        self._proven = True
        for sensor in snapshot.sensors.values():
            self._track(sensor, time, now)
        clamps = frozenset(
            sensor.id
            for sensor in snapshot.sensors.values()
            if sensor.sensor_class is SensorClass.ANALOG and sensor.reading is not None
        )
        silent = frozenset(clamp for clamp in clamps if now - self._moved[clamp][1] > self._limit)
        return frozenset(snapshot.sensors) if clamps and silent == clamps else silent

    def _judge_v2(self, snapshot: Snapshot, first: Board, time: int, now: float) -> frozenset[str]:
        stale: set[str] = set()
        for sensor in snapshot.sensors.values():
            board = snapshot.device.link(sensor) or first
            # The board's last line stands in for the device's clock while the board is silent: the clamps did not
            # stop by themselves.
            self._track(sensor, time if board.connected or board.last_line is None else board.last_line, now)
            if self._is_silent(sensor, board, time, now):
                stale.add(sensor.id)
        return frozenset(stale)

    def _is_silent(self, sensor: Sensor, board: Board, time: int, now: float) -> bool:
        if not board.connected:
            return sensor.id in self._stale or board.last_line is None or time - board.last_line > self._limit
        return (
            sensor.sensor_class is SensorClass.ANALOG
            and sensor.reading is not None
            and now - self._moved[sensor.id][1] > self._limit
        )

    def _track(self, sensor: Sensor, clock: int, now: float) -> None:
        if sensor.reading is None:
            return
        known = self._moved.get(sensor.id)
        if known is None:
            self._moved[sensor.id] = (sensor.reading.time, now - max(0, clock - sensor.reading.time))
        elif known[0] != sensor.reading.time:
            self._moved[sensor.id] = (sensor.reading.time, now)
