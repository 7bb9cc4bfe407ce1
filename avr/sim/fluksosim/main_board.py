"""The main board of a board under power cuts: hears its counters, in lines or in frames, and gives it its settings."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .board import Board
from .spi_link import WAIT_S, LinkError, SpiLink, framed, records

BOOT_S = 0.05  # the board's; main boards take longer
PAUSE_S = 0.02
PATIENCE_S = 0.6
"""After this time (s) without an answer a question is asked again; a commit takes longest."""


@dataclass(frozen=True)
class Told:
    """A counter that was told, in thousandths of a Wh or L. `asked`: in reply to `gc`, which knows only whole ones."""

    sensor: int
    milli: int
    asked: bool = False


class MainBoard(Protocol):
    """Listens to a board."""

    def listen(self, seconds: float) -> list[Told]:
        """Run the board for so many simulated seconds, or a few milliseconds more; what it told."""

    def forget(self) -> None:
        """Begin anew: the board was without power."""


class LineMainBoard:
    """Hears the `pls` lines of the sensors with these ids."""

    def __init__(self, board: Board, ids: Sequence[str]) -> None:
        self._board = board
        self._ids = ids

    def listen(self, seconds: float) -> list[Told]:
        """See MainBoard."""
        return [
            Told(self._ids.index(line.text[4:36]), int(line.text[37:47]) * 1000)
            for line in self._board.run_for(seconds)
            if line.text.startswith("pls ") and len(line.text) in (47, 58)
        ]

    def forget(self) -> None:
        """See MainBoard."""


def question(setting: str) -> str:
    """Return the command that reads what this one sets: `gm03` for `sm03142b`."""
    return "g" + setting[1 : 4 if setting[1] in "emf" else 2]


def answers(settings: Sequence[str]) -> dict[str, str]:
    """Return what each question is answered once these commands have set all of it."""
    return {question(setting): "g" + setting[1:] for setting in settings}


class FrameMainBoard:
    """Asks by turns for what has changed (`gd`) and for one counter (`gc`), and in between reads all settings.

    `settings` holds the answers of this life, `garbled` replies that a board with power must not give.
    """

    def __init__(self, board: Board, sensors: int, settings: Sequence[str]) -> None:
        self._board = board
        self._sensors = sensors
        self._questions = [question(setting) for setting in settings]
        self._link = SpiLink(board)
        self.garbled: list[str] = []
        self.forget()

    def forget(self) -> None:
        """See MainBoard."""
        self.settings: dict[str, str] = {}
        self.committing = False
        """A commit was asked for in this life."""
        self.committed = False
        """It was answered."""
        self._queue = deque(self._questions)
        self._routine = self._counters()
        self._asked: str | None = None
        self._asked_s = 0.0
        self._next_s = self._board.time_s + BOOT_S

    def _counters(self) -> Iterator[str]:
        while True:
            for sensor in range(self._sensors):
                yield "gd"
                if self._queue:
                    yield self._queue[0]
                yield f"gc{sensor:02x}"

    @property
    def knows_settings(self) -> bool:
        """All settings of this life are in `settings`."""
        return len(self.settings) == len(self._questions)

    def commit(self, settings: Sequence[str]) -> None:
        """Give these commands and then `ct`."""
        self._queue += [*settings, "ct"]

    def listen(self, seconds: float) -> list[Told]:
        """See MainBoard."""
        told: list[Told] = []
        end = self._board.time_s + seconds
        while self._next_s < end and self._board.powered:
            self._board.run_until(self._next_s)
            told += self._ask() if self._asked is None else self._hear()
        self._board.run_until(end)
        return told

    def _ask(self) -> list[Told]:
        self._asked = next(self._routine)
        self.committing = self.committing or self._asked == "ct"
        self._asked_s = self._board.time_s
        self._link.send(framed(self._asked))
        self._next_s = self._board.time_s + WAIT_S
        return []

    def _hear(self) -> list[Told]:
        heard = self._link.read() or self._link.read()
        self._next_s = self._board.time_s + (0 if self._queue else PAUSE_S)
        if not self._board.powered or 0xFF in heard:  # nobody drives the line
            return []
        if heard in (b"", b"lu"):
            self._next_s = self._board.time_s + PAUSE_S
            if self._board.time_s > self._asked_s + PATIENCE_S:
                self._asked = None
            return []
        try:
            return self._take(self._link.reply(heard.decode("ascii")))
        except (LinkError, UnicodeDecodeError, ValueError) as error:
            self.garbled.append(str(error))
            return []

    def _take(self, reply: str) -> list[Told]:
        self._asked = None
        if reply.startswith("gd"):
            return [Told(record.sensor, record.counter * 1000 + record.milli) for record in records(reply)]
        if reply.startswith("gc"):
            return [Told(int(reply[2:4], 16), int(reply[4:], 16) * 1000, asked=True)]
        if not self._queue or not reply.startswith(self._queue[0]):
            raise LinkError(f"nobody has asked for {reply!r}")
        asked = self._queue.popleft()
        if asked[0] == "g":
            self.settings[asked] = reply
        self.committed = self.committed or asked == "ct"
        return []
