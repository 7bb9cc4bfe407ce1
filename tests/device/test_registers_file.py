"""The registers over a restart of the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluksod.meter.register import Mark
from fluksod.registers_file import RegistersFile
from tests.device.board import CLAMP, PULSE, Board, pls
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until

MARKS = {CLAMP: Mark(17, 5017, 1_795_000_000.0), PULSE: Mark(0, 1 << 33, 1_795_000_001.0)}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    RegistersFile(tmp_path / "registers.json").save(MARKS)
    assert RegistersFile(tmp_path / "registers.json").load() == MARKS


def test_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    file = RegistersFile(tmp_path / "registers.json")
    file.save(MARKS)
    (tmp_path / "registers.json").unlink()
    file.save({sensor: Mark(mark.raw, mark.total, mark.at + 60) for sensor, mark in MARKS.items()})
    assert not (tmp_path / "registers.json").exists()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"x": [1, 2, 3]}',
        f'{{"{CLAMP}": [1, 2]}}'.encode(),
        f'{{"{CLAMP}": [-1, 2, 3]}}'.encode(),
    ],
)
def test_a_damaged_file_is_moved_aside_and_named(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "registers.json").write_bytes(damage)
    assert RegistersFile(tmp_path / "registers.json").load() == {}
    assert (tmp_path / "registers.damaged").read_bytes() == damage
    assert "registers.damaged" in caplog.text


def test_a_full_disk_is_said_and_survived(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    RegistersFile(tmp_path / "not there" / "registers.json").save(MARKS)
    assert "cannot be written" in caplog.text


async def test_a_board_replaced_while_the_daemon_was_down(tmp_path: Path, board: Board) -> None:
    config = configuration(tmp_path, sensors=sensor_table(CLAMP, "Main", "electricity"))

    async def shows(counter: int) -> bool:
        reading = await fluksod.reading(CLAMP)
        return reading is not None and reading["counter"] == counter

    async with running(config) as fluksod:
        board.send(pls(CLAMP, 5000), pls(CLAMP, 5001))
        await until(lambda: shows(5001))
        assert await fluksod.stop() == 0
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 3), pls(CLAMP, 4), pls(CLAMP, 6))
        await until(lambda: shows(5004))
        await until(lambda: fluksod.said("restarted or replaced"))
