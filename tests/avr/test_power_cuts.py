"""Power cuts at every EEPROM operation and at random moments; each case can be run again by its id."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

from fluksosim.board_header import AVR_FOLDER
from fluksosim.build import Built
from fluksosim.cut_board import THOUSAND, CutBoard, above, past
from fluksosim.cuts import build_all, random_ids, run_some
from fluksosim.power_cuts import BOARDS, linear_cases, replay

RANDOM_CUTS = 300  # on each board
SHARES = 4  # the cases are shared out between tests, so that they run in parallel


@pytest.fixture(scope="module")
def built() -> dict[str, Built]:
    """Firmware and simulator of each board."""
    return build_all()


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("board", BOARDS)
def test_a_cut_at_every_eeprom_operation_of_save_checkpoint_and_commit(
    built: dict[str, Built], board: str, share: int
) -> None:
    """Whatever a cut leaves in the byte on its way: old, new, erased, or anything (a save: all of these; else one)."""
    every = linear_cases(board, built[board])
    of_kind = {kind: [case for case in every if f":{kind}." in case] for kind in ("save", "checkpoint", "commit")}
    assert len(of_kind["save"]) / 4 > 25
    assert len(of_kind["checkpoint"]) / 4 > 80  # with the clearing of two slots
    assert (len(of_kind["commit"]) / 4 > 40) == (board == "v2_0")
    others = of_kind["checkpoint"] + of_kind["commit"]
    cases = of_kind["save"] + [case for i, case in enumerate(others) if i % 4 == i // 4 % 4]
    tally = run_some(cases[share::SHARES], built)
    assert [f"{outcome.case}: {outcome.broken}" for outcome in tally.broken] == []
    assert tally.cuts == 2 * tally.cases
    assert tally.heard_again > tally.cases / 2


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("board", BOARDS)
def test_random_cuts_never_take_a_counter_back_nor_corrupt_one(built: dict[str, Built], board: str, share: int) -> None:
    """Ramps long and short, cuts at once, in a byte, in the save, after dips, in a sag; counters wrap (trap 10)."""
    tally = run_some(random_ids(RANDOM_CUTS, 1, [board])[share::SHARES], built)
    assert [f"{outcome.case}: {outcome.broken}" for outcome in tally.broken] == []
    assert tally.cuts == RANDOM_CUTS / SHARES
    assert tally.heard_again > tally.cuts / 5  # held back after most cuts without warning, but not after the others


def test_a_case_is_the_same_each_time() -> None:
    for case in ("v1_1:r3.5", "v2_0:r3.6", "v1_1:save.4.erased", "v2_0:commit.7.anything"):
        first = replay(case)
        assert first.story == replay(case).story
        assert len(first.story) > 3


@pytest.mark.parametrize("board", BOARDS)
def test_a_counter_that_goes_back_would_be_noticed(built: dict[str, Built], board: str) -> None:
    """The check is worth something only if it can fail: an EEPROM from yesterday, and one that is no more."""
    old = past(board, built[board], random.Random(1), 13)
    for image, complaint in ((old, "went back"), (b"\xff" * len(old), "no good record")):
        cut = CutBoard("by hand", board, built[board], old, 1)
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
    assert above(3 * THOUSAND, (2**32 - 2) * THOUSAND) == 5 * THOUSAND
    assert above((2**32 - 2) * THOUSAND, 3 * THOUSAND) == -5 * THOUSAND
    assert above(7, 7) == 0


def _cuts(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fluksosim.cuts", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(AVR_FOLDER / "sim")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_an_id_tells_its_story_again_and_a_wrong_one_is_refused() -> None:
    told = _cuts("v1_1:r1.3", "v2_0:save.2.old")
    assert told.returncode == 0, told.stderr
    assert re.search(r"^ +\d+\.\d{4} s  off: ", told.stdout, re.MULTILINE)
    many = _cuts("--random", "10", "--jobs", "2", "--board", "v2_0")
    assert many.returncode == 0
    assert many.stdout.startswith("10 cuts in 2 cases")
    for wrong in (
        "r1.2",
        "v2_0:r1",
        "v2_0:rx.1",
        "v9:r1.1",
        "v1_1:save.1",
        "v1_1:save.1.half",
        "v1_1:quux.1.old",
        "v1_1:commit.1.old",
    ):
        refused = _cuts(wrong)
        assert refused.returncode == 2
        assert "is no id of a power cut" in refused.stderr
    assert _cuts().returncode == 2
    assert _cuts("--random", "-1").returncode == 2
