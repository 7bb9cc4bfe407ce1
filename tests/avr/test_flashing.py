"""The real avrdude flashes the real firmware into the simulated chip: the documented command, updates, accidents."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fluksosim.board import Board
from fluksosim.board_header import AVR_FOLDER, BoardHeader
from fluksosim.build import build
from fluksosim.eeprom_image import read_log
from fluksosim.isp import IspSocket
from fluksosim.native import SimulatorError
from tests.avr.hearing import START, Hear

ERASE = b"\xac\x80\0\0"
ENABLE = b"\xac\x53\0\0"
FACTORY_FUSES = (0x62, 0xDF, 0xF9)
FIRMWARE = AVR_FOLDER / "build" / "v1_1" / "firmware.hex"


@pytest.fixture(autouse=True)
def _installed(header: BoardHeader) -> None:
    assert shutil.which("avrdude"), "avrdude is missing; on Debian: apt-get install avrdude"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a path short enough for a unix socket."""
    return tmp_path_factory.mktemp("i")


@pytest.fixture
def isp(board: Board, folder: Path) -> Iterator[IspSocket]:
    """The programming interface of a provisioned board that has already counted for a while."""
    board.clamp_watts(0, 9000)
    board.run_for(5)
    with IspSocket(board, folder / "isp") as served:
        yield served


def _avrdude(isp: IspSocket, *memories: str) -> subprocess.CompletedProcess[str]:
    command = ["avrdude", "-p", "m168", *isp.avrdude]
    for memory in memories:
        command += ["-U", memory]
    return isp.run(command)


def _documented() -> list[str]:
    """Return the arguments of the avrdude command in docs/board.md, with its programmer left out."""
    page = (AVR_FOLDER.parent / "docs" / "board.md").read_text(encoding="utf-8")
    found = re.search(r"^avrdude (-p m168 (?:.*\\\n)*.*)$", page, re.MULTILINE)
    assert found, "docs/board.md tells no avrdude command"
    words = shlex.split(found[1].replace("\\\n", " "))
    programmer = words.index("-c")
    assert words[programmer + 1] == "usbasp"
    return words[:programmer] + words[programmer + 2 :]


def test_the_documented_command_makes_a_board_of_a_fresh_chip(
    make_board: Callable[..., Board], image: bytes, folder: Path, heard: Hear
) -> None:
    blank = make_board(eeprom=b"\xff" * len(image))
    blank.hold_reset(True)
    blank.isp(ENABLE)
    blank.isp(ERASE)
    assert blank.fuses[:3] == FACTORY_FUSES
    eeprom = folder / "my-board.eeprom"
    eeprom.write_bytes(image)
    arguments = [word.replace("avr/build/v1_1/firmware.hex", str(FIRMWARE)) for word in _documented()]
    arguments = [word.replace("my-board.eeprom", str(eeprom)) for word in arguments]
    with IspSocket(blank, folder / "isp") as isp:
        run = isp.run(["avrdude", *isp.avrdude, *arguments])
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("verified") >= 4, run.stderr
    assert blank.fuses[:3] == (0xE2, 0xD5, FACTORY_FUSES[2])
    assert blank.eeprom == image
    assert heard(blank.run_for(2)).told == [[counter] for counter in START]


def test_an_update_of_a_running_board_keeps_its_counters(board: Board, isp: IspSocket, heard: Hear) -> None:
    """The fuses first, as on every board of ours: EESAVE saves the EEPROM from the erase that an update begins with."""
    assert _avrdude(isp, "lfuse:w:0xE2:m", "hfuse:w:0xD5:m").returncode == 0
    before = heard(board.run_for(5)).counters[0][-1]
    other = build("v1_1", power_up_silence_s=20).firmware_hex
    for firmware in (other, FIRMWARE):
        eeprom = board.eeprom
        run = _avrdude(isp, f"flash:w:{firmware}:i")
        assert run.returncode == 0, run.stderr
        assert "verified" in run.stderr
        assert board.eeprom == eeprom
        lines = board.run_for(4)
        if firmware == other:
            assert [line.text for line in lines if line.text] == []  # it is the other one: silent for 20 s
    said = heard(lines)
    assert said.counters[0][0] > before
    assert said.counters[0] == sorted(said.counters[0])
    assert said.messages == []  # SRAM has kept everything
    board.power_cut(0.2)
    board.power_on()
    assert heard(board.run_for(2)).told[0][0] >= said.counters[0][-1]


def test_without_the_eesave_fuse_the_counters_would_be_gone(board: Board, isp: IspSocket, header: BoardHeader) -> None:
    """The reason for the fuse; and a proof that the simulated chip erases as the real one."""
    assert _avrdude(isp, f"flash:w:{FIRMWARE}:i").returncode == 0
    assert read_log(board.eeprom, header) is None
    assert "msg NO SENSOR IDS" in [line.text for line in board.run_for(3)]


def test_after_a_killed_avrdude_the_next_run_recovers_the_board(
    board: Board, isp: IspSocket, header: BoardHeader, heard: Hear
) -> None:
    assert _avrdude(isp, "hfuse:w:0xD5:m").returncode == 0
    before = heard(board.run_for(3)).counters[0][-1]
    command = ["avrdude", "-p", "m168", *isp.avrdude, "-U", f"flash:w:{FIRMWARE}:i"]
    start = isp.instructions
    killed = subprocess.Popen(command, env=isp.environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while isp.instructions < start + 2000:  # half of the flash is still erased
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    isp.wait()
    assert not board.held  # the kernel lets the line go, as with a real one
    with contextlib.suppress(SimulatorError):  # half a firmware runs into nonsense
        assert [line for line in board.run_for(1) if line.text.startswith("pls")] == []
    run = _avrdude(isp, f"flash:w:{FIRMWARE}:i")
    assert run.returncode == 0, run.stderr
    said = heard(board.run_for(4))
    assert said.powers[0][-1] > 8000
    assert all(counter >= before for counter in said.told[0])  # none, where the nonsense has run over SRAM: held back
    board.power_cut(0.2)
    record = read_log(board.eeprom, header)
    assert record is not None
    assert record.units[0] + (1 << record.reserve[0]) > before


def test_a_wrong_image_is_refused_or_leaves_a_board_that_the_next_run_recovers(
    board: Board, isp: IspSocket, folder: Path, heard: Hear
) -> None:
    assert _avrdude(isp, "hfuse:w:0xD5:m").returncode == 0
    broken = folder / "broken.hex"
    text = FIRMWARE.read_text()
    broken.write_text(text[: len(text) // 2] + "?" + text[len(text) // 2 :])
    assert _avrdude(isp, f"flash:w:{broken}:i").returncode != 0
    wrong_chip = isp.run(["avrdude", "-p", "m328p", *isp.avrdude, "-U", f"flash:w:{FIRMWARE}:i"])
    assert wrong_chip.returncode != 0
    assert "signature" in wrong_chip.stderr
    noise = folder / "noise.bin"
    noise.write_bytes(bytes(range(256)) * 8)
    assert _avrdude(isp, f"flash:w:{noise}:r").returncode == 0
    with contextlib.suppress(SimulatorError):
        board.run_for(0.2)
    assert _avrdude(isp, f"flash:w:{FIRMWARE}:i").returncode == 0
    assert heard(board.run_for(3)).powers[0][-1] > 8000


def test_the_chip_answers_its_programmer_only_in_reset(board: Board) -> None:
    assert board.isp(ENABLE) == b"\xff" * 4
    board.hold_reset(True)
    assert board.isp(b"\x30\0\0\0") == b"\xff" * 4  # not enabled yet
    assert board.isp(ENABLE)[2] == 0x53
    assert [board.isp(bytes((0x30, 0, i, 0)))[3] for i in range(3)] == [0x1E, 0x94, 0x06]
    at = board.time_s
    assert board.run_for(1) == []
    assert board.time_s == pytest.approx(at + 1)
    board.hold_reset(False)
    assert len(board.run_for(2)) > 4
