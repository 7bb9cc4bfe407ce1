"""A P1 meter on a serial port, or on the RS-485 bus of a board: telegrams as they come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from fluksod.link.link_state import LinkReport, LinkState
from fluksod.link.p1_frames import CipherSplitter, PlainSplitter
from fluksod.link.p1_telegram import Telegram, TelegramError, TelegramReader, UndecipherableError
from fluksod.link.serial_link import SerialLink
from fluksod.link.serial_port import SerialFormat, SerialPlace, SerialPort

_LOG = logging.getLogger(__name__)

SILENCE = 30.0
"""Seconds without a good telegram after which the meter counts as not connected; the slowest send every 10 s."""
DSMR_2 = SerialFormat(9600, 7, "E", 1)
"""How meters of DSMR 2.2 and 3 send."""
DSMR_4 = SerialFormat(115200)
"""How all others send."""
_TABLE = "[[p1]]"


@dataclass(frozen=True, slots=True)
class P1Keys:
    """The keys of an encrypted meter, 16 bytes each; the second one is not needed."""

    encryption: bytes
    authentication: bytes | None = None

    def __repr__(self) -> str:
        """Never the keys."""
        return "P1Keys(…)"


class P1Reader:
    """Turns the bytes of a P1 meter into telegrams; wrong ones are counted and never seen by anybody."""

    def __init__(self, report: LinkReport, on_telegram: Callable[[Telegram], None], keys: P1Keys | None = None) -> None:
        self.variant: str | None = None
        self._report = report
        self._on_telegram = on_telegram
        self._cipher = CipherSplitter() if keys is not None else None
        self._splitter: PlainSplitter | CipherSplitter = self._cipher or PlainSplitter()
        self._reader = TelegramReader(*((None, None) if keys is None else (keys.encryption, keys.authentication)))
        self._wrong = 0

    def feed(self, data: bytes) -> bool:
        """Take any bytes; returns whether a good telegram ended in them."""
        good, reason = 0, b""
        for raw in self._splitter.feed(data):
            try:
                telegram = self._reader.read(raw)
            except TelegramError as error:
                self._wrong += 1
                reason = str(error).encode()
                if self._cipher is not None and isinstance(error, UndecipherableError):
                    self._cipher.refuse(raw)
                    if self.variant is None:
                        self._report.away("undecipherable", f"telegrams come, but {error}")
                continue
            good += 1
            self.variant = telegram.variant
            self._on_telegram(telegram)
        rejected = self._wrong + self._splitter.rejected
        now = asyncio.get_running_loop().time()
        self._report.rejected(rejected, "telegram(s)", reason or b"it never ended", now)
        return good > 0

    def restart(self) -> None:
        """Forget half a telegram."""
        self._splitter.restart()


class P1SerialLink(SerialLink):
    """A P1 meter on a serial port of its own."""

    def __init__(
        self,
        port: str,
        form: SerialFormat,
        on_telegram: Callable[[Telegram], None],
        *,
        keys: P1Keys | None = None,
        wall: Callable[[], float] = time.time,
        silence: float = SILENCE,
    ) -> None:
        report = LinkReport("P1 meter", port, _LOG, wall)
        self._reader = P1Reader(report, on_telegram, keys)
        place = SerialPlace(port, form, _TABLE, "P1 meter", "telegram")
        super().__init__(
            report, SerialPort(place, report, self._reader.feed, silence=silence, on_open=self._reader.restart)
        )

    @property
    def variant(self) -> str | None:
        """Which kind of telegram it sends, in words; None before the first."""
        return self._reader.variant


class P1BusLink:
    """A P1 meter on the RS-485 bus of a board with SPI, whose link calls `feed`.

    The bus is 115200 8N1, and the board keeps 64 bytes until they are fetched: a meter that sends a long telegram in
    one go is faster than that, and its telegrams come with holes, which their CRC tells.
    """

    def __init__(
        self,
        board: str,
        on_telegram: Callable[[Telegram], None],
        *,
        keys: P1Keys | None = None,
        wall: Callable[[], float] = time.time,
        silence: float = SILENCE,
    ) -> None:
        self._report = LinkReport("P1 meter", f"the bus of {board}", _LOG, wall)
        self._reader = P1Reader(self._report, on_telegram, keys)
        self._silence = silence
        self._board = board
        self._heard = time.monotonic()

    @property
    def state(self) -> LinkState:
        """Whether the meter is heard."""
        return self._report.state

    @property
    def variant(self) -> str | None:
        """Which kind of telegram it sends, in words; None before the first."""
        return self._reader.variant

    @property
    def is_open(self) -> bool:
        """Its board has the port."""
        return True

    def open(self) -> None:
        """Nothing is to be opened."""
        self._report.away("waiting", f"no telegram from the P1 meter on the bus of {self._board} yet")

    def feed(self, data: bytes) -> None:
        """Take bytes from the bus."""
        if self._reader.feed(data):
            self._heard = time.monotonic()
            self._report.heard()

    async def run(self) -> None:
        """Watch for silence until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            if time.monotonic() - self._heard > self._silence:
                waited = f"for {self._silence:g} s; is it wired?"
                self._report.away("silent", f"no telegram from the P1 meter on the bus of {self._board} {waited}")

    def close(self) -> None:
        """Nothing is to be released."""
