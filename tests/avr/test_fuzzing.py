"""libFuzzer on what reads bytes from outside, a few seconds each, from the corpus kept in avr/tests/corpus."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from fluksosim.board_header import AVR_FOLDER

TESTS = AVR_FOLDER / "tests"
FUZZERS = sorted(path.stem.removeprefix("fuzz_") for path in (TESTS / "fuzz").glob("fuzz_*.c"))
# Which board a fuzzer is built for, where it is not v1_1: the SPI link's parsers are part of v2_0 only.
BOARDS = {"command": "v2_0", "frame": "v2_0"}
SECONDS = 3


def _make(name: str, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(AVR_FOLDER), f"BOARD={BOARDS.get(name, 'v1_1')}", f"fuzz-{name}", *arguments]
    environment = os.environ | ({"PATH": path} if path else {})
    return subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", timeout=110)


@pytest.mark.parametrize("name", FUZZERS)
def test_nothing_from_outside_breaks_it(name: str) -> None:
    """A failure prints the input in base64; it becomes a file in the corpus or a test of its own."""
    assert any((TESTS / "corpus" / name).iterdir()), "keep a corpus: make fuzz-corpus-NAME"
    run = _make(name, f"FUZZ_SECONDS={SECONDS}")
    assert run.returncode == 0, run.stdout + run.stderr
    executed = re.search(r"stat::number_of_executed_units: (\d+)", run.stderr)
    assert executed, run.stderr
    assert int(executed[1]) > 1000


def test_without_clang_it_says_which_packages_are_needed(tmp_path: Path) -> None:
    """A check that cannot run must not look like one that has passed."""
    for tool in ("make", "sh", "sed", "uname", "test", "echo", "mkdir"):
        found = subprocess.run(["sh", "-c", f"command -v {tool}"], capture_output=True, text=True, check=True).stdout
        if found.startswith("/"):
            (tmp_path / tool).symlink_to(found.strip())
    run = _make("counter_log", f"FUZZ={tmp_path}/out", path=str(tmp_path))
    assert run.returncode != 0
    assert "apt-get install clang libclang-rt-dev" in run.stderr
