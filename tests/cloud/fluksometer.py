"""A Fluksometer as the cloud sees it: ids, a key, signed bodies."""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any


def compact(content: Any) -> bytes:
    """JSON as devices write it."""
    return json.dumps(content, separators=(",", ":")).encode()


@dataclass
class Fluksometer:
    """A device with one sensor (or more), and what it sends."""

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    sensor: str = field(default_factory=lambda: secrets.token_hex(16))
    type: str = "electricity"
    class_: str = "analog"

    def sign(self, body: bytes) -> str:
        """Return the digest, computed as section 2.1 tells."""
        return hmac.new(self.key.encode("ascii"), body, "sha1").hexdigest()

    def headers(self, body: bytes, **changed: str) -> dict[str, str]:
        """Return the headers of a signed request."""
        return {
            "Content-Type": "application/json",
            "X-Version": "1.0",
            "X-Digest": self.sign(body),
            "User-Agent": "Fluksometer v250",
        } | changed

    @property
    def sensors(self) -> dict[str, dict[str, str]]:
        """The `sensors` member of a heartbeat."""
        return {self.sensor: {"type": self.type, "class": self.class_, "function": "Main"}}

    def registration(self, **members: Any) -> bytes:
        """Return the body of the first heartbeat."""
        return compact(
            {
                "key": self.key,
                "sensors": self.sensors,
                "reset": 1,
                "version": 1,
                "time": 1795401443,
                "uptime": 12,
                "ip": "192.168.1.50",
                "port": "8080",
            }
            | members
        )

    def heartbeat(self, **members: Any) -> bytes:
        """Return the body of a later heartbeat."""
        return compact({"sensors": self.sensors, "reset": 0, "version": 1, "time": 1795401443, "uptime": 99} | members)
