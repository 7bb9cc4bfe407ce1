"""Counters that survive: power cuts by the thousand, and how long the EEPROM lasts."""

from __future__ import annotations

import time

from bench.figure import Effort, Figure, Figures
from fluksosim.cuts import Tally, build_all, random_ids, run_some
from fluksosim.eeprom_life import full_load_days, household_days
from fluksosim.eeprom_life import measure as measure_life
from fluksosim.power_cuts import BOARDS, linear_cases

SEED = 2026
CUTS = 10_000
SHORT_S = 12.0
CHUNK = 10  # cases between two looks at the clock
NEW_YEAR_2026 = 1767225600 - 3600  # local midnight


def _cuts(ids: list[str], seconds: float | None) -> Tally:
    """Run the cases, or as many as fit `seconds`."""
    built, whole = build_all(), Tally()
    until = None if seconds is None else time.monotonic() + seconds
    for first in range(0, len(ids), CHUNK):
        if until is not None and time.monotonic() >= until:
            break
        whole.merge(run_some(ids[first : first + CHUNK], built))
    return whole


def measure_cuts(effort: Effort) -> Figures:
    """Measure power_cuts and counter_regressions; the linear ones belong to the full effort only."""
    if effort is Effort.FULL:
        built = build_all()
        ids = random_ids(CUTS // len(BOARDS), SEED) + [
            case for board in BOARDS for case in linear_cases(board, built[board])
        ]
        tally = _cuts(ids, None)
    else:
        tally = _cuts(random_ids(CUTS, SEED), SHORT_S if effort is Effort.SHORT else 1.0)
    kinds = f"{' and '.join(BOARDS)} alike, seed {SEED}: ramps, cuts at once, in EEPROM bytes, dips and sags"
    if effort is Effort.FULL:
        kinds += "; and every EEPROM operation of a save, a checkpoint and a commit"
    told = f"cases that broke a promise; {tally.heard_again} lives after a cut were heard on the wire"
    if tally.broken:
        told += "; run again with python -m fluksosim.cuts " + " ".join(outcome.case for outcome in tally.broken[:5])
    return {
        "power_cuts": Figure(tally.cuts, "cuts", kinds),
        "counter_regressions": Figure(len(tally.broken), "cases", told),
    }


def measure_eeprom_life(effort: Effort) -> Figures:
    """Measure eeprom_life_years: the most worn byte, in the simulated household through the seasons."""
    days, every = {Effort.FULL: (364, 1), Effort.SHORT: (28, 13), Effort.GLANCE: (4, 91)}[effort]
    lives = {board: measure_life(household_days(NEW_YEAR_2026, days, every), board) for board in BOARDS}
    full = {board: measure_life(full_load_days(4), board) for board in BOARDS}
    told = ", ".join(
        f"{board} {life.years:.1f} ({life.records_a_day:.0f} records a day; at full load {full[board].years:.0f})"
        for board, life in lives.items()
    )
    against = f"household, {days} days of a year, 100,000 write/erase cycles a byte: {told}"
    return {"eeprom_life_years": Figure(round(min(life.years for life in lives.values()), 1), "years", against)}
