"""Power cuts: what happens to the counters when the supply goes, at any moment and at every EEPROM byte.

A case is a board with a past, some lives and a power cut at the end of each. Its id makes the very same case again:

    r7.42               case 42 of the random cases of seed 7
    save.3.old          the save at a warned power loss, cut at its 3rd EEPROM operation, which leaves the old byte
    checkpoint.3.new    likewise a checkpoint, with the clearing of the slots ahead

What must hold at every cut, of each counter (all of it modulo 2^32):

    1. no line ever tells less than one before it, nor more than was counted;
    2. the newest record of the EEPROM is good, and neither below the one before nor above what was counted;
    3. its counter and reserve together reach what the wire was told, so that the next life tells no less;
    4. a warning that lasts long enough saves everything: pulses to the thousandth.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .board import WATTS_PER_STEP, Board, CutLeaves, Line
from .board_header import BoardHeader
from .build import Built
from .eeprom_image import CounterRecord, FactorySensor, encode_record, fresh_image, read_log

BOARD = "v1_1"
IDS = tuple(digit * 32 for digit in "abcd")
WEIGHTS = ((40_000, 0), (20_000, 0), (7, 250), (1_000, 333))
"""Meter constants and pulse weights far beyond a real meter's, so that a second holds what else takes minutes."""

HOLD_UP_S = 0.15  # more than the 56 ms of the save and the rest of a byte on its way
CUTS_PER_CASE = 5
WRAP = 2**32


def above(a: int, b: int) -> int:
    """Return a - b of two counters that wrap at 2^32; the difference is less than half of it."""
    return (a - b + WRAP // 2) % WRAP - WRAP // 2


@dataclass
class Outcome:
    """What a case came to: cuts made, lives after one whose counters were heard again, EEPROM
    operations begun before the linear cut, broken promises, the story."""

    case: str
    cuts: int = 0
    heard_again: int = 0
    operations: int = 0
    broken: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)


class CutBoard:
    """A board under cuts, and what it is held to."""

    def __init__(self, case: str, built: Built, image: bytes, seed: int) -> None:
        self.header = BoardHeader(BOARD)
        self.clamps = self.header.number("CLAMP_COUNT")
        self.outcome = Outcome(case)
        self.board = Board(BOARD, eeprom=image, seed=seed, built=built)
        self.record = self._record()
        self.told: list[int | None] = [None] * len(IDS)
        self.most = [units + 1 for units in self.record.units]
        self.pulses = [0, 0]
        self._watts = [0.0, 0.0]
        self._since_s = 0.0
        self._told_this_life: set[int] = set()

    def _record(self) -> CounterRecord:
        record = read_log(self.board.eeprom, self.header)
        if record is None:
            self._break("the EEPROM holds no good record any more")
            return CounterRecord(0, (0,) * 4, (0,) * 4, (0,) * 4, 0, 0)
        return record

    def _break(self, what: str) -> None:
        self.outcome.broken.append(what)
        self.tell(f"BROKEN: {what}")

    def tell(self, what: str) -> None:
        """Add a line to the story."""
        self.outcome.story.append(f"{self.board.time_s:9.4f} s  {what}")

    def load(self, *watts: float) -> None:
        """Let the clamps see so many (nominal) watts from now on."""
        self._count_clamps()
        for clamp, value in enumerate(watts):
            self.board.clamp_watts(clamp, value)
            self._watts[clamp] = value
        self.tell(f"clamps at {watts} W")

    def _count_clamps(self) -> None:
        now = self.board.time_s
        for clamp, watts in enumerate(self._watts):
            wh_per_s = watts / WATTS_PER_STEP * WEIGHTS[clamp][0] * 0.00225 / 3600
            self.most[clamp] += int(wh_per_s * (now - self._since_s) * 1.01 + wh_per_s * 0.05 + 1)
        self._since_s = now

    def pulse(self, pulse_input: int) -> None:
        """Make one pulse of 12 ms, bouncing."""
        self.board.pulse(pulse_input, 0.012, 0.012, bounce_s=0.001)
        self.pulses[pulse_input] += 1

    def run(self, seconds: float) -> None:
        """Run, and hear what it says."""
        self.hear(self.board.run_for(seconds))

    def hear(self, lines: list[Line]) -> None:
        """Hold what the wire says to the first promise."""
        self._count_clamps()
        for line in lines:
            if not (line.text.startswith("pls ") and len(line.text) in (47, 58)):
                continue
            sensor, counter = IDS.index(line.text[4:36]), int(line.text[37:47])
            before = self.told[sensor]
            if before is not None and above(counter, before) < 0:
                self._break(f"counter {sensor} went back on the wire from {before} to {counter}")
            if above(counter, self._most(sensor)) > 0:
                self._break(f"counter {sensor} is {counter} on the wire, {self._most(sensor)} at most was counted")
            self.told[sensor] = counter
            if not self._told_this_life and self.outcome.cuts:
                self.outcome.heard_again += 1
            self._told_this_life.add(sensor)

    def _most(self, sensor: int) -> int:
        if sensor < self.clamps:
            return self.most[sensor]
        units, milli = WEIGHTS[sensor]
        counted = self.pulses[sensor - self.clamps] * (units * 1000 + milli) + self.record.milli[sensor]
        return self.record.units[sensor] + counted // 1000

    def ramp(self, hold_up_s: float) -> None:
        """Let the supply sink to nothing."""
        self.hear(self.board.power_cut(hold_up_s))

    def off(self, how: str, complete: bool) -> None:
        """The power is gone: hold the EEPROM to its promises, then give power again. `complete`: the save had time."""
        self.board.power_cut()
        self.board.cut_at_operation(0)  # an order that did not come to pass
        self._count_clamps()
        self.outcome.cuts += 1
        before, after = self.record, self._record()
        self.tell(f"off: {how}; record {after.sequence}: {after.units} {after.milli} reserve {after.reserve}")
        for sensor in range(len(IDS)):
            units, told = after.units[sensor], self.told[sensor]
            reach = units + (1 << after.reserve[sensor] if after.reserve[sensor] else 0)
            if above(units, before.units[sensor]) < 0:
                self._break(f"record of counter {sensor} went back from {before.units[sensor]} to {units}")
            if above(units, self._most(sensor)) > 0:
                self._break(f"record of counter {sensor} has {units}, {self._most(sensor)} at most was counted")
            if told is not None and above(reach, told) < 0:
                self._break(f"record of counter {sensor} reaches {reach}, the wire was told {told}")
        if complete:
            self._hold_to_a_complete_save(before, after)
        self.record, self.pulses = after, [0, 0]
        self.most[: self.clamps] = [units + 1 for units in after.units[: self.clamps]]
        self._told_this_life.clear()
        self.board.power_on()
        self._since_s = self.board.time_s

    def _hold_to_a_complete_save(self, before: CounterRecord, after: CounterRecord) -> None:
        if after.sequence == before.sequence:
            self._break("the warning was long enough, and nothing was saved")
        for sensor in range(len(IDS)):
            told = self.told[sensor]
            if sensor in self._told_this_life and told is not None and above(after.units[sensor], told) < 0:
                self._break(f"counter {sensor} was saved as {after.units[sensor]}, the wire was told {told}")
            if sensor < self.clamps:
                continue
            units, milli = WEIGHTS[sensor]
            was = before.units[sensor] * 1000 + before.milli[sensor]
            now = (was + self.pulses[sensor - self.clamps] * (units * 1000 + milli)) % (WRAP * 1000)
            if now != after.units[sensor] * 1000 + after.milli[sensor]:
                self._break(f"pulse counter {sensor} was saved as {after.units[sensor]}, {now / 1000} was counted")


def past(header: BoardHeader, dice: random.Random, records: int) -> bytes:
    """Return a provisioned EEPROM whose log has gone round: `records` good ones up to the newest, the rest noise."""
    edges = (0, 1000, 2**31 - 50, WRAP - 3000, WRAP - 40, dice.randrange(WRAP))
    units = [dice.choice(edges) for _ in IDS]
    sensors = [FactorySensor(sensor, *weight) for sensor, weight in zip(IDS, WEIGHTS, strict=True)]
    image = bytearray(fresh_image(header, sensors, [0] * len(IDS)))
    start, size = header.number("LOG_START"), 7 + 6 * len(IDS)
    slots = header.number("LOG_BYTES") // size
    image[start : start + slots * size] = bytes(dice.randrange(256) for _ in range(slots * size))
    sequence, slot = dice.randrange(256), dice.randrange(slots)
    for age in range(min(records, slots)):
        counters = tuple((value - 7 * age) % WRAP for value in units)
        milli = tuple(dice.randrange(1000) for _ in IDS)
        record = encode_record(CounterRecord((sequence - age) % 256, counters, milli, (0,) * len(IDS), 3, 5))
        at = start + (slot - age) % slots * size
        image[at : at + size] = record
    return bytes(image)


def random_case(seed: int, index: int, built: Built) -> Outcome:
    """Run case `index` of `seed`: five lives, each ended by a cut of some kind at some moment."""
    dice = random.Random(f"power cuts {seed} {index}")  # noqa: S311 - a test case, not a secret
    cut = CutBoard(
        f"r{seed}.{index}", built, past(BoardHeader(BOARD), dice, dice.randrange(1, 16)), dice.randrange(1, WRAP)
    )
    with cut.board:
        for _ in range(CUTS_PER_CASE):
            _live_and_die(cut, dice)
        cut.run(1.3)
    return cut.outcome


def _live_and_die(cut: CutBoard, dice: random.Random) -> None:
    cut.load(dice.choice((0, 500, 9000)), dice.choice((0, 5000, 11000)))
    kind = dice.choice(("ramp", "ramp", "ramp", "short ramp", "at once", "in a byte", "in the save", "dips", "sag"))
    cut.run(dice.uniform(0.1, 0.3))
    for _ in range(dice.choice((0, 0, 1, 6))):
        cut.pulse(dice.randrange(2))
    leaves = dice.choice(list(CutLeaves))
    if kind == "in a byte":
        cut.board.cut_at_operation(cut.board.eeprom_operations + dice.randrange(1, 60), leaves)
    cut.run(dice.choice((dice.uniform(0.2, 0.5), dice.uniform(0.3, 1.6))))
    how = kind
    if kind == "ramp":
        cut.ramp(HOLD_UP_S)
    elif kind == "short ramp":
        hold_up_s = dice.uniform(0.002, 0.06)
        how = f"short ramp of {hold_up_s * 1000:.1f} ms"
        cut.ramp(hold_up_s)
    elif kind == "in the save":
        operation = dice.randrange(1, 32)
        how = f"in operation {operation} of the save, which leaves {leaves.name}"
        cut.board.cut_at_operation(cut.board.eeprom_operations + operation, leaves)
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


def save_case(operation: int, leaves: CutLeaves, built: Built) -> Outcome:
    """Run a warned loss of power, cut at EEPROM operation `operation` of its save (from 1; 0: only at its end)."""
    dice = random.Random(1)  # noqa: S311
    case = f"save.{operation}.{leaves.name.lower()}"
    cut = CutBoard(case, built, past(BoardHeader(BOARD), dice, 13), 5)
    with cut.board as board:
        cut.load(9000, 5000)
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


def checkpoint_case(operation: int, leaves: CutLeaves, built: Built) -> Outcome:
    """Run a checkpoint and the clearing after it, cut without warning at EEPROM operation `operation` (0: after)."""
    dice = random.Random(2)  # noqa: S311
    case = f"checkpoint.{operation}.{leaves.name.lower()}"
    cut = CutBoard(case, built, past(BoardHeader(BOARD), dice, 13), 6)
    with cut.board as board:
        board.cut_at_operation(operation, leaves)
        cut.load(9000, 5000)
        cut.run(0.05)
        cut.pulse(1)
        cut.run(0.8)
        cut.outcome.operations = board.eeprom_operations
        cut.off(f"{cut.outcome.operations} operations into checkpoint and clearing", complete=False)
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


def linear_cases(built: Built) -> list[str]:
    """Return the ids of the cuts at every EEPROM operation of a save and of a checkpoint, with all they can leave."""
    cases = []
    for kind, run in (("save", save_case), ("checkpoint", checkpoint_case)):
        operations = run(0, CutLeaves.ANYTHING, built).operations
        cases += [f"{kind}.{i}.{leaves.name.lower()}" for i in range(1, operations + 1) for leaves in CutLeaves]
    return cases


def replay(case: str, built: Built) -> Outcome:
    """Run the case of this id again. ValueError for what is no id."""
    kind, *rest = case.split(".")
    try:
        if kind.startswith("r"):
            (index,) = rest
            return random_case(int(kind[1:]), int(index), built)
        operation, leaves = rest
        run = {"save": save_case, "checkpoint": checkpoint_case}[kind]
        return run(int(operation), CutLeaves[leaves.upper()], built)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{case!r} is no id of a power cut: r7.42, save.3.old and checkpoint.3.new are") from error
