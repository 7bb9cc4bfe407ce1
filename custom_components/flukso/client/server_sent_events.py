"""Server-sent events (WHATWG HTML, section 9.2.6), parsed as the bytes come in."""

import re
from dataclasses import dataclass
from typing import Final

from .errors import FluksoPayloadError

LARGEST_EVENT: Final = 1 << 16
"""Bytes. A reading takes some 150."""

# A line ends with CR LF, LF or CR. A CR at the end of what has come may still get its LF.
_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """An event: its name ("message" when it has none) and its data."""

    name: str
    data: str


class EventParser:
    """Cuts a stream of bytes into events. Comments, ids and retry times are skipped."""

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, part: bytes) -> list[ServerSentEvent]:
        """Take more bytes and return the events that they complete.

        Raises FluksoPayloadError for an event of more than 64 KiB or one that is not UTF-8.
        """
        text = self._rest + part
        events: list[ServerSentEvent] = []
        position = 0
        for end in _LINE_END.finditer(text):
            line = text[position : end.start()]
            position = end.end()
            if line:
                self._take(line)
            elif (event := self._dispatch()) is not None:
                events.append(event)
        self._rest = text[position:]
        self._limit(len(self._rest))
        return events

    def _take(self, line: bytes) -> None:
        try:
            field, _, value = line.decode().partition(":")
        except UnicodeDecodeError as error:
            raise FluksoPayloadError(f"the event stream is not UTF-8: {error}") from error
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
            self._size += len(value)
            self._limit(0)

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent(self._name or "message", "\n".join(self._data)) if self._data else None
        self._name, self._data, self._size = "", [], 0
        return event

    def _limit(self, pending: int) -> None:
        if self._size + pending > LARGEST_EVENT:
            raise FluksoPayloadError(f"an event of more than {LARGEST_EVENT} bytes")
