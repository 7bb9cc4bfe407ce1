"""How the parts stand, in the page's words: what is right, what mends itself, and what somebody has to do."""

from __future__ import annotations

from typing import Any

import pytest

from fluksod.lan import figures
from fluksod.lan.parts import Condition, Part, health, parts

NOW = 1_795_401_443
HEARD = {"connected": True, "last_line": NOW - 2, "rejected_lines": 0, "error": None}
CLOUD = {
    "url": "https://cloud.example:8443",
    "state": "connected",
    "claim_code": "K7QM-2XWD",
    "claimed": True,
    "last_upload": NOW - 3,
    "pending": 4,
    "error": None,
}


def device(**members: Any) -> dict[str, Any]:
    """A device with one board that is heard, and no cloud."""
    return {
        "time": NOW,
        "boards": [{"name": "board", "port": "/dev/ttyUSB0", "link": "uart", **HEARD}],
        "meters": [],
        "cloud": None,
        "mqtt": None,
        "storage": {"state": "ok", "bytes": 1_482_752, "oldest_minute": NOW - 30 * 86400, "error": None},
        "siblings": [],
        **members,
    }


def told(found: list[Part], name: str) -> tuple[Condition, str]:
    part = next(part for part in found if part.name == name)
    return part.condition, part.words


def test_a_device_that_measures_and_tells_nobody() -> None:
    found = parts(device(), None)
    assert health(found) == (Condition.GOOD, "Measuring")
    assert [(part.name, part.condition.value, part.words) for part in found] == [
        ("Board", "good", "heard 2 s ago on /dev/ttyUSB0"),
        ("Cloud", "off", "none is set up: what is measured stays in this house"),
        ("Storage", "good", "1.5 MB, the history goes back 30 days"),
    ]


def test_boards_and_meters_that_are_away_say_since_when_and_why() -> None:
    away = {
        "connected": False,
        "last_line": NOW - 7200,
        "rejected_lines": 3,
        "error": "/dev/ttyUSB0 is gone; plug it in",
    }
    boards = [{"name": "attic", "port": "/dev/ttyUSB0", "link": "uart", **away}]
    grid = {"name": "Grid", "port": None, "board": "attic", "protocol": "p1", "variant": "Belgium", **HEARD}
    pump = {"name": "Pump", "port": "/dev/ttyUSB1", "board": None, "protocol": "modbus", "variant": None, **HEARD}
    found = parts(device(boards=boards, meters=[grid, {**pump, "rejected_lines": 1200}]), None)
    assert told(found, "Board attic") == (Condition.BAD, "/dev/ttyUSB0 is gone; plug it in; last heard 2 h ago")
    assert told(found, "Meter Grid") == (Condition.GOOD, "Belgium, heard 2 s ago on the bus of attic")
    assert told(found, "Meter Pump")[1].endswith("; 1,200 damaged so far, check the cable if that grows")
    assert health(found) == (Condition.BAD, "One part needs attention, see below")


@pytest.mark.parametrize(
    ("members", "condition", "words"),
    [
        ({}, Condition.GOOD, "cloud.example:8443, yours, last upload 3 s ago"),
        ({"claimed": False}, Condition.GOOD, "cloud.example:8443, not claimed yet, last upload 3 s ago"),
        ({"pending": 86_400}, Condition.GOOD, "last upload 3 s ago; 86,400 measurements are on their way"),
        ({"last_upload": None, "claimed": None}, Condition.GOOD, "cloud.example:8443"),
        ({"state": "connecting"}, Condition.WAITING, "connecting to cloud.example:8443"),
        (
            {"state": "unreachable", "error": "no way"},
            Condition.BAD,
            "no way; it is tried again by itself; 4 measurements",
        ),
        (
            {"state": "refused", "error": "wrong key", "pending": 0},
            Condition.BAD,
            "somebody has to put that right; nothing",
        ),
        ({"error": "sensor Main belongs to another device"}, Condition.BAD, "8443: sensor Main belongs to another"),
    ],
)
def test_the_cloud(members: dict[str, Any], condition: Condition, words: str) -> None:
    shown = told(parts(device(cloud={**CLOUD, **members}), None), "Cloud")
    assert shown[0] == condition
    assert words in shown[1]


def test_broker_storage_peers_and_neighbours() -> None:
    failing = {"state": "failing", "bytes": 1, "oldest_minute": None, "error": "the disk refuses the journal: full"}
    siblings = [
        {"id": None, "name": "flukso-0a1b2c", "address": "192.0.2.3", "port": 8080, "api": "1.0"},
        {"id": None, "name": "flukso-ab12cd", "address": "2001:db8::1", "port": 8080, "api": "2.0"},
    ]
    broker = {"host": "broker.example", "port": 1883, "state": "refused", "error": "wrong password"}
    found = parts(device(mqtt=broker, storage=failing, siblings=siblings, cloud=CLOUD), "the token is not taken")
    assert told(found, "MQTT") == (
        Condition.BAD,
        "broker.example:1883: wrong password; somebody has to put that right",
    )
    assert "make room on the disk" in told(found, "Storage")[1]
    assert told(found, "Shared with you") == (Condition.BAD, "the token is not taken")
    assert found[-2:] == [
        Part("Neighbour", Condition.GOOD, "flukso-0a1b2c", "http://192.0.2.3/"),
        Part("Neighbour", Condition.GOOD, "flukso-ab12cd", "http://[2001:db8::1]:8080/"),
    ]
    assert health(found) == (Condition.BAD, "3 parts need attention, see below")
    waiting = parts(device(mqtt={**broker, "state": "connecting", "error": None}), None)
    assert told(waiting, "MQTT") == (Condition.WAITING, "connecting to broker.example:1883")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0, "0 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (5400, "2 h"),
        (86400, "24 h"),
        (5e5, "6 days"),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert figures.ago(seconds) == f"{words} ago"
