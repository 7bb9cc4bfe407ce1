"""What a Fluksometer measures with: its boards, and meters that count for themselves."""

from collections.abc import Mapping
from typing import Final

from .client import Board, Device

UNNAMED: Final = "board"
"""What fluksod calls the only board of a configuration."""


def links(device: Device) -> Mapping[str, tuple[str, Board]]:
    """Return all boards and meters by the key of their entities, with their name, which is empty for an only board.

    Daemons before there could be several tell of one board alone.
    """
    if not device.boards and not device.meters:
        return {} if device.board is None else {"board_board": ("", device.board)}
    unnamed = len(device.boards) == 1 and device.boards[0].name == UNNAMED
    return {
        **{f"board_{board.name}": ("" if unnamed else board.name, board) for board in device.boards},
        **{f"meter_{meter.name}": (meter.name, meter) for meter in device.meters},
    }
