"""A board under power cuts, and what it is held to: the promises at the top of power_cuts.py."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from .board import BROWN_OUT_V, SUPPLY_V, TRIP_V, Board
from .board_header import BoardHeader
from .build import Built
from .eeprom_image import CounterRecord, FactorySensor, encode_record, fresh_image, read_log
from .main_board import FrameMainBoard, LineMainBoard, MainBoard, Told, answers
from .spi_link import SpiLink

CLAMP_WEIGHTS = (40_000, 20_000, 10_000)
PULSE_WEIGHTS = ((64, 250), (1_000, 333))
"""Meter constants and pulse weights far beyond a real meter's, so that a second holds what else takes minutes. 64 is
the smallest reserve: the pulse after a record brings the counter to all that may be told."""

RAMP_STEP_S = 0.0005
RATE_ERROR = 0.01
"""By how much a board may count more than its clamps see."""
SETTLING_S = 0.05
"""So long (s) a clamp may still see its last load, or more than its mean."""

THOUSAND = 1000
WRAP = 2**32


def above(a: int, b: int) -> int:
    """Return a - b of two counters in thousandths that wrap at 2^32; the difference is less than half of it."""
    whole = WRAP * THOUSAND
    return (a - b + whole // 2) % whole - whole // 2


def sensor_ids(header: BoardHeader) -> tuple[str, ...]:
    """Return the ids of the sensors of a board that tells them: aa..., bb... and so on."""
    return tuple(f"{10 + i:x}" * 32 for i in range(header.number("SENSOR_COUNT")))


def changing_settings(generation: int) -> tuple[str, ...]:
    """Return settings that change nothing of what is counted, from one end of the block to the other."""
    word, low = f"{generation:04x}", f"{generation & 0xFF:02x}"
    return (f"sm05{word}", f"sh{word}{low}", f"ss{word}", f"sp0001020304{low}", f"si{low}")


def settings(generation: int) -> tuple[str, ...]:
    """Return the commands that set everything on a board with frames: each input has its own sensor, one has none."""
    weights = [(weight, 0) for weight in CLAMP_WEIGHTS] + list(PULSE_WEIGHTS)
    enabled = [f"se{i:02x}{int(i < len(weights)):02x}" for i in range(len(weights) + 1)]
    units = [f"sm{i:02x}{weight:04x}" for i, (weight, _) in enumerate(weights)]
    millis = [f"sf{i:02x}{milli:04x}" for i, (_, milli) in enumerate([*weights, (0, 0)])]
    return (*enabled, *units, *millis, "sk010000", *changing_settings(generation))


FIRST_GENERATION = 0x1234


@lru_cache
def provisioned(name: str, built: Built) -> bytes:
    """Return the EEPROM of a board that knows its sensors: written as a factory does, or set over the wire."""
    header = BoardHeader(name)
    if header.number("LINK_UART"):
        weights = [(weight, 0) for weight in CLAMP_WEIGHTS[: header.number("CLAMP_COUNT")]] + list(PULSE_WEIGHTS)
        sensors = [FactorySensor(i, *weight) for i, weight in zip(sensor_ids(header), weights, strict=True)]
        return fresh_image(header, sensors, [0] * len(sensors))
    with Board(name, built=built) as board:
        board.run_for(0.5)
        link = SpiLink(board)
        for generation in (0xFFFF ^ FIRST_GENERATION, FIRST_GENERATION):  # so that both places are full
            for message in (*settings(generation), "ct"):
                if link.control(message) != message:
                    raise ValueError(f"the board did not take {message!r}")
        return board.eeprom


def past(name: str, built: Built, dice: random.Random, records: int) -> bytes:
    """Return a provisioned EEPROM whose log has gone round: `records` good ones up to the newest, the rest noise."""
    header = BoardHeader(name)
    image = bytearray(provisioned(name, built))
    sensors = header.number("SENSOR_COUNT")
    edges = (0, 1000, 2**31 - 50, WRAP - 3000, WRAP - 40, dice.randrange(WRAP))
    units = [dice.choice(edges) for _ in range(sensors)]
    start, size = header.number("LOG_START"), len(encode_record(_none(sensors)))
    slots = header.number("LOG_BYTES") // size
    image[start : start + slots * size] = bytes(dice.randrange(256) for _ in range(slots * size))
    sequence, slot = dice.randrange(256), dice.randrange(slots)
    for age in range(min(records, slots)):
        counters = tuple((value - 7 * age) % WRAP for value in units)
        milli = tuple(dice.randrange(THOUSAND) for _ in range(sensors))
        record = encode_record(CounterRecord((sequence - age) % 256, counters, milli, (0,) * sensors, 3, 5))
        at = start + (slot - age) % slots * size
        image[at : at + size] = record
    return bytes(image)


def _none(sensors: int) -> CounterRecord:
    return CounterRecord(0, (0,) * sensors, (0,) * sensors, (0,) * sensors, 0, 0)


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
    """A board under cuts: its loads, its main board, its supply, and the account of what it may tell and keep."""

    def __init__(self, case: str, name: str, built: Built, image: bytes, seed: int) -> None:
        self.header = BoardHeader(name)
        self.clamps = self.header.number("CLAMP_COUNT")
        self.sensors = self.header.number("SENSOR_COUNT")
        self.outcome = Outcome(case)
        self.board = Board(name, eeprom=image, seed=seed, built=built)
        self.frames: FrameMainBoard | None = None
        self.main_board: MainBoard
        if self.header.number("LINK_SPI"):
            self.main_board = self.frames = FrameMainBoard(self.board, self.sensors, settings(0))
        else:
            self.main_board = LineMainBoard(self.board, sensor_ids(self.header))
        self._kept = [answers(settings(FIRST_GENERATION))]  # what the settings in the EEPROM may be
        self.told: list[int | None] = [None] * self.sensors
        self.record = self._record()
        self.pulses = [0] * self.header.number("PULSE_COUNT")
        self._watts = [0.0] * self.clamps
        self._begin_life()

    def _begin_life(self) -> None:
        self._seen = [0.0] * self.clamps  # Wh, at most, since the record
        self._news: dict[int, int] = {}
        self._wanted: dict[str, str] | None = None
        self._settings_held = False
        self._since_s = self.board.powered_s

    def _record(self) -> CounterRecord:
        record = read_log(self.board.eeprom, self.header)
        if record is None:
            self._break("the EEPROM holds no good record any more")
            return _none(self.sensors)
        return record

    def _break(self, what: str) -> None:
        self.outcome.broken.append(what)
        self.tell(f"BROKEN: {what}")

    def tell(self, what: str) -> None:
        """Add a line to the story."""
        self.outcome.story.append(f"{self.board.time_s:9.4f} s  {what}")

    # -- what happens to it --

    def load(self, *watts: float) -> None:
        """Let the clamps see so many (nominal) watts from now on."""
        self._count_clamps()
        for clamp, value in enumerate(watts):
            self._seen[clamp] += self._wh_per_s(clamp, max(value, self._watts[clamp])) * SETTLING_S
            self.board.clamp_watts(clamp, value)
            self._watts[clamp] = value
        self.tell(f"clamps at {watts} W")

    def _wh_per_s(self, clamp: int, watts: float) -> float:
        return watts * CLAMP_WEIGHTS[clamp] / self.header.number("METERCONST_DEFAULT") / 3600

    def _count_clamps(self) -> None:
        now = self.board.powered_s
        for clamp, watts in enumerate(self._watts):
            self._seen[clamp] += self._wh_per_s(clamp, watts) * (now - self._since_s) * (1 + RATE_ERROR)
        self._since_s = now

    def pulse(self, pulse_input: int) -> None:
        """Make one pulse of 12 ms, bouncing."""
        self.board.pulse(pulse_input, 0.012, 0.012, bounce_s=0.001)
        self.pulses[pulse_input] += 1

    def run(self, seconds: float) -> None:
        """Run, and hear what it says."""
        told = self.main_board.listen(seconds)
        self._count_clamps()
        self.hear(told)
        if self.frames:
            self._hold_the_settings(self.frames)

    def commit(self, generation: int) -> bool:
        """Order other settings and a commit of them, once in a life. False before those of this life were read."""
        if not self.frames or not self._settings_held:
            return False
        changes = changing_settings(generation)
        self._wanted = self.frames.settings | answers(changes)
        self.frames.commit(changes)
        self.tell(f"settings {generation:04x} ordered")
        return True

    def ramp(self, hold_up_s: float) -> None:
        """Let the supply sink to nothing: so long (s) from the comparator's threshold to the brown-out level."""
        if hold_up_s > 0:
            began_s = self.board.time_s
            while self.board.powered:
                sunk = (self.board.time_s - began_s) * (TRIP_V - BROWN_OUT_V) / hold_up_s
                self.board.supply_volts(max(0, SUPPLY_V - sunk))
                self.run(RAMP_STEP_S)
        self.board.power_cut()

    # -- what it is held to --

    def hear(self, told: Sequence[Told]) -> None:
        """Hold what the wire says to the first promise."""
        for news in told:
            before, most = self.told[news.sensor], self._most(news.sensor)
            if news.asked and above(self._reach(self.record, news.sensor), most) > 0:
                most = self._reach(self.record, news.sensor)
            if before is not None and above(news.milli + (THOUSAND - 1 if news.asked else 0), before) < 0:
                self._break(f"counter {news.sensor} went back on the wire from {before} to {news.milli} thousandths")
            if above(news.milli, most) > 0:
                self._break(f"counter {news.sensor} is {news.milli} thousandths on the wire, {most} at most is true")
            if before is None or above(news.milli, before) > 0:
                self.told[news.sensor] = news.milli
            if not news.asked:
                if not self._news and self.outcome.cuts:
                    self.outcome.heard_again += 1
                self._news[news.sensor] = news.milli

    def _most(self, sensor: int) -> int:
        """Return the thousandths that were counted, at most."""
        counted = 0
        if sensor < self.clamps:
            counted = int((self._seen[sensor] + 0.1) * THOUSAND)
        elif sensor < self.clamps + len(self.pulses):
            counted = self._pulsed(sensor)
        return (self._kept_milli(self.record, sensor) + counted) % (WRAP * THOUSAND)

    def _pulsed(self, sensor: int) -> int:
        units, milli = PULSE_WEIGHTS[sensor - self.clamps]
        return self.pulses[sensor - self.clamps] * (units * THOUSAND + milli)

    @staticmethod
    def _kept_milli(record: CounterRecord, sensor: int) -> int:
        return record.units[sensor] * THOUSAND + record.milli[sensor]

    def _reach(self, record: CounterRecord, sensor: int) -> int:
        """Return the thousandths that may have been told while this record was the newest one."""
        if reserve := record.reserve[sensor]:
            return (record.units[sensor] + (1 << reserve)) % WRAP * THOUSAND
        return self._kept_milli(record, sensor)

    def _hold_the_settings(self, frames: FrameMainBoard) -> None:
        for garbled in frames.garbled:
            self._break(f"not a reply: {garbled}")
        frames.garbled.clear()
        if frames.knows_settings and not self._settings_held:
            self._settings_held = True
            if frames.settings not in self._kept:
                read = " ".join(frames.settings.values())
                self._break(f"settings are neither the old nor the new ones: {read}")
            self._kept = [dict(frames.settings)]
        if frames.committed and self._wanted:
            self._kept, self._wanted = [self._wanted], None
            self.tell("settings committed")

    def off(self, how: str, complete: bool) -> None:
        """The power is gone: hold the EEPROM to its promises, then give power again. `complete`: the save had time."""
        self.board.power_cut()
        self.board.cut_at_operation(0)  # an order that did not come to pass
        self._count_clamps()
        self.outcome.cuts += 1
        before, after = self.record, self._record()
        self.tell(f"off: {how}; record {after.sequence}: {after.units} {after.milli} reserve {after.reserve}")
        for sensor in range(self.sensors):
            kept, told = self._kept_milli(after, sensor), self.told[sensor]
            if above(kept, self._kept_milli(before, sensor)) < 0:
                self._break(f"record of counter {sensor} went back from {self._kept_milli(before, sensor)} to {kept}")
            if above(kept, self._most(sensor)) > 0:
                self._break(f"record of counter {sensor} has {kept}, {self._most(sensor)} at most was counted")
            if told is not None and above(self._reach(after, sensor), told) < 0:
                self._break(
                    f"record of counter {sensor} reaches {self._reach(after, sensor)}, the wire was told {told}"
                )
        if complete:
            self._hold_to_a_complete_save(before, after)
        if self.frames and self.frames.committing and self._wanted:
            self._kept.append(self._wanted)
        self.record, self.pulses = after, [0] * len(self.pulses)
        self._begin_life()
        self.main_board.forget()
        self.board.power_on()

    def _hold_to_a_complete_save(self, before: CounterRecord, after: CounterRecord) -> None:
        if after.sequence == before.sequence:
            self._break("the warning was long enough, and nothing was saved")
        for sensor in range(self.sensors):
            kept = self._kept_milli(after, sensor)
            if sensor in self._news and above(kept, self._news[sensor]) < 0:
                self._break(f"counter {sensor} was saved as {kept}, the wire was told {self._news[sensor]}")
            if sensor >= self.clamps and kept != self._most(sensor):
                self._break(f"pulse counter {sensor} was saved as {kept}, {self._most(sensor)} was counted")
