"""Cuts what a P1 port sends into telegrams: plain ones from `/` to `!` and their CRC, or encrypted ones. Pure.

Sources: the P1 companion standards (DSMR 2.2 to 5.0.2, e-MUCS-P1), and for encrypted ones the general-global-cipher of
DLMS as Luxembourg and Austria use it. Garbage costs at most the telegram that it hit: the next beginning starts anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 8192
"""Bytes of the longest telegram; the longest known ones have about 2,000."""
_END = re.compile(rb"!(?:[0-9A-Fa-f]{4})?[\0 ]*\r?\n")
_CIPHER = 0xDB
_TITLE = 8
_LENGTH_IN_TWO_BYTES = 0x82
_HEADER = 2 + _TITLE + 3  # tag, length of the title, the title, length of what follows


class PlainSplitter:
    """Cuts plain telegrams. `rejected` counts beginnings that never came to an end."""

    def __init__(self) -> None:
        self.rejected = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take any bytes and return the telegrams that ended in them, from `/` to the end of the CRC's line."""
        telegrams: list[bytes] = []
        self._rest += data
        while (start := self._rest.find(b"/")) >= 0:
            end = _END.search(self._rest, start)
            again = self._rest.find(b"/", start + 1)
            if again >= 0 and (end is None or again < end.start()):  # nothing inside has a slash: it was cut short
                self._drop(again)
            elif end is None:
                if len(self._rest) - start > LONGEST:
                    self._drop(len(self._rest))
                self._rest = self._rest[start:]
                return telegrams
            elif end.end() - start > LONGEST:
                self._drop(end.end())
            else:
                telegrams.append(self._rest[start : end.end()])
                self._rest = self._rest[end.end() :]
        self._rest = b""
        return telegrams

    def restart(self) -> None:
        """Forget half a telegram: the port was opened anew."""
        self._rest = b""

    def _drop(self, until: int) -> None:
        self.rejected += 1
        self._rest = self._rest[until:]


class CipherSplitter:
    """Cuts encrypted telegrams, which carry their length. What looks like a beginning may be none: see `refuse`."""

    def __init__(self) -> None:
        self.rejected = 0
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take any bytes and yield the frames that ended in them, one by one, so that each can be refused."""
        self._rest += data
        while (frame := self._take()) is not None:
            yield frame

    def refuse(self, frame: bytes) -> None:
        """The frame just yielded could not be decrypted: look for another beginning inside it."""
        self._rest = frame[1:] + self._rest

    def restart(self) -> None:
        """Forget half a telegram: the port was opened anew."""
        self._rest = b""

    def _take(self) -> bytes | None:
        while (start := self._rest.find(bytes((_CIPHER, _TITLE)))) >= 0:
            self._rest = self._rest[start:]
            if len(self._rest) < _HEADER:
                return None
            length = _HEADER + int.from_bytes(self._rest[_HEADER - 2 : _HEADER], "big")
            if self._rest[2 + _TITLE] != _LENGTH_IN_TWO_BYTES or length > LONGEST:
                self._rest = self._rest[1:]
            elif len(self._rest) < length:
                return None
            else:
                frame, self._rest = self._rest[:length], self._rest[length:]
                return frame
        self._rest = self._rest[-1:] if self._rest.endswith(bytes((_CIPHER,))) else b""
        return None
