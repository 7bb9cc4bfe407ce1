"""The measurement of live streams, with few listeners for a second: all of them hear all."""

from __future__ import annotations

from bench.cloud import live
from bench.figure import Effort


def test_everybody_hears_everything() -> None:
    found = live.measure(Effort.GLANCE)
    assert found["live_lost"].value == 0
    assert {"live_p99_ms", "live_p50_ms", "live_one_sensor_p99_ms", "live_cpu_share"} <= found.keys()
    assert 0 < found["live_p50_ms"].value <= found["live_p99_ms"].value
