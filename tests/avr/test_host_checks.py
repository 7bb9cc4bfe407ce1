"""The pure C files on the host, and what make promises."""

from __future__ import annotations

import fcntl
import re
import subprocess
from pathlib import Path

import pytest

from fluksosim.board_header import AVR_FOLDER, BoardHeader
from fluksosim.build import BuildError, build


def _make(*arguments: str) -> subprocess.CompletedProcess[str]:
    (AVR_FOLDER / "build").mkdir(exist_ok=True)
    with (AVR_FOLDER / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return subprocess.run(["make", "-C", str(AVR_FOLDER), *arguments], capture_output=True, text=True, timeout=110)


UART_LINK_TESTS = {"factory", "line", "outbox", "ring"}
SPI_LINK_TESTS = {"command", "frame", "settings"}


@pytest.mark.parametrize(("board", "foreign"), [("v1_1", SPI_LINK_TESTS), ("v2_0", UART_LINK_TESTS)])
def test_pure_files_pass_their_tests_and_cppcheck(board: str, foreign: set[str]) -> None:
    made = _make("check", f"BOARD={board}")
    assert made.returncode == 0, made.stdout + made.stderr
    tests = {path.stem.removeprefix("test_") for path in (AVR_FOLDER / "tests").glob("test_*.c")}
    assert foreign < tests
    assert made.stderr.count("[  PASSED  ]") + made.stdout.count("[  PASSED  ]") == len(tests - foreign)


@pytest.mark.parametrize("board", ["v0_1", "v1_1", "v2_0", "uno"])
def test_every_board_builds_within_its_limits(board: str) -> None:
    made = _make(f"BOARD={board}")
    assert made.returncode == 0, made.stdout + made.stderr
    assert (AVR_FOLDER / "build" / board / "firmware.hex").exists()


def test_cppcheck_and_the_compiler_stop_at_a_fault(tmp_path: Path) -> None:
    """The check is worth something only if it can fail."""
    fault = tmp_path / "fault.c"
    fault.write_text("int fault(int i) { int a[2] = {0, 0}; return i > 3 ? a[5] : i; }\n")
    checked = subprocess.run(
        ["cppcheck", "--quiet", "--enable=all", "--error-exitcode=1", str(fault)], capture_output=True
    )
    assert checked.returncode == 1


@pytest.mark.parametrize("limit", ["FLASH_LIMIT=1000", "RAM_LIMIT=100"])
def test_a_firmware_that_is_too_big_is_refused(tmp_path: Path, limit: str) -> None:
    made = _make(f"BUILD={tmp_path}", limit)
    assert made.returncode != 0
    assert "too big" in made.stderr
    assert not (tmp_path / "firmware.elf").exists()


def test_the_report_tells_sizes_and_the_largest_stack_frames() -> None:
    made = _make("-s", "report")
    assert made.returncode == 0, made.stdout + made.stderr
    assert re.search(r"^\.text +\d+", made.stdout, re.MULTILINE)
    frames = [int(size) for size in re.findall(r"^\w+\.c:\d+:\d+:\w+\t(\d+)\tstatic$", made.stdout, re.MULTILINE)]
    assert len(frames) >= 10
    assert frames == sorted(frames, reverse=True)
    assert frames[0] < 128


def test_an_unknown_board_is_refused() -> None:
    made = _make("BOARD=v9")
    assert made.returncode != 0
    assert "v1_1" in made.stderr
    with pytest.raises(BuildError, match="v1_1"):
        build("v9")
    with pytest.raises(ValueError, match="v1_1"):
        BoardHeader("../v1_1")


def test_the_header_is_read_as_the_compiler_does(header: BoardHeader, tmp_path: Path) -> None:
    names = ("F_CPU", "SENSOR_COUNT", "CLAMP_HZ", "BLOCK_TICKS", "LOG_START", "LOG_BYTES", "EEPROM_BYTES")
    program = tmp_path / "print.c"
    prints = "".join(f'printf("%lu\\n", (unsigned long){name});' for name in names)
    program.write_text(
        f'#include <stdio.h>\n#include "{AVR_FOLDER}/boards/v1_1.h"\nint main(void) {{ {prints} return 0; }}\n'
    )
    subprocess.run(["gcc", str(program), "-o", str(tmp_path / "print")], check=True)
    printed = subprocess.run([str(tmp_path / "print")], capture_output=True, text=True, check=True).stdout
    assert [header.number(name) for name in names] == [int(line) for line in printed.split()]
