"""A real fluksod with the real spidev package, and our real firmware v2_0 behind it: only the wires are simulated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fluksosim.board import Board as Chip
from fluksosim.build import build
from fluksosim.spi_socket import SpiSocket
from tests.device.board import CLAMP, Board, pwr
from tests.device.daemon_process import running
from tests.device.waiting import until

BOARDS = """
[device]
state = "state"
[lan]
host = "127.0.0.1"
port = 0
mdns = false
[[board]]
name = "attic"
port = "board"
[[board]]
name = "cellar"
port = "/dev/spidev0.0"
link = "spi"
[[sensor]]
name = "Main"
type = "electricity"
port = [1, 2, 3]
[[sensor]]
name = "Water"
type = "water"
port = 5
constant = 0.5
"""


@pytest.fixture
def spi(tmp_path: Path) -> Iterator[SpiSocket]:
    """A board v2_0 a second after power-up, at a socket."""
    build("v2_0")
    with Chip("v2_0") as chip:
        chip.run_for(1)
        with SpiSocket(chip, tmp_path / "spi") as spi:
            yield spi


async def test_two_boards_at_once(tmp_path: Path, board: Board, spi: SpiSocket) -> None:
    config = tmp_path / "fluksod.toml"
    config.write_text(BOARDS)
    async with running(config, spi.environment) as fluksod:

        async def states() -> list[bool]:
            device = await fluksod.get("/api/v2/device")
            assert device["board"].items() <= device["boards"][0].items()
            return [shown["connected"] for shown in device["boards"]]

        board.send(pwr(CLAMP, 100), pwr(CLAMP, 101))

        async def both() -> bool:
            return await states() == [True, True]

        await until(both)
        device = await fluksod.get("/api/v2/device")
        assert [(shown["name"], shown["link"]) for shown in device["boards"]] == [("attic", "uart"), ("cellar", "spi")]
        with spi.held() as chip:
            for clamp in range(3):
                chip.clamp_watts(clamp, 1000)
            for _ in range(3):
                chip.pulse(1)

        async def counted() -> bool:
            shown = {s["name"]: s["reading"] for s in (await fluksod.get("/api/v2/sensors"))["sensors"]}
            main, water = shown["Main"], shown["Water"]
            return bool(main and water and abs(main["gauge"] - 3000) < 30 and water["counter"] == 1.5)

        await until(counted)
        sensors = (await fluksod.get("/api/v2/sensors"))["sensors"]
        ids = {shown["name"]: shown["id"] for shown in sensors}
        assert len(set(ids.values())) == len(ids) == 3
    async with running(config, spi.environment) as fluksod:
        again = {shown["name"]: shown["id"] for shown in (await fluksod.get("/api/v2/sensors"))["sensors"]}
        assert again.items() <= ids.items(), "derived ids never change"
        assert set(again) == {"Main", "Water"}
