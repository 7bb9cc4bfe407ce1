"""Power cuts: what happens to the counters when the supply goes, at any moment and at every EEPROM byte.

A case is a board with a past, some lives and a power cut at the end of each. Its id makes the very same case again:

    v2_0:r7.42               case 42 of the random cases of seed 7, on board v2_0
    v1_1:save.3.old          the save at a warned power loss, cut at its 3rd EEPROM operation, which leaves the old byte
    v1_1:checkpoint.3.new    likewise a checkpoint, with the clearing of the slots ahead
    v2_0:commit.3.erased     likewise a commit of settings and counters (`ct`), on boards with an SPI link

What must hold at every cut, of each counter (all of it modulo 2^32), whether lines tell it or frames (`gd`, `gc`):

    1. the wire never tells less than before, nor more than was counted. Only the reply to `gc`, which has to name a
       counter also while the board holds it back, may then be what the newest record's counter and reserve come to;
    2. the newest record of the EEPROM is good, and neither below the one before nor above what was counted;
    3. its counter and reserve together reach what the wire was told, so that the next life tells no less;
    4. a warning that lasts long enough saves everything: pulses to the thousandth.

And of the settings of a board with frames:

    5. after a cut in a commit they are the old or the new ones, never a mix; once `ct` was answered, the new ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from .board import CutLeaves
from .board_header import BoardHeader
from .build import Built, build
from .cut_board import WRAP, CutBoard, Outcome, past

BOARDS = ("v1_1", "v2_0")
"""One board with each link; they share all that keeps counters."""

HOLD_UP_S = 0.15  # more than the 81 ms of the longest save and the rest of a byte on its way
CUTS_PER_CASE = 5
COMMIT_S = 1.0  # longer than any takes
KINDS = ("ramp", "ramp", "ramp", "short ramp", "at once", "in a byte", "in the save", "dips", "sag")


def random_case(name: str, seed: int, index: int, built: Built) -> Outcome:
    """Run case `index` of `seed`: five lives, each ended by a cut of some kind at some moment."""
    dice = random.Random(f"power cuts {name} {seed} {index}")  # noqa: S311 - a test case, not a secret
    image = past(name, built, dice, dice.randrange(1, 16))
    cut = CutBoard(f"{name}:r{seed}.{index}", name, built, image, dice.randrange(1, WRAP))
    with cut.board:
        for _ in range(CUTS_PER_CASE):
            _live_and_die(cut, dice)
        cut.run(1.3)
    return cut.outcome


def _order_a_cut(cut: CutBoard, within: int, leaves: CutLeaves, dice: random.Random) -> int:
    operation = dice.randrange(1, within)
    cut.board.cut_at_operation(cut.board.eeprom_operations + operation, leaves)
    return operation


def _live_and_die(cut: CutBoard, dice: random.Random) -> None:
    cut.load(dice.choice((0, 500, 9000)), *(dice.choice((0, 5000, 11000)) for _ in range(cut.clamps - 1)))
    kind = dice.choice((*KINDS, "in a commit") if cut.frames else KINDS)
    leaves = dice.choice(list(CutLeaves))
    soon = dice.random() < 0.3
    if kind == "in a byte" and soon:
        _order_a_cut(cut, 30 * cut.sensors, leaves, dice)
    cut.run(dice.uniform(0.1, 0.3))
    for _ in range(dice.choice((0, 0, 1, 6))):
        cut.pulse(dice.randrange(2))
    if cut.frames and (kind == "in a commit" or dice.random() < 0.4):
        while cut.board.powered and not cut.commit(dice.randrange(65536)):
            cut.run(0.05)
    if kind == "in a commit" or (kind == "in a byte" and not soon):
        _order_a_cut(cut, 25 * cut.sensors, leaves, dice)
    cut.run(dice.choice((dice.uniform(0.2, 0.5), dice.uniform(0.3, 1.6))))
    how = kind
    if kind == "ramp":
        cut.ramp(HOLD_UP_S)
    elif kind == "short ramp":
        hold_up_s = dice.uniform(0.002, 0.06)
        how = f"short ramp of {hold_up_s * 1000:.1f} ms"
        cut.ramp(hold_up_s)
    elif kind == "in the save":
        operation = _order_a_cut(cut, 8 * cut.sensors, leaves, dice)
        how = f"in operation {operation} of the save, which leaves {leaves.name}"
        cut.ramp(HOLD_UP_S)
    elif kind == "dips":
        for _ in range(dice.randrange(1, 12)):
            cut.board.supply_volts(dice.uniform(3, 4.8))
            cut.run(dice.uniform(0.0005, 0.08))
            cut.board.supply_volts(5.0)
            cut.run(dice.uniform(0.0005, 0.08))
        cut.ramp(dice.choice((0, HOLD_UP_S)))
    elif kind == "sag":
        cut.board.supply_volts(dice.uniform(3, 4.8))
        cut.run(dice.uniform(0.05, 3))
    cut.off(how, complete=kind == "ramp")


def _linear(name: str, kind: str, operation: int, leaves: CutLeaves, built: Built) -> CutBoard:
    dice = random.Random(1)  # noqa: S311
    case = f"{name}:{kind}.{operation}.{leaves.name.lower()}"
    cut = CutBoard(case, name, built, past(name, built, dice, 13), 5)
    cut.load(9000, 5000)
    return cut


def save_case(name: str, operation: int, leaves: CutLeaves, built: Built) -> Outcome:
    """Run a warned loss of power, cut at EEPROM operation `operation` of its save (from 1; 0: only at its end)."""
    cut = _linear(name, "save", operation, leaves, built)
    with cut.board as board:
        cut.run(0.05)  # a contact counts once it was seen open
        cut.pulse(0)
        cut.run(0.8)  # the checkpoint after the first count, and the clearing of the slots ahead, are over
        first = board.eeprom_operations
        if operation:
            board.cut_at_operation(first + operation, leaves)
        cut.ramp(HOLD_UP_S)
        cut.outcome.operations = board.eeprom_operations - first
        cut.off(f"{cut.outcome.operations} operations into the save", complete=not operation)
        _live_on(cut)
    return cut.outcome


def checkpoint_case(name: str, operation: int, leaves: CutLeaves, built: Built) -> Outcome:
    """Run a checkpoint and the clearing after it, cut without warning at EEPROM operation `operation` (0: after)."""
    cut = _linear(name, "checkpoint", operation, leaves, built)
    with cut.board as board:
        board.cut_at_operation(operation, leaves)
        cut.run(0.05)
        cut.pulse(1)
        cut.run(0.8)
        cut.outcome.operations = board.eeprom_operations
        cut.off(f"{cut.outcome.operations} operations into checkpoint and clearing", complete=False)
        _live_on(cut)
    return cut.outcome


def commit_case(name: str, operation: int, leaves: CutLeaves, built: Built) -> Outcome:
    """Run a commit of settings and counters, cut at EEPROM operation `operation` (0: once it was answered)."""
    cut = _linear(name, "commit", operation, leaves, built)
    if not cut.frames:
        raise ValueError(f"nothing is committed on {name}: its link has lines only")
    with cut.board as board:
        cut.run(0.05)
        cut.pulse(0)
        cut.run(0.8)
        first = board.eeprom_operations
        if operation:
            board.cut_at_operation(first + operation, leaves)
        cut.commit(0xA5A5)
        until_s = board.time_s + COMMIT_S
        while board.powered and not cut.frames.committed and board.time_s < until_s:
            cut.run(0.01)
        cut.outcome.operations = board.eeprom_operations - first
        cut.off(f"{cut.outcome.operations} operations into the commit", complete=False)
        _live_on(cut)
    return cut.outcome


def _live_on(cut: CutBoard) -> None:
    cut.load(9000, 5000)
    cut.run(0.05)
    cut.pulse(0)
    cut.run(0.4)
    cut.ramp(HOLD_UP_S)
    cut.off("ramp", complete=True)
    cut.run(0.4)


LinearCase = Callable[[str, int, CutLeaves, Built], Outcome]
_LINEAR: dict[str, LinearCase] = {"save": save_case, "checkpoint": checkpoint_case, "commit": commit_case}


def linear_cases(name: str, built: Built) -> list[str]:
    """Return the ids of the cuts at every EEPROM operation of a save, a checkpoint and, where there are any, a commit.

    There is one for each thing a cut can leave in the byte.
    """
    cases = []
    for kind, run in _LINEAR.items():
        if kind == "commit" and not BoardHeader(name).number("LINK_SPI"):
            continue
        operations = run(name, 0, CutLeaves.ANYTHING, built).operations
        cases += [f"{name}:{kind}.{i}.{leaves.name.lower()}" for i in range(1, operations + 1) for leaves in CutLeaves]
    return cases


def replay(case: str, built: Built | None = None) -> Outcome:
    """Run the case of this id again, on what build() has returned. ValueError for what is no id."""
    name, _, number = case.partition(":")
    kind, *rest = number.split(".")
    refusal = f"{case!r} is no id of a power cut: v2_0:r7.42 and v1_1:save.3.old are"
    if name not in BOARDS:
        raise ValueError(refusal)
    built = built or build(name)
    try:
        if kind.startswith("r"):
            (index,) = rest
            return random_case(name, int(kind[1:]), int(index), built)
        operation, leaves = rest
        return _LINEAR[kind](name, int(operation), CutLeaves[leaves.upper()], built)
    except (KeyError, ValueError) as error:
        raise ValueError(refusal) from error
