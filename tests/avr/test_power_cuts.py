"""Power cuts at every EEPROM operation and at random moments; each case can be run again by its id."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

from fluksosim.board_header import AVR_FOLDER, BoardHeader
from fluksosim.build import Built, build
from fluksosim.cuts import random_ids, run_some
from fluksosim.power_cuts import BOARD, CutBoard, above, linear_cases, past, replay

RANDOM_CUTS = 300
SHARES = 4  # the cases are shared out between tests, so that they run in parallel


@pytest.fixture(scope="module")
def built() -> Built:
    """Firmware and simulator."""
    return build(BOARD)


@pytest.mark.parametrize("share", range(SHARES))
def test_a_cut_at_every_eeprom_operation_of_a_save_and_of_a_checkpoint(built: Built, share: int) -> None:
    """Whatever the cut leaves in the byte on its way: old, new, erased, or anything (of a checkpoint: two of these)."""
    every = linear_cases(built)
    saves = [case for case in every if case.startswith("save.")]
    checkpoints = [case for case in every if case.startswith("checkpoint.")]
    assert len(saves) / 4 > 25
    assert len(checkpoints) / 4 > 80  # with the clearing of two slots
    cases = saves + [case for i, case in enumerate(checkpoints) if i % 4 in (i // 4 % 4, (i // 4 + 1) % 4)]
    tally = run_some(cases[share::SHARES], built)
    assert [f"{outcome.case}: {outcome.broken}" for outcome in tally.broken] == []
    assert tally.cuts == 2 * tally.cases
    assert tally.heard_again > tally.cases / 2


@pytest.mark.parametrize("share", range(SHARES))
def test_random_cuts_never_take_a_counter_back_nor_corrupt_one(built: Built, share: int) -> None:
    """Ramps long and short, cuts at once, in a byte, in the save, after dips, in a sag; counters wrap (trap 10)."""
    tally = run_some(random_ids(RANDOM_CUTS, seed=1)[share::SHARES], built)
    assert [f"{outcome.case}: {outcome.broken}" for outcome in tally.broken] == []
    assert tally.cuts == RANDOM_CUTS / SHARES
    assert tally.heard_again > tally.cuts / 5  # held back after most cuts without warning, but not after the others


def test_a_case_is_the_same_each_time(built: Built) -> None:
    for case in ("r3.5", "save.4.erased", "checkpoint.7.anything"):
        first = replay(case, built)
        assert first.story == replay(case, built).story
        assert len(first.story) > 3


def test_a_counter_that_goes_back_would_be_noticed(built: Built) -> None:
    """The check is worth something only if it can fail: an EEPROM from yesterday, and one that is no more."""
    old = past(BoardHeader(BOARD), random.Random(1), 13)
    for image, complaint in ((old, "went back"), (b"\xff" * len(old), "no good record")):
        cut = CutBoard("by hand", built, old, 1)
        with cut.board:
            cut.load(9000, 9000)
            cut.run(0.5)
            cut.ramp(0.15)
            cut.off("ramp", complete=True)
            cut.run(0.3)
            cut.ramp(0.15)
            assert cut.outcome.broken == []
            cut.board.load_eeprom(image)
            cut.off("ramp", complete=False)
            assert any(complaint in broken for broken in cut.outcome.broken)
            assert any("BROKEN" in line for line in cut.outcome.story)


def test_counters_are_compared_across_the_wrap() -> None:
    """Trap 10."""
    assert above(3, 2**32 - 2) == 5
    assert above(2**32 - 2, 3) == -5
    assert above(7, 7) == 0


def _cuts(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fluksosim.cuts", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(AVR_FOLDER / "sim")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_an_id_tells_its_story_again_and_a_wrong_one_is_refused() -> None:
    told = _cuts("r1.3", "save.2.old")
    assert told.returncode == 0, told.stderr
    assert re.search(r"^ +\d+\.\d{4} s  off: ", told.stdout, re.MULTILINE)
    many = _cuts("--random", "10", "--jobs", "2")
    assert many.returncode == 0
    assert many.stdout.startswith("10 cuts in 2 cases")
    for wrong in ("r1", "rx.1", "save.1", "save.1.half", "quux.1.old", "r1.2.3"):
        refused = _cuts(wrong)
        assert refused.returncode == 2
        assert "is no id of a power cut" in refused.stderr
    assert _cuts().returncode == 2
    assert _cuts("--random", "-1").returncode == 2
