"""What counters mean that came by API v1 (sections 2.3 and 2.5): wraps, resets, what flows back, halves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.served import ServedOwner

T = 1_450_051_200
"""A midnight, UTC."""
HOUR, DAY = 3600, 86400


def series(served: ServedOwner, device: Fluksometer, **query: Any) -> list[Any]:
    """The values of a series."""
    query = {"version": "1.0", "unit": "watt"} | query
    answer = served.http.get(f"/sensor/{device.sensor}", params=query)
    assert answer.status_code == 200, answer.text
    return [value for _, value in answer.json()]


@pytest.mark.parametrize(
    ("counters", "class_", "value"),
    [
        ([1000, 1600], "analog", 600),
        ([2**32 - 100, 500], "analog", 600),
        ([2**32 - 100, 500], "pulse", 600),
        ([5000, 0], "analog", "nan"),
        ([1000, 1000 + 80_000], "analog", "nan"),
        ([1000, 400], "cosem", -600),
        ([100, -500], "uart", -600),
        ([-(2**31), -(2**31) + 600], "cosem", 600),
        ([0, 0], "analog", 0),
    ],
    ids=["up", "wrap", "wrap of pulses", "reset", "jump", "back", "below zero", "lowest", "nothing"],
)
def test_two_counters(served: ServedOwner, counters: list[int], class_: str, value: Any) -> None:
    """Traps 10 and 35: a counter wraps at 32 bits, is reset, and goes back only where a meter nets."""
    device = served.device(class_=class_)
    served.upload(device, [[T, counters[0]], [T + HOUR, counters[1]]])
    assert series(served, device, start=T, end=T, resolution="hour") == [value]


@pytest.mark.parametrize(("flowed", "value"), [(12, 1), (-12, -1), (36, 2), (11, 0), (-11, 0), (13, 1)])
def test_halves_are_rounded_away_from_zero(served: ServedOwner, flowed: int, value: int) -> None:
    """Trap 12: the wire carries whole numbers."""
    device = served.device(class_="cosem")
    served.upload(device, [[T + HOUR * hour, 1000 + flowed * hour // 24] for hour in (0, 24)])
    found = served.http.get(
        f"/sensor/{device.sensor}",
        params={"version": "1.0", "unit": "watt", "start": T, "end": T, "resolution": "day"},
    )
    assert found.content == b"[[%d,%d]]" % (T + DAY, value)


def test_a_cycle_of_all_sensors(served: ServedOwner) -> None:
    """Configuration and measurements of each, disabled ones too, over one connection that the last one closes."""
    device = served.device()
    sensors = [device.sensor, *("%032x" % (int(device.sensor, 16) ^ number) for number in range(1, 6))]
    known = {sensor: {"type": "electricity", "class": "analog", "function": f"S{sensor[:4]}"} for sensor in sensors}
    body = compact({"sensors": known, "reset": 0})
    assert served.post(device, f"/device/{device.id}", body).status_code == 200
    wire = served.server.connect()
    for place, sensor in enumerate(sensors):
        last = place == len(sensors) - 1
        configured = compact({"config": {"class": "analog", "type": "electricity", "enable": int(place % 2 == 0)}})
        measured = compact({"measurements": [[T, 0], [T + HOUR, 100 * place]]})
        for content, status in ((configured, 204), (measured, 200)):
            kept = "close" if last and content == measured else "keep-alive"
            answer = wire.request("POST", f"/sensor/{sensor}", device.headers(content, Connection=kept), content)
            assert answer.status == status
            assert status == 204 or answer.headers["Content-Length"].strip() == str(len(answer.body))
    assert wire.is_closed_within(5)
    for place, sensor in enumerate(sensors):
        mine = Fluksometer(device.id, device.key, sensor)
        assert series(served, mine, start=T, end=T, resolution="hour") == [100 * place]
