"""What a link says of itself: whether the other end is heard, why not, and one line in the log for each change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from fluksod.command_error import CommandError

_REPORT_EVERY = 60.0


class PortInUseError(CommandError):
    """Another program holds the port; the text names it."""


@dataclass(slots=True)
class LinkState:
    """What is known of a board or meter: `last_line` is the unix time of the newest good line, frame or telegram.

    `rejected_lines` counts those that were dropped, `error` says why it is away.
    """

    connected: bool = False
    last_line: int | None = None
    rejected_lines: int = 0
    error: str | None = None


class LinkReport:
    """Keeps a `LinkState` and tells the log what changes. Pure apart from the log.

    `what` is the other end in the log, such as "board"; `wall` gives the unix time.
    """

    def __init__(self, what: str, place: str, log: logging.Logger, wall: Callable[[], float]) -> None:
        self.state = LinkState(error=f"{place} is not open yet")
        self._what = what
        self._place = place
        self._log = log
        self._wall = wall
        self._kind = ""
        self._reported = 0
        self._next_report = 0.0

    def heard(self) -> None:
        """Note that something good came."""
        self.state.last_line = int(self._wall())
        if not self.state.connected:
            self.state.connected = True
            self.state.error = None
            self._kind = "connected"
            self._log.info("%s connected on %s", self._what, self._place)

    def away(self, kind: str, reason: str) -> None:
        """Note that the other end is away. `reason` is for people; another `kind` than before is a line in the log."""
        if kind != self._kind:
            level = logging.INFO if kind == "waiting" else logging.WARNING
            self._log.log(level, "%s not connected: %s", self._what, reason)
        self._kind = kind
        self.state.connected = False
        self.state.error = reason

    def rejected(self, count: int, what: str, last: bytes, now: float) -> None:
        """Note that `count` were rejected so far, `last` being the newest; the log hears of it once a minute."""
        self.state.rejected_lines = count
        news = count - self._reported
        if news and now >= self._next_report:
            self._reported = count
            self._next_report = now + _REPORT_EVERY
            self._log.warning("%d bad %s from the %s dropped, the last one %r", news, what, self._what, last[:80])
