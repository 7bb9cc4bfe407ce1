"""What a heartbeat says and what its answer means. Pure apart from reading /proc/meminfo.

Source: docs/protocol.md, "Autoregistration", and the heartbeat of FLM02.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluksod.sensor import Sensor

_MEMORY = {"MemTotal": "memtotal", "Cached": "memcached", "Buffers": "membuffers", "MemFree": "memfree"}


class AnswerError(Exception):
    """The heartbeat's answer cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The cloud's answer: `upgrade` is an offered software number or 0, `live` whether it takes gauges.

    `claimed` tells whether the device has an owner, None where the cloud does not say; `refused` lists the sensors that
    belong to another device.
    """

    upgrade: int
    timestamp: int | None
    live: bool
    claimed: bool | None
    refused: frozenset[str]


def wire_version(version: str) -> int:
    """A version as the wire has it: "2.5.0" is 250."""
    return int("".join(re.findall(r"[0-9]+", version)[:3]) or "0")


def heartbeat_body(
    *,
    key: str | None,
    sensors: Iterable[Sensor],
    reset: bool,
    version: int,
    time: int,
    uptime: int,
    memory: dict[str, int],
    address: str | None,
    port: int,
) -> bytes:
    """The request's body. `key` is given only to register; `address` is where the local API is, None if unknown."""
    members: dict[str, Any] = {} if key is None else {"key": key}
    members["sensors"] = {
        sensor.id: {"type": sensor.type.value, "class": sensor.sensor_class.value, "function": sensor.name}
        for sensor in sensors
    }
    members |= {"reset": int(reset), "version": version, "time": time, "uptime": uptime, **memory}
    if address is not None:
        members |= {"ip": address, "port": str(port)}
    return json.dumps(members, separators=(",", ":")).encode()


def parse_answer(body: bytes) -> Answer:
    """Read an answer whose digest was right. Raises `AnswerError`; odd members count as absent (trap 9)."""
    try:
        members = json.loads(body)
    except ValueError as error:
        raise AnswerError("the heartbeat's answer is no JSON") from error
    if not isinstance(members, dict):
        raise AnswerError("the heartbeat's answer is no JSON object")
    refused = members.get("refused")
    return Answer(
        upgrade=_integer(members.get("upgrade")) or 0,
        timestamp=_integer(members.get("timestamp")),
        live=_integer(members.get("live")) == 1,
        claimed=None if (claimed := _integer(members.get("claimed"))) is None else claimed == 1,
        refused=frozenset(name for name in refused if isinstance(name, str))
        if isinstance(refused, list)
        else frozenset(),
    )


def memory_members(meminfo: Path = Path("/proc/meminfo")) -> dict[str, int]:
    """The machine's memory in kB under the wire's names; empty where the machine does not tell."""
    try:
        rows = meminfo.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    found = (re.match(r"(\w+):\s+([0-9]+) kB", row) for row in rows)
    return {_MEMORY[match[1]]: int(match[2]) for match in found if match is not None and match[1] in _MEMORY}


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
