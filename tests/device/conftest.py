"""What the device's tests share: a board to plug in, a cloud to upload to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trustme

from tests.device.board import Board
from tests.device.cloud_stub import CloudStub


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
