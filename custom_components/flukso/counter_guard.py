"""Turns a meter's register into a total that never goes back and never spikes. Knows nothing of Home Assistant.

Registers do both: they read 0 for a moment after a restart, lose the last hours with the power, are set by hand, or
belong to another meter since yesterday. Home Assistant books a drop of more than a tenth as a new meter that has
counted from zero, and warns about any smaller one.
"""

from dataclasses import dataclass
from typing import Final

FASTEST: Final = 100
"""Wh/s or L/s that are believed at all: 360 kW, three clamps of 500 A at 230 V."""

HOUSEHOLD: Final = 20
"""Wh/s or L/s that a household uses at most: 72 kW or 72 m³/h, the limit of the original Flukso cloud."""

LARGEST_PULSE: Final = 1000
"""Wh or L that one pulse is worth at most; a register may go up by as much in no time."""

CONFIRM_SECONDS: Final = 30.0
"""A register that went elsewhere must have stayed there for so long before it is believed."""

RESET_SHARE: Final = 0.9
"""Home Assistant takes a total below this share of the last one for a new meter cycle that began at zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardMemory:
    """What must survive a restart: the total, the register it was made from, and when (unix seconds)."""

    total: int | float
    register: int | float
    time: float


@dataclass(frozen=True, slots=True)
class Jump:
    """A register that went elsewhere and stayed there, in Wh or L."""

    before: int | float
    after: int | float


class CounterGuard:
    """Follows one register, in Wh or L.

    A step that no meter can make, down or up, is held back: the total stays. If the register has stayed there for 30 s
    it is believed: if a household can have counted it up from zero since it was last seen, and Home Assistant will
    take the drop for a new cycle, the total becomes the register; otherwise the total goes on from where it was.
    """

    def __init__(self) -> None:
        """Start with no memory: the first register seen is the total."""
        self._memory: GuardMemory | None = None
        self._suspect: tuple[int | float, int | float, float] | None = None  # first and last register, since when
        self._jump: Jump | None = None

    @property
    def memory(self) -> GuardMemory | None:
        """Return what to restore after a restart, None before the first register."""
        return self._memory

    @property
    def holding(self) -> bool:
        """Tell whether a suspicious register is being held back."""
        return self._suspect is not None

    def take_jump(self) -> Jump | None:
        """Return where the register went since the last call, if it went elsewhere and is believed."""
        jump, self._jump = self._jump, None
        return jump

    def restore(self, memory: GuardMemory) -> None:
        """Go on from an earlier run."""
        self._memory = memory

    def observe(self, register: int | float, time: float) -> int | float:
        """Take the register as read now (unix seconds) and return the total to show."""
        memory = self._memory
        if memory is None:
            return self._accept(register, register, time)
        if 0 <= register - memory.register <= reach(memory.time, time):
            self._suspect = None
            return self._accept(memory.total + register - memory.register, register, time)

        first, last, since = self._suspect or (register, register, time)
        if time < since or register < last or register - first > reach(since, time):
            first, since = register, time
        self._suspect = (first, register, since)
        if time - since < CONFIRM_SECONDS:
            return memory.total

        self._suspect = None
        self._jump = Jump(memory.register, register)
        if register <= HOUSEHOLD * (time - memory.time) and register < RESET_SHARE * memory.total:
            return self._accept(register, register, time)
        return self._accept(memory.total + register - first, register, time)

    def _accept(self, total: int | float, register: int | float, time: float) -> int | float:
        total = round(total, 3)
        self._memory = GuardMemory(total=total, register=register, time=time)
        return total


def reach(earlier: float, later: float) -> float:
    """Return what a register can go up by between two times, in Wh or L."""
    return FASTEST * max(0.0, later - earlier) + LARGEST_PULSE
