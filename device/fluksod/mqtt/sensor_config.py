"""The object that FLM02 publishes on /device/<id>/config/sensor: its whole configuration, keyed by section. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from fluksod.sensor import Sensor

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
UART = "uart"
"""Class of the section for the RS-485 port, which is no sensor: it has no type, and clients fail on it (trap 22)."""


def config_topic(device: str) -> str:
    """The retained topic of the object; old clients split it at its slashes into exactly five parts."""
    return f"/device/{device}/config/sensor"


def sensor_section(sensor: Sensor) -> dict[str, Any]:
    """What is known of a sensor, without whether it is enabled: the header of a tmpo block has the same."""
    return {
        "id": sensor.id,
        "class": sensor.sensor_class.value,
        "type": sensor.type.value,
        "function": _as_the_original(sensor.name),
        "rid": 0,
        "data_type": "counter",
    }


def sensor_config(sensors: Iterable[Sensor], cloud_url: str | None) -> bytes:
    """The whole object. Enabled sections always have `data_type` and `rid` (trap 24), one of a UART is not enabled.

    `tmpo` says that there are blocks of it: clients of FLM03 pass over a sensor that has none.
    """
    sections: dict[str, Mapping[str, Any]] = {}
    for number, sensor in enumerate(sensors, start=1):
        enabled = sensor.sensor_class.value != UART
        sections[str(number)] = {**sensor_section(sensor), "enable": int(enabled), "tmpo": 1}
    sections["main"] = {"max_sensors": len(sections), "max_provisioned_sensors": len(sections)}
    sections["daemon"] = {"enable_wan_branch": int(cloud_url is not None), "enable_lan_branch": 1}
    if cloud_url is not None:
        sections["daemon"] = {**sections["daemon"], "wan_base_url": f"{cloud_url}/"}
    return json.dumps(sections, separators=(",", ":")).encode()


def _as_the_original(text: str) -> str | int | float:
    """A text of digits is published as a number, as the original's Lua does with every option."""
    if _NUMBER.fullmatch(text) is None:
        return text
    return float(text) if "." in text else int(text)
