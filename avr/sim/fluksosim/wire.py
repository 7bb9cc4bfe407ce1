"""What the firmware has said on its UART: the newest counter, power and clock of each sensor, with the host's time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"(pls|pwr) ([0-9a-f]{32}):(\d{10})(?::(\d{10}))?")


@dataclass
class Said:
    """The newest values of one sensor as sent (None: not yet), and the host's unix time of the newest line about it."""

    counter: int | None = None
    watt: int | None = None
    ms: int | None = None
    line_at: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the values as the control socket shows them."""
        return {"counter": self.counter, "watt": self.watt, "ms": self.ms, "line_at": self.line_at}


class Wire:
    """Listens to whole lines."""

    def __init__(self, ids: list[str]) -> None:
        self.said = {sensor: Said() for sensor in ids}

    def hear(self, text: str, unix_s: float) -> None:
        """Note one line without its newline."""
        match = _LINE.fullmatch(text)
        if match is None or match[2] not in self.said:
            return
        said = self.said[match[2]]
        said.line_at = unix_s
        if match[1] == "pwr":
            said.watt = int(match[3])
        else:
            said.counter = int(match[3])
            said.ms = int(match[4]) if match[4] else said.ms
