"""What Fluksometers publish on their own broker, read into models: configuration, gauges and counters."""

import re
from dataclasses import dataclass
from typing import Any, Final

from .errors import FluksoPayloadError
from .identity import is_id
from .models import Quantity, SensorClass, SensorType
from .payload import LARGEST_NUMBER, LARGEST_TIME, is_number, parse_json

LARGEST_PAYLOAD: Final = 1 << 16
"""Bytes. The configuration of an FLM03 with all its 128 sensors takes some 20 kB."""

_TYPES: Final = {str(member): member for member in SensorType}
_CLASSES: Final = {"analog": SensorClass.ANALOG, "ct": SensorClass.ANALOG, "pulse": SensorClass.PULSE}

_QUANTITIES: Final = {
    "pminus": Quantity.EXPORT,
    "q1": Quantity.REACTIVE_Q1,
    "q2": Quantity.REACTIVE_Q2,
    "q3": Quantity.REACTIVE_Q3,
    "q4": Quantity.REACTIVE_Q4,
    "vrms": Quantity.VOLTAGE,
    "irms": Quantity.CURRENT,
    "pf": Quantity.POWER_FACTOR,
    "vthd": Quantity.VOLTAGE_DISTORTION,
    "ithd": Quantity.CURRENT_DISTORTION,
    "alpha": Quantity.PHASE_ANGLE,
}
"""The subtypes of an FLM03; `pplus` is what every Fluksometer means by power and energy."""

_COUNTED: Final = {
    None,
    Quantity.EXPORT,
    Quantity.REACTIVE_Q1,
    Quantity.REACTIVE_Q2,
    Quantity.REACTIVE_Q3,
    Quantity.REACTIVE_Q4,
}

_GAUGE_FACTORS: Final = {"W": 1, "VAR": 1, "V": 1, "A": 1, "": 1, "°": 1, "L/day": 1 / 1440, "L/s": 60, "L/min": 1}
"""What makes a gauge one in our unit: trap 31, water and gas come in L/day from an FLM02 and in L/s from an FLM03."""

_COUNTER_UNITS: Final = {"Wh", "VARh", "L"}

# An FLM03 writes the whole part rounded down, then the fraction that is to be added to it: -0.5 is "-1.500".
_ROUNDED_DOWN: Final = re.compile(rb"\[\s*\d+\s*,\s*(-\d+)\.(\d{3})\s*,")


@dataclass(frozen=True, slots=True)
class MqttSensor:
    """A sensor as the configuration has it.

    `index` is its number, 1 to 128. `name` is empty when it has none. `constant` is what one pulse is worth, in Wh or
    L, None where it is no pulse input or not told. `lead` is the id of the first sensor of the same port.
    """

    id: str
    index: int
    name: str
    type: SensorType
    sensor_class: SensorClass | None
    quantity: Quantity | None
    constant: float | None
    lead: str

    @property
    def has_counter(self) -> bool:
        """Tell whether it counts, or only measures."""
        return self.quantity in _COUNTED


def parse_config(sensors: bytes, ports: bytes | None) -> dict[str, MqttSensor]:
    """Read `config/sensor`, and the `config/flx` that an FLM03 has besides: the enabled sensors by id.

    What has no type that we know, or is not well-formed, is left out: there is more in it than sensors (trap 22).
    """
    sections, flx = _object(sensors, "config/sensor"), {} if ports is None else _object(ports, "config/flx")
    found: dict[str, MqttSensor] = {}
    leads: dict[str, str] = {}
    for key, section in sorted(sections.items(), key=lambda item: (len(item[0]), item[0])):
        if not key.isdecimal() or not isinstance(section, dict) or section.get("enable") != 1:
            continue
        sensor_id, sensor_type = section.get("id"), _TYPES.get(str(section.get("type")))
        if not isinstance(sensor_id, str) or not is_id(sensor_id) or sensor_type is None or sensor_id in found:
            continue
        port = _port(section, flx)
        sensor_class = _CLASSES.get(str(section.get("class", port.get("class"))))
        subtype = section.get("subtype")
        constant = section.get("constant", port.get("constant", 1))
        lead = sensor_id
        if isinstance(subtype, str):
            lead = leads.setdefault(str(section.get("port")), sensor_id)
            if subtype != "pplus" and subtype not in _QUANTITIES:
                continue
        found[sensor_id] = MqttSensor(
            id=sensor_id,
            index=int(key[:9]),
            name=_text(section.get("function")) or _text(port.get("name")),
            type=sensor_type,
            sensor_class=SensorClass.ANALOG if isinstance(subtype, str) else sensor_class,
            quantity=_QUANTITIES.get(str(subtype)),
            constant=constant if sensor_class is SensorClass.PULSE and is_number(constant) and constant > 0 else None,
            lead=lead,
        )
    return found


def parse_gauge(payload: bytes, *, rounded_down: bool) -> tuple[int, int | float]:
    """Read `[time, gauge, "unit"]`, the gauge in W, L/min, var, V, A, degrees or without a unit.

    `rounded_down` is for an FLM03, whose negative fractions need mending.
    """
    time, value, unit = _triple(payload)
    factor = _GAUGE_FACTORS.get(unit)
    if factor is None:
        raise FluksoPayloadError(f"a gauge in {unit[:20]!r}")
    if rounded_down and (match := _ROUNDED_DOWN.match(payload)):
        value = int(match[1]) + int(match[2]) / 1000
    return time, value if factor == 1 else round(value * factor, 3)


def parse_counter(payload: bytes) -> tuple[int, int | float]:
    """Read `[time, counter, "unit"]`, the counter in Wh, varh or L."""
    time, value, unit = _triple(payload)
    if unit not in _COUNTER_UNITS:
        raise FluksoPayloadError(f"a counter in {unit[:20]!r}")
    if value < 0:
        raise FluksoPayloadError(f"a counter of {value}")
    return time, value


def parse_firmware(payload: bytes) -> str | None:
    """Return the firmware's version from an FLM03's `test/tap`, a text with a line `# firmware: …`."""
    match = re.search(rb"^#\s*firmware:\s*([\w.+-]{1,40})\s*$", payload[:LARGEST_PAYLOAD], re.MULTILINE)
    return match[1].decode() if match else None


def _triple(payload: bytes) -> tuple[int, int | float, str]:
    value = _json(payload)
    if not isinstance(value, list) or len(value) != 3:
        raise FluksoPayloadError("not [time, value, unit]")
    time, number, unit = value
    if not isinstance(time, int) or isinstance(time, bool) or not 0 <= time <= LARGEST_TIME:
        raise FluksoPayloadError(f"{str(time)[:60]} is not a time in unix seconds")
    if not is_number(number) or abs(number) > LARGEST_NUMBER:
        raise FluksoPayloadError(f"{str(number)[:60]} is not a number")
    if not isinstance(unit, str):
        raise FluksoPayloadError(f"{str(unit)[:60]} is not a unit")
    return time, number, unit


def _object(payload: bytes, place: str) -> dict[str, Any]:
    value = _json(payload)
    if not isinstance(value, dict):
        raise FluksoPayloadError(f"{place} is not an object")
    return value


def _json(payload: bytes) -> Any:
    if len(payload) > LARGEST_PAYLOAD:
        raise FluksoPayloadError(f"a message of {len(payload)} bytes")
    return parse_json(payload)


def _port(section: dict[str, Any], flx: dict[str, Any]) -> dict[str, Any]:
    """Return what an FLM03 tells of the port that a sensor is at; an FLM02 tells it with the sensor."""
    ports = section.get("port")
    port = flx.get(str(ports[0])) if isinstance(ports, list) and ports else None
    return port if isinstance(port, dict) else {}


def _text(value: object) -> str:
    """Return a name; one that looks like a number is published as one."""
    return str(value)[:64].strip() if isinstance(value, str) or is_number(value) else ""
