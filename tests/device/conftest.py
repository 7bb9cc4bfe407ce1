"""What the device's tests share: a board to plug in, a board to program, a cloud to upload to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme

from fluksosim.board import Board as Chip
from fluksosim.isp import IspSocket
from tests.device.board import Board
from tests.device.cloud_stub import CloudStub
from tests.device.programming import provisioned
from tests.unhurried import take_your_time

take_your_time()


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    """A board plugged in at `tmp_path/board`."""
    board = Board(tmp_path / "board")
    yield board
    board.close()


@pytest.fixture
async def cloud() -> AsyncIterator[CloudStub]:
    """A cloud on 127.0.0.1."""
    stub = CloudStub(trustme.CA())
    await stub.start()
    yield stub
    await stub.stop()


@pytest.fixture
def chip() -> Iterator[Chip]:
    """A provisioned board v1_1 under power, whose EEPROM no fuse saves yet."""
    with provisioned() as chip:
        yield chip


@pytest.fixture
def isp(chip: Chip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IspSocket]:
    """The programming pins of `chip`."""
    with IspSocket(chip, tmp_path_factory.mktemp("i") / "isp") as served:
        yield served
