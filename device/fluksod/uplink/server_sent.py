"""Server-sent events, as a client reads them. Pure.

Source: WHATWG HTML, "Server-sent events"; only what our cloud sends: events with one line of data, and comments.
"""

from __future__ import annotations

LONGEST_LINE = 4096
"""Bytes; what is longer is no reading."""


class EventReader:
    """Takes the bytes of a stream in any pieces and gives the data of its events of the kind `wanted`."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._rest = b""
        self._event = ""
        self._data: str | None = None

    def feed(self, piece: bytes) -> list[str]:
        """Return the data of the events that this piece completes. Raises ValueError when a line has no end."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise ValueError(f"a line of more than {LONGEST_LINE} bytes")
        found: list[str] = []
        for line in lines:
            name, _, value = line.rstrip(b"\r").decode("utf-8", "replace").partition(":")
            value = value.removeprefix(" ")
            if name == "event":
                self._event = value
            elif name == "data":
                self._data = value
            elif not line.rstrip(b"\r"):
                if self._event == self._wanted and self._data is not None:
                    found.append(self._data)
                self._event, self._data = "", None
        return found
