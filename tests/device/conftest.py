"""What the device's tests share: a board to plug in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.device.board import Board


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    """A board plugged in at `tmp_path/board`."""
    board = Board(tmp_path / "board")
    yield board
    board.close()
