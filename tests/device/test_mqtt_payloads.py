"""The payloads of MQTT without a broker: numbers, units, and what waits while there is none."""

from __future__ import annotations

import json

import pytest

from fluksod.mqtt.payloads import counter_payload, gauge_payload
from fluksod.mqtt.retained import RetainedTopics
from fluksod.mqtt.sensor_config import sensor_config
from fluksod.sensor import Sensor, SensorClass, SensorType
from tests.device.board import CLAMP

T = 1_795_401_443


@pytest.mark.parametrize(
    ("counter", "told"), [(12, "12"), (12.5, "12.5"), (12.0, "12"), (0.1 + 0.2, "0.3"), (7.0004, "7"), (-3, "-3")]
)
def test_a_counter_has_at_most_three_decimals(counter: float, told: str) -> None:
    assert counter_payload(SensorType.ELECTRICITY, T, counter) == f'[{T},{told},"Wh"]'.encode()


@pytest.mark.parametrize(
    ("kind", "gauge", "told"),
    [
        (SensorType.ELECTRICITY, 463.5, '464,"W"'),
        (SensorType.ELECTRICITY, -100.4, '-100,"W"'),
        (SensorType.WATER, 0.5, '720,"L/day"'),
        (SensorType.GAS, 1 / 1440, '1,"L/day"'),
    ],
)
def test_a_gauge_is_whole_and_in_the_units_of_the_original(kind: SensorType, gauge: float, told: str) -> None:
    """Trap 31."""
    assert gauge_payload(kind, T, gauge) == f"[{T},{told}]".encode()


@pytest.mark.parametrize(("name", "told"), [("12", 12), ("1.5", 1.5), ("-2", -2), ("1 2", "1 2"), ("Main", "Main")])
def test_texts_of_digits_become_numbers(name: str, told: object) -> None:
    sensor = Sensor(CLAMP, name, SensorType.ELECTRICITY, SensorClass.ANALOG)
    assert json.loads(sensor_config([sensor], None))["1"]["function"] == told


def test_sections_that_are_no_sensors() -> None:
    sensor = Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG)
    told = json.loads(sensor_config([sensor], "https://cloud.example:8443"))
    assert told["main"] == {"max_sensors": 1, "max_provisioned_sensors": 1}
    assert told["daemon"]["wan_base_url"] == "https://cloud.example:8443/"


def test_of_each_topic_the_newest_waits() -> None:
    topics = RetainedTopics()
    for number in range(1000):
        topics.put("/sensor/a/gauge", b"%d" % number)
        topics.put("/sensor/b/gauge", b"%d" % number)
    newest = {("/sensor/a/gauge", b"999"), ("/sensor/b/gauge", b"999")}
    assert {topics.take(), topics.take()} == newest
    assert topics.take() is None
    assert not topics.put("/sensor/a/gauge", b"999"), "the same again is no news"
    assert topics.take() is None
    topics.all_anew()
    assert {topics.take(), topics.take()} == newest
