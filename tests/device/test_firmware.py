"""Firmware updates: the real avrdude, our real images and the simulated board that runs them afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fluksod.config.boards import BoardConfig, BoardModel
from fluksod.firmware import by_hand, port
from fluksod.firmware.images import shipped
from fluksod.firmware.update import FirmwareUpdates, UpdateError
from fluksod.link.serial_port import take_lock
from fluksosim.board import Board as Chip
from fluksosim.build import build
from fluksosim.isp import IspSocket
from fluksosim.spi_socket import SpiSocket
from tests.device.board import Board
from tests.device.daemon_process import FLUKSOD, Fluksod, running
from tests.device.programming import (
    BOARD,
    PORT,
    START,
    at_its_port,
    configured,
    counted,
    ended,
    post,
    update,
    with_token,
)
from tests.device.waiting import until
from tests.documented import Page, members

PAGE = Page("docs/protocol.md")
CHIP_ERASE = b"\xac\x80"
READ_LOW_BYTE = 0x20


@pytest.fixture(autouse=True)
def avrdude_is_here() -> None:
    assert shutil.which("avrdude"), "avrdude is missing: scripts/setup checks"


async def test_by_hand_with_fluksod_stopped(tmp_path: Path, board: Board, chip: Chip, isp: IspSocket) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        before = await counted(chip, board, fluksod)
    assert before >= START[0]
    status, printed, errors = await update(isp.environment, config)
    assert (status, errors) == (0, "")
    assert "board: writing fluksod's own for v1_1" in printed
    assert printed.rstrip().endswith("board: 100 % done")
    isp.wait()
    assert chip.fuses[1] & 0x08 == 0, "the fuse that saves the EEPROM was set on the way"
    firmware = tmp_path / "state" / "firmware"
    assert len(list(firmware.glob("board-*.eeprom"))) == 1
    assert (firmware / "writing.json").read_text() == "{}"
    async with running(config, isp.environment) as fluksod:
        assert await counted(chip, board, fluksod) > before


async def test_by_the_running_fluksod(tmp_path: Path, board: Board, chip: Chip, isp: IspSocket) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        before = await counted(chip, board, fluksod)
        told = await fluksod.get("/api/v2/firmware")
        offer = {"name": "board", "model": "v1_1", "written": None, "offered": shipped(BoardModel.V1_1).sha256}
        assert (told["state"], told["boards"]) == ("idle", [offer])
        status, printed, errors = await update(isp.environment, at_its_port(config, fluksod))
        assert (status, errors) == (0, "")
        assert printed.rstrip().endswith("board: 100 % done")
        told = await fluksod.get("/api/v2/firmware")
        assert (told["state"], told["percent"], told["error"]) == ("done", 100, None)
        assert (told["image"], told["before"]) == ("fluksod's own for v1_1", None)
        assert told["sha256"] == shipped(BoardModel.V1_1).sha256
        assert told["boards"] == [{**offer, "written": told["sha256"]}]
        assert members(told) == members(json.loads(PAGE.block_after("`GET /api/v2/firmware`", "json")))
        isp.wait()

        async def open_again() -> bool:
            return "no line" in ((await fluksod.get("/api/v2/device"))["board"]["error"] or "")

        await until(open_again)
        assert await counted(chip, board, fluksod) > before
        assert not fluksod.said("fault of fluksod"), fluksod.log


SPI_BOARD = f"""
[device]
state = "state"
[lan]
host = "127.0.0.1"
port = 0
mdns = false
%s
[board]
port = "/dev/spidev0.0"
link = "spi"
model = "v2_0"
programmer_port = "{PORT}"
[[sensor]]
name = "Water"
type = "water"
port = 5
"""


@pytest.fixture
def spi(tmp_path: Path) -> Iterator[SpiSocket]:
    """A board v2_0 whose SPI is both its link and its programming interface, as on the board's header."""
    build("v2_0")
    with Chip("v2_0") as chip:
        chip.run_for(1)
        with SpiSocket(chip, tmp_path / "spi") as spi:
            yield spi


async def water(fluksod: Fluksod) -> float | None:
    """What the water meter shows."""
    sensors = (await fluksod.get("/api/v2/sensors"))["sensors"]
    readings = [shown["reading"] for shown in sensors if shown["name"] == "Water"]
    return readings[0]["counter"] if readings and readings[0] else None


async def test_a_board_on_spi_over_the_wires_of_its_link(tmp_path: Path, spi: SpiSocket) -> None:
    config = tmp_path / "fluksod.toml"
    config.write_text(SPI_BOARD % with_token(tmp_path))
    async with running(config, spi.environment) as fluksod:

        async def connected() -> bool:
            return bool((await fluksod.get("/api/v2/device"))["board"]["connected"])

        await until(connected)

        async def shows(counter: int) -> None:
            async def probe() -> bool:
                return await water(fluksod) == counter

            await until(probe)

        with spi.held() as chip:
            for _ in range(7):
                chip.pulse(1)
        await shows(7)
        async with post(fluksod) as answer:
            assert (answer.status, (await answer.json())["state"]) == (202, "updating")
        async with post(fluksod) as answer:
            assert (answer.status, "runs already" in (await answer.json())["error"]) == (409, True)

        async def says_why() -> bool:
            shown = (await fluksod.get("/api/v2/device"))["board"]
            return (shown["connected"], shown["error"]) == (False, "it gets another firmware")

        await until(says_why)
        told = await ended(fluksod)
        assert (told["state"], told["error"]) == ("done", None), told
        await until(connected)
        with spi.held() as chip:
            assert chip.fuses[1] & 0x08 == 0
            for _ in range(2):
                chip.pulse(1)
        await shows(9)
        assert not fluksod.said("fault of fluksod"), fluksod.log


async def test_a_board_on_spi_of_another_hardware_is_left_alone(tmp_path: Path, spi: SpiSocket) -> None:
    config = tmp_path / "fluksod.toml"
    config.write_text((SPI_BOARD % "").replace('link = "spi"', 'link = "spi"\nhardware = "3.1"'))
    status, _, errors = await update(spi.environment, config)
    assert (status, "the board is of hardware 2.0, the configuration is for 3.1" in errors) == (1, True), errors
    assert spi.instructions == 0, "nothing was said to its programming interface"


async def test_nobody_updates_without_the_token(tmp_path: Path, board: Board) -> None:
    config = configured(tmp_path, token=False)
    async with running(config) as fluksod:
        async with post(fluksod) as answer:
            assert answer.status == 403
        status, _, errors = await update(os.environ, at_its_port(config, fluksod))
        assert (status, "name a token_file in [lan]" in errors) == (1, True)


async def test_a_wrong_request_begins_nothing(tmp_path: Path, board: Board) -> None:
    async with running(configured(tmp_path)) as fluksod:
        for content in (b"[]", b"{", b'{"board": 5}', b'{"bord": "x"}', b'{"board": "x"}'):
            async with post(fluksod, content) as answer:
                assert answer.status == (409 if b'"board": "x"' in content else 400)
                assert (await answer.json())["error"]
        assert (await fluksod.get("/api/v2/firmware"))["state"] == "idle"


async def begun(environment: dict[str, str], config: Path, isp: IspSocket) -> asyncio.subprocess.Process:
    """An update by hand, in a process group of its own, that is in the middle of the flash."""
    process = await asyncio.create_subprocess_exec(
        *(FLUKSOD, "firmware", "update", "--config", str(config)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    mark = config.parent / "state" / "firmware" / "writing.json"
    await until(mark.exists)
    start = isp.instructions
    await until(lambda: isp.instructions > start + 1500)
    return process


async def test_killed_in_the_middle_it_says_so_and_the_next_run_recovers_the_board(
    tmp_path: Path, board: Board, chip: Chip, isp: IspSocket
) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        before = await counted(chip, board, fluksod)
    process = await begun(isp.environment, config, isp)
    os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    isp.wait()
    async with running(config, isp.environment) as fluksod:
        told = await fluksod.get("/api/v2/firmware")
        assert (told["state"], told["board"]) == ("failed", "board")
        assert "was broken off; run it again" in told["error"]
        assert fluksod.said("was broken off")
    status, _, errors = await update(isp.environment, config)
    assert status == 0, errors
    assert "was broken off; run it again" in errors
    isp.wait()
    async with running(config, isp.environment) as fluksod:
        assert (await fluksod.get("/api/v2/firmware"))["state"] == "idle"
        assert await counted(chip, board, fluksod) > before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_in_the_middle_it_says_what_to_do_and_leaves_no_avrdude_behind(
    tmp_path: Path, board: Board, isp: IspSocket, number: signal.Signals
) -> None:
    process = await begun(isp.environment, configured(tmp_path), isp)
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors.decode().splitlines()[-1]) == (
        1,
        "fluksod: it was broken off, and the board may be without firmware; run it again",
    )
    isp.wait()
    assert "board-" in (tmp_path / "state" / "firmware" / "writing.json").read_text()


async def test_a_fluksod_that_ends_in_the_middle_leaves_no_avrdude_behind_and_says_so_when_it_is_back(
    tmp_path: Path, board: Board, isp: IspSocket
) -> None:
    config = configured(tmp_path)
    async with running(config, isp.environment) as fluksod:
        async with post(fluksod) as answer:
            assert answer.status == 202
        await until((tmp_path / "state" / "firmware" / "writing.json").exists)
        assert await fluksod.stop() == 0
    isp.wait()
    async with running(config, isp.environment) as fluksod:
        told = await fluksod.get("/api/v2/firmware")
        assert (told["state"], told["board"]) == ("failed", "board")


async def updated(folder: Path, isp: IspSocket | None, board: BoardConfig, path: str | None = None) -> FirmwareUpdates:
    """Try an update in this process, whose avrdude finds the board of `isp`."""
    updates = FirmwareUpdates(folder / "firmware")
    image = shipped(board.model)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LD_PRELOAD", "FLUKSOSIM_ISP"):
            if isp is not None:
                patch.setenv(name, isp.environment[name])
        if path is not None:
            patch.setenv("PATH", path)
        updates.begin(board, image)
        try:
            await updates.write(board, image)
        finally:
            if isp is not None:
                await asyncio.to_thread(isp.wait)
    return updates


async def test_a_chip_of_another_kind_is_refused_and_left_alone(tmp_path: Path, chip: Chip, isp: IspSocket) -> None:
    eeprom = chip.eeprom
    with pytest.raises(UpdateError, match=r"expected signature .* model in .* names: correct it"):
        await updated(tmp_path, isp, replace(BOARD, model=BoardModel.UNO))
    assert chip.eeprom == eeprom
    assert not (tmp_path / "firmware" / "writing.json").exists()
    assert [line.text for line in chip.run_for(3) if line.text.startswith("pls")]


@contextmanager
def wired_wrong(chip: Chip, answer: Callable[[bytes, bytes], bytes]) -> Iterator[None]:
    """Let `answer` change what the programming interface says: it is given what was sent and the right answer."""
    right = chip.isp
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chip, "isp", lambda sent: answer(sent, right(sent)))
        yield


def flipped(sent: bytes, right: bytes) -> bytes:
    """One byte of the flash reads back wrong."""
    spoilt = sent[0] == READ_LOW_BYTE and sent[2] == 0x40
    return right[:3] + bytes([right[3] ^ 1]) if spoilt else right


async def test_what_does_not_read_back_as_written_is_told_and_written_again_by_the_next_run(
    tmp_path: Path, chip: Chip, isp: IspSocket
) -> None:
    with (
        wired_wrong(chip, flipped),
        pytest.raises(UpdateError, match="avrdude: verification mismatch; run it again"),
    ):
        await updated(tmp_path, isp, BOARD)
    after = FirmwareUpdates(tmp_path / "firmware")
    assert after.state.state == "failed"
    assert after.written("board") is None
    after = await updated(tmp_path, isp, BOARD)
    assert (after.state.state, after.written("board")) == ("done", shipped(BoardModel.V1_1).sha256)
    assert FirmwareUpdates(tmp_path / "firmware").state.state == "idle"


async def test_an_eeprom_that_was_lost_on_the_way_is_written_back(
    tmp_path: Path, chip: Chip, isp: IspSocket, caplog: pytest.LogCaptureFixture
) -> None:
    chip.power_cut(0.2)  # the counters of SRAM go into the EEPROM
    chip.power_on()
    chip.run_for(1)
    saved = chip.eeprom

    def erased_whatever_the_fuse_says(sent: bytes, right: bytes) -> bytes:
        if sent[:2] == CHIP_ERASE:
            chip.load_eeprom(b"\xff" * len(saved))
        return right

    with wired_wrong(chip, erased_whatever_the_fuse_says):
        await updated(tmp_path, isp, BOARD)
    assert "its copy is written back" in caplog.text
    assert chip.eeprom == saved


async def test_counters_from_before_a_failed_update_outlast_its_repetition(
    tmp_path: Path, chip: Chip, isp: IspSocket
) -> None:
    """What is in the EEPROM after half a firmware has run is no copy to go back to."""
    saved = chip.eeprom
    with wired_wrong(chip, flipped), pytest.raises(UpdateError):
        await updated(tmp_path, isp, BOARD)
    copies = list((tmp_path / "firmware").glob("*.eeprom"))
    assert [copy.read_bytes() for copy in copies] == [saved]
    chip.load_eeprom(b"\xff" * len(saved))
    await updated(tmp_path, isp, BOARD)
    assert chip.eeprom == saved


async def test_without_avrdude_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="sudo apt-get install avrdude"):
        await updated(tmp_path, None, BOARD, path=str(tmp_path))


async def test_a_programmer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match=r"unable to open .* is programmer_port right"):
        await updated(tmp_path, None, replace(BOARD, programmer_port="/dev/spidev9.9:/dev/gpiochip9:25"))


async def test_a_board_whose_port_another_program_holds(
    tmp_path: Path, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "PATIENCE", 0)
    handle = os.open(board.path, os.O_RDWR | os.O_NOCTTY)
    try:
        take_lock(handle, str(board.path))
        with pytest.raises(UpdateError, match="is in use by"):
            await updated(tmp_path, None, replace(BOARD, port=str(board.path)))
    finally:
        os.close(handle)
    assert not (tmp_path / "firmware" / "writing.json").exists()


def test_one_update_at_a_time(tmp_path: Path) -> None:
    updates = FirmwareUpdates(tmp_path / "firmware")
    updates.begin(BOARD, shipped(BoardModel.V1_1))
    assert updates.state.state == "updating"
    with pytest.raises(UpdateError, match="'board' runs already"):
        updates.begin(replace(BOARD, name="attic"), shipped(BoardModel.V1_1))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_nothing_that_the_user_of_fluksod_cannot_write(tmp_path: Path) -> None:
    folder = tmp_path / "firmware"
    folder.mkdir()
    (folder / "written.json").write_text("{}")
    os.chown(tmp_path, 12345, 12345)
    by_hand.give_to_owner(folder)
    assert {path.stat().st_uid for path in (folder, folder / "written.json")} == {12345}
