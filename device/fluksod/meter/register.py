"""A sensor's counter as we report it: it never falls and never spikes, whatever the board sends. Pure.

The board's counter is 32 bits wide, wraps, restarts from an older value after a power cut, starts from zero when the
board is replaced, and arrives on a line without a checksum. The register follows it by differences:

- a small step is counted at once;
- a larger step that the time since the last line allows is held until the next line goes on from there, then counted;
- a step that no house can make, or one backwards, is held until the next line goes on from there. Then the board has
  restarted: the register goes on from where it was, with an offset;
- a held line that the next line contradicts was noise and is forgotten.

The very first line is where the register begins, and no energy: were it noise, what is counted after it is right all
the same. Thousandths, where a board or meter tells them, ride along: counter and thousandths never fall either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

WRAP = 1 << 32
SMALL_STEP = 100
"""Units (Wh or L) that are counted without waiting for a second line; doubled from the last step where that is more."""
MAX_RATE = 100.0
"""Units a second that are believed at all: 360 kW, three clamps of 500 A at 230 V; 100 L/s of water or gas."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point where board and register were seen together: the board's `raw` counter, our `total`, `at` in seconds.

    `milli` are thousandths beyond `total`, 0 to 999. `told` is the largest counter that was reported until then, in
    thousandths, where that is more: less is never reported again.
    """

    raw: int
    total: int
    at: float
    milli: int = 0
    told: int = 0


class Register:
    """Follows one counter. `mark` is where it stands, None before the first line.

    `saved` is the mark of an earlier run, its `at` moved onto this run's clock.
    """

    def __init__(self, saved: Mark | None = None) -> None:
        self.mark = saved
        self._total = None if saved is None else max((saved.total, saved.milli), divmod(saved.told, 1000))
        self._before: Mark | None = None
        self._held: Mark | None = None
        self._step = 0

    @property
    def total(self) -> int | None:
        """The counter to report, in whole Wh or L: at least the board's, never falling."""
        return None if self._total is None else self._total[0]

    @property
    def milli(self) -> int:
        """Thousandths beyond `total`, 0 to 999; 0 where none are told."""
        return 0 if self._total is None else self._total[1]

    def take(self, raw: int, at: float, *, milli: int = 0, restarted: bool = False) -> str | None:
        """Take the board's counter `raw` (0 to 2^32 - 1) and its thousandths, seen at `at` (monotonic seconds).

        `restarted` says that the board's clock went back with this line: then a lower counter needs no second line.
        Returns a sentence for the log when something unusual was decided.
        """
        if not 0 <= raw < WRAP or not 0 <= milli < 1000:
            raise ValueError(f"a board counter has 32 bits and thousandths, not {raw} and {milli}")
        seen = Mark(raw, raw, at, milli)
        if self.mark is None:
            self._accept(seen)
            return None
        step = (raw - self.mark.raw) % WRAP
        if step <= max(SMALL_STEP, 2 * self._step) and step <= _possible(at - self.mark.at):
            if step == 0:  # told again: what came before stays known
                self.mark = replace(self.mark, at=at, milli=max(milli, self.mark.milli))
                self._show(self.mark)
                return self._forget_held(raw)
            self._step = step
            return self._go_on(seen, self.mark.total + step)
        if self._before is not None and _follows(self._before, raw, at) and raw < self.mark.raw:
            wrong = self.mark.raw
            self._held = None
            self.mark = self._before
            self._go_on(seen, self.mark.total + (raw - self.mark.raw) % WRAP)
            return f"counter {wrong} was followed by {raw}: it was noise, the counter waits until it is caught up"
        if restarted and raw < self.mark.raw:
            return self._restart(seen, self.mark.total)
        possible = step <= _possible(at - self.mark.at)
        held, self._held = self._held, seen
        if held is None:
            if possible:
                return None
            return f"counter {raw} cannot follow {self.mark.raw}; waiting for the next line to tell"
        if not _follows(held, raw, at):
            return None
        if possible:
            self._held = None
            self._step = (raw - held.raw) % WRAP
            return self._go_on(seen, self.mark.total + step)
        return self._restart(seen, self.mark.total + (raw - held.raw) % WRAP)

    def _go_on(self, seen: Mark, total: int) -> str | None:
        self._accept(replace(seen, total=total))
        return self._forget_held(seen.raw)

    def _forget_held(self, raw: int) -> str | None:
        held, self._held = self._held, None
        return None if held is None else f"counter {held.raw} was followed by {raw}: it was noise and is ignored"

    def _restart(self, seen: Mark, total: int) -> str:
        old = self.mark.raw if self.mark is not None else seen.raw
        self._held = None
        self.mark = None
        self._accept(replace(seen, total=total))
        return (
            f"the board's counter went from {old} to {seen.raw} (restarted or replaced); ours goes on from {self.total}"
        )

    def _accept(self, mark: Mark) -> None:
        self._before, self.mark = self.mark, mark
        self._show(mark)

    def _show(self, mark: Mark) -> None:
        told = (mark.total, mark.milli)
        self._total = told if self._total is None else max(self._total, told)


def _possible(seconds: float) -> float:
    return SMALL_STEP + MAX_RATE * max(seconds, 0.0)


def _follows(mark: Mark, raw: int, at: float) -> bool:
    return (raw - mark.raw) % WRAP <= _possible(at - mark.at)
