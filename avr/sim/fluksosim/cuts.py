"""Power cuts by the thousand: `python -m fluksosim.cuts [--board B] [--random N] [--seed S] [--linear] [ID ...]`.

With ids it runs exactly these cases and prints what happened. See power_cuts.py for what must hold.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from .build import Built, build
from .cut_board import Outcome
from .power_cuts import BOARDS, CUTS_PER_CASE, linear_cases, replay

CHUNK = 20  # cases a process takes at once


@dataclass
class Tally:
    """What many cases came to: cuts, lives after one whose counters were heard, and the cases that broke a promise."""

    cases: int = 0
    cuts: int = 0
    heard_again: int = 0
    broken: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one case."""
        self.cases += 1
        self.cuts += outcome.cuts
        self.heard_again += outcome.heard_again
        if outcome.broken:
            self.broken.append(outcome)

    def merge(self, other: Tally) -> None:
        """Add what other cases came to."""
        self.cases += other.cases
        self.cuts += other.cuts
        self.heard_again += other.heard_again
        self.broken += other.broken


def random_ids(cuts: int, seed: int, boards: Sequence[str] = BOARDS) -> list[str]:
    """Return the ids of as many random cases as make `cuts` power cuts on each board, the boards in turn."""
    return [f"{board}:r{seed}.{index}" for index in range(-(-cuts // CUTS_PER_CASE)) for board in boards]


def build_all(boards: Sequence[str] = BOARDS) -> dict[str, Built]:
    """Build these boards, by name."""
    return {board: build(board) for board in boards}


def run_some(ids: Iterable[str], built: Mapping[str, Built]) -> Tally:
    """Run these cases one after the other, on what build_all() has returned."""
    tally = Tally()
    for case in ids:
        tally.add(replay(case, built[case.partition(":")[0]]))
    return tally


def run_all(ids: list[str], jobs: int) -> Tally:
    """Run these cases in `jobs` processes."""
    built = build_all()
    if jobs == 1:
        return run_some(ids, built)
    whole = Tally()
    chunks = [ids[i : i + CHUNK] for i in range(0, len(ids), CHUNK)]
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        for part in pool.map(run_some, chunks, [built] * len(chunks)):
            whole.merge(part)
    return whole


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fluksosim.cuts", description="Power cuts on the simulated board.")
    parser.add_argument("case", nargs="*", metavar="REPLAY_ID", help="run this case again, and tell its story")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="make N cuts at random on each board")
    parser.add_argument("--board", choices=BOARDS, action="append", help="cut this one only (default: all of them)")
    parser.add_argument("--seed", type=int, default=1, help="of the random cuts (default: %(default)s)")
    parser.add_argument(
        "--linear", action="store_true", help="cut at every EEPROM operation of a save, a checkpoint and a commit"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all processors)")
    return parser


def main() -> int:
    """Run the command: 0 when all promises held, 1 when not, 2 for a bad request."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.random < 0 or arguments.jobs < 1:
        parser.error("--random needs a number from 0, --jobs one from 1")
    boards = tuple(arguments.board or BOARDS)
    broken = False
    for case in arguments.case:
        try:
            outcome = replay(case)
        except ValueError as error:
            parser.error(str(error))
        print(case, *outcome.story, sep="\n")
        broken = broken or bool(outcome.broken)
    ids = random_ids(arguments.random, arguments.seed, boards)
    if arguments.linear:
        ids += [case for board in boards for case in linear_cases(board, build(board))]
    if not ids and not arguments.case:
        parser.error("nothing to do: give a REPLAY_ID, --random N or --linear")
    if ids:
        began = time.monotonic()
        tally = run_all(ids, arguments.jobs)
        for outcome in tally.broken:
            print(f"{outcome.case}: {outcome.broken[0]}")
        print(
            f"{tally.cuts} cuts in {tally.cases} cases, {time.monotonic() - began:.0f} s:"
            f" {len(tally.broken)} cases broke a promise; counters were heard again in {tally.heard_again} lives"
        )
        broken = broken or bool(tally.broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
