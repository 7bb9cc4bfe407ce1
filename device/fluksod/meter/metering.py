"""From lines to readings: one meter for each sensor, known ones and those the board names itself. Pure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace

from fluksod.link.lines import CounterLine, Line, MessageLine, MeterLine, PowerLine
from fluksod.meter.pulse_gauge import PulseGauge
from fluksod.meter.register import MAX_RATE, Mark, Register
from fluksod.sensor import Sensor, SensorClass, SensorType

_LOG = logging.getLogger(__name__)

CLOCK_NOT_SET = 1234567890
"""Unix times up to this one mean that the clock was never set; the original daemon's limit."""
MAX_WATT = MAX_RATE * 3600
"""Largest believed power of a clamp in W."""
SOURCE_KEPT = 60.0
"""Seconds of silence after which a sensor may come from another board than before."""
MAX_UNCONFIGURED = 64
"""How many sensors that the configuration does not name are served: as many as the largest Fluksometer had."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor shows: `time` in unix seconds of its newest line, `counter` in Wh or L, `gauge` in W or L/min.

    `measured` tells that the gauge comes from this very line and not from waiting for the next pulse. `milli` are
    thousandths beyond `counter`, 0 to 999, where board or meter tell them.
    """

    sensor: str
    time: int
    counter: int | None
    gauge: float | None
    measured: bool
    milli: int = 0

    @property
    def exact_counter(self) -> int | float | None:
        """The counter with its thousandths: a whole number where there are none."""
        return self.counter if self.counter is None or not self.milli else round(self.counter + self.milli / 1000, 3)


class _Meter:
    def __init__(self, sensor: Sensor, saved: Mark | None) -> None:
        self.sensor = sensor
        self.register = Register(saved)
        self.pulses = PulseGauge(sensor.type.gauge_per_unit_ms)
        self.direct: float | None = None
        self.time = 0
        self.source = ""
        self.heard = 0.0
        self.twice_named = False
        self.shown: float | None = None


class Metering:
    """Turns the board's lines into readings.

    `on_sensor` is told each sensor, at the start and when the board names a new one or shows another class than was
    assumed; `on_reading` each change. `wall` gives unix seconds, `steady` monotonic ones. `saved` holds the registers
    of an earlier run (see `marks`), their `at` in unix seconds.
    """

    def __init__(
        self,
        sensors: Iterable[Sensor],
        *,
        on_sensor: Callable[[Sensor], None],
        on_reading: Callable[[Reading], None],
        wall: Callable[[], float],
        steady: Callable[[], float],
        saved: Mapping[str, Mark] | None = None,
    ) -> None:
        self._on_sensor = on_sensor
        self._on_reading = on_reading
        self._wall = wall
        self._steady = steady
        self._saved = dict(saved or {})
        self._meters: dict[str, _Meter] = {}
        self._named_once: dict[str, None] = {}
        self._unconfigured = 0
        self._clock_complained = False
        for sensor in sensors:
            self._add(sensor)

    def add(self, sensor: Sensor) -> None:
        """Serve a sensor that a meter has named; one that is known already stays as it is."""
        if sensor.id not in self._meters:
            self._add(sensor)

    def line(self, line: Line, source: str = "") -> None:
        """Take one line; `source` names the board or meter that it comes from."""
        if isinstance(line, MessageLine):
            _LOG.info("the board says: %s", line.text)
            return
        now = self._wall()
        if now <= CLOCK_NOT_SET and not self._clock_complained:
            _LOG.warning("the clock of this machine is not set; readings are kept and told when it is")
            self._clock_complained = True
        if now > CLOCK_NOT_SET and self._clock_complained:
            _LOG.info("the clock is set")
            self._clock_complained = False
        meter = self._meter(line)
        if meter is None or not self._is_its_source(meter, source):
            return
        if isinstance(line, PowerLine):
            measured = self._power(meter, line)
        elif isinstance(line, MeterLine):
            measured = self._meter_reading(meter, line)
        else:
            measured = self._count(meter, line)
        meter.time = int(now)
        self._emit(meter, measured=measured)

    def tick(self, away: Container[str] = ()) -> None:
        """Let the gauges of pulse inputs fall whose next pulse is overdue. To be called about once a second.

        Those of the sources in `away` stay: nobody would hear a pulse there.
        """
        at = self._steady()
        for meter in self._meters.values():
            if meter.source in away:
                continue
            gauge = self._gauge(meter, at)
            if gauge is None or meter.shown is None:
                continue
            if gauge != meter.shown and (gauge == 0 or gauge < 0.99 * meter.shown):
                self._emit(meter, measured=False)

    def marks(self) -> dict[str, Mark]:
        """The registers of all sensors that have counted, `at` in unix seconds, to be handed to the next run."""
        offset = self._wall() - self._steady()
        marks = {meter.sensor.id: meter.register.mark for meter in self._meters.values()}
        seen = {sensor: replace(mark, at=mark.at + offset) for sensor, mark in marks.items() if mark is not None}
        return {**self._saved, **seen}

    def mark(self, sensor: str) -> Mark | None:
        """The register of a sensor, `at` in monotonic seconds; None before it has counted."""
        meter = self._meters.get(sensor)
        return None if meter is None else meter.register.mark

    def source(self, sensor: str) -> str | None:
        """The name of the board or meter that measures it; None while none has been heard."""
        meter = self._meters.get(sensor)
        return None if meter is None else meter.source or None

    def _meter(self, line: CounterLine | PowerLine | MeterLine) -> _Meter | None:
        if isinstance(line, MeterLine):
            return self._meters.get(line.sensor)
        analog = isinstance(line, PowerLine) or line.ms is None
        shown = SensorClass.ANALOG if analog else SensorClass.PULSE
        meter = self._meters.get(line.sensor)
        if meter is None:
            return self._discover(line.sensor, shown)
        if meter.sensor.sensor_class is not shown and meter.time == 0 and meter.sensor.sensor_class.is_of_board:
            meter.sensor = replace(meter.sensor, sensor_class=shown)
            self._on_sensor(meter.sensor)
        return meter

    def _discover(self, sensor: str, shown: SensorClass) -> _Meter | None:
        # A line has no checksum, so an unknown id may be a known one with a wrong digit. Nobody errs twice alike.
        if sensor not in self._named_once:
            self._named_once[sensor] = None
            if len(self._named_once) > MAX_UNCONFIGURED:
                del self._named_once[next(iter(self._named_once))]
            return None
        if self._unconfigured >= MAX_UNCONFIGURED:
            return None
        self._unconfigured += 1
        number = 1 + sum(meter.sensor.sensor_class is shown for meter in self._meters.values())
        name = f"{'Clamp' if shown is SensorClass.ANALOG else 'Pulse input'} {number}"
        _LOG.info("the board names a sensor that is not in the configuration: %s, served as %r", sensor, name)
        return self._add(Sensor(sensor, name, SensorType.ELECTRICITY, shown))

    def _add(self, sensor: Sensor) -> _Meter:
        saved = self._saved.pop(sensor.id, None)
        if saved is not None:
            age = max(self._wall() - saved.at, 0.0)
            saved = replace(saved, at=self._steady() - age)
        meter = self._meters[sensor.id] = _Meter(sensor, saved)
        self._on_sensor(sensor)
        return meter

    def _is_its_source(self, meter: _Meter, source: str) -> bool:
        now = self._steady()
        if meter.source != source and meter.heard and now - meter.heard < SOURCE_KEPT:
            if not meter.twice_named:
                _LOG.warning(
                    "%s comes from %s and from %s: the second is ignored; give the boards different sensor ids",
                    *(meter.sensor.id, meter.source, source),
                )
            meter.twice_named = True
            return False
        meter.source, meter.heard = source, now
        return True

    def _power(self, meter: _Meter, line: PowerLine) -> bool:
        if line.watt > MAX_WATT:
            _LOG.warning("%s: %d W is not believed, the line is ignored", meter.sensor.name, line.watt)
            return False
        meter.direct = float(line.watt)
        return True

    def _meter_reading(self, meter: _Meter, line: MeterLine) -> bool:
        if line.counter is not None:
            self._count(meter, CounterLine(line.sensor, line.counter, None, line.milli))
        if line.gauge is not None:
            most = MAX_RATE / 1000 * meter.sensor.type.gauge_per_unit_ms
            if abs(line.gauge) > most:
                _LOG.warning("%s: %g is not believed, the gauge is ignored", meter.sensor.name, line.gauge)
                return False
            meter.direct = line.gauge
        return line.gauge is not None

    def _count(self, meter: _Meter, line: CounterLine) -> bool:
        at = self._steady()
        measured = restarted = False
        if line.ms is not None:
            measured = meter.pulses.take(line.counter, line.ms, at, line.milli) is not None
            restarted = meter.pulses.restarted
        note = meter.register.take(line.counter, at, milli=line.milli, restarted=restarted)
        if note is not None:
            _LOG.warning("%s: %s", meter.sensor.name, note)
        return measured

    def _gauge(self, meter: _Meter, at: float) -> float | None:
        gauge = meter.direct if meter.direct is not None else meter.pulses.now(at)
        return None if gauge is None else round(gauge, 3)

    def _emit(self, meter: _Meter, *, measured: bool) -> None:
        exact = meter.direct if meter.direct is not None else meter.pulses.now(self._steady())
        meter.shown = None if exact is None else round(exact, 3)
        register = meter.register
        self._on_reading(Reading(meter.sensor.id, meter.time, register.total, exact, measured, register.milli))
