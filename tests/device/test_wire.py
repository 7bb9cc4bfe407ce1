"""Signatures and heartbeats as they are on the wire."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fluksod.sensor import Sensor, SensorClass, SensorType
from fluksod.uplink.heartbeat import AnswerError, heartbeat_body, memory_members, parse_answer, wire_version
from fluksod.uplink.signature import claim_code, digest, digest_is_right
from tests.device.board import CLAMP

KEY = "00112233445566778899aabbccddeeff"
VECTORS = [  # section 2.1 of the protocol reference
    (b'{"measurements":[[1300000000,1000],[1300000060,1010]]}', "1ee1f36b05c9e18c6f8a7baac70955ba7803c02d"),
    (b'{"upgrade":0,"timestamp":1300000000}', "d445963dedf2cf5963a2722f6d1c49cffdb35d54"),
]


@pytest.mark.parametrize(("body", "expected"), VECTORS)
def test_digests_of_the_original(body: bytes, expected: str) -> None:
    """Trap 5: the key is its 32 ASCII characters. Trap 7: the digest is in lower case."""
    assert digest(KEY, body) == expected
    assert digest_is_right(KEY, body, expected)


@pytest.mark.parametrize("claimed", [None, "", VECTORS[1][1], VECTORS[0][1].upper(), VECTORS[0][1] + " ", "é" * 40])
def test_any_other_digest_is_wrong(claimed: str | None) -> None:
    """Trap 7."""
    assert not digest_is_right(KEY, VECTORS[0][0], claimed)


def test_raw_bytes_are_signed() -> None:
    """Trap 6: the same JSON written otherwise has another digest."""
    assert not digest_is_right(KEY, VECTORS[1][0].replace(b":", b": "), VECTORS[1][1])


def test_the_claim_code_is_forty_bits_of_the_key() -> None:
    """The expected code was computed apart, with openssl."""
    assert claim_code(KEY, "0123456789abcdef0123456789abcdef") == "F50P-EWRN"
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}", claim_code(KEY, CLAMP))


def body(**members: Any) -> dict[str, Any]:
    """A heartbeat's members, with some of them changed."""
    sensors = [Sensor(CLAMP, "Main", SensorType.ELECTRICITY, SensorClass.ANALOG)]
    usual: dict[str, Any] = {"key": None, "sensors": sensors, "reset": False, "version": 10, "time": 1795401443}
    usual |= {"uptime": 12, "memory": {"memtotal": 29812}, "address": "192.168.1.50", "port": 8080}
    parsed = json.loads(heartbeat_body(**(usual | members)))
    assert isinstance(parsed, dict)
    return parsed


def test_the_first_heartbeat_carries_the_key_and_the_sensors() -> None:
    assert body(key=KEY, reset=True) == {
        "key": KEY,
        "sensors": {CLAMP: {"type": "electricity", "class": "analog", "function": "Main"}},
        "reset": 1,
        "version": 10,
        "time": 1795401443,
        "uptime": 12,
        "memtotal": 29812,
        "ip": "192.168.1.50",
        "port": "8080",
    }


def test_later_heartbeats_do_not_and_without_an_address_there_is_no_port() -> None:
    assert "key" not in body()
    assert body()["reset"] == 0
    assert not {"ip", "port"} & set(body(address=None))


def test_memory_of_this_machine() -> None:
    assert set(memory_members()) == {"memtotal", "memcached", "membuffers", "memfree"}
    assert all(isinstance(kilobytes, int) and kilobytes >= 0 for kilobytes in memory_members().values())


@pytest.mark.parametrize(("version", "number"), [("0.1.0", 10), ("2.5.0", 250), ("1.2.3.dev4", 123), ("x", 0)])
def test_versions_on_the_wire(version: str, number: int) -> None:
    assert wire_version(version) == number


@pytest.mark.parametrize("upgrade", ["250", None, 250.0, True, [], {}])
def test_an_upgrade_that_is_no_integer_is_none(upgrade: Any) -> None:
    """Trap 9."""
    assert parse_answer(json.dumps({"upgrade": upgrade, "timestamp": 1}).encode()).upgrade == 0
    assert parse_answer(b'{"upgrade": 250}').upgrade == 250


def test_an_answer_of_the_original_cloud() -> None:
    answer = parse_answer(b'{"upgrade":0,"timestamp":1450000001}')
    assert (answer.timestamp, answer.live, answer.claimed, answer.refused) == (1450000001, False, None, frozenset())


def test_an_answer_of_our_cloud() -> None:
    answer = parse_answer(f'{{"upgrade":0,"timestamp":1,"live":1,"claimed":1,"refused":["{CLAMP}",3]}}'.encode())
    assert (answer.live, answer.claimed, answer.refused) == (True, True, frozenset({CLAMP}))


@pytest.mark.parametrize("noise", [b"", b"no", b"[]", b"3", b"\xff"])
def test_an_answer_that_is_none(noise: bytes) -> None:
    with pytest.raises(AnswerError, match="answer is no JSON"):
        parse_answer(noise)
