"""Sets a board with SPI up as the configuration says, in the original's order (section 4.5), and checks each answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from fluksod.link.board_settings import (
    BoardSensor,
    HardwareVersion,
    disable_commands,
    enable_commands,
    reset_commands,
    setting_commands,
    wanted_replies,
)
from fluksod.link.spi_frames import FrameError

_LOG = logging.getLogger(__name__)

TRIES = 5

Ask = Callable[[str], Awaitable[str]]
"""Sends a control message and returns the reply without its CRC; raises `FrameError` or `OSError`."""


class SyncError(Exception):
    """The board could not be set up; the text says why and what to do."""


class HardwareMismatchError(SyncError):
    """The board is of another generation than the configuration is for."""


async def sync_board(
    ask: Ask, sensors: Sequence[BoardSensor], hardware: HardwareVersion, *, reset_counters: bool = False
) -> bool:
    """Make the board count as `sensors` say. Returns whether something had to be changed.

    A board that is set up already is only asked, which costs neither a pulse nor a write of its EEPROM. Raises
    `SyncError`; every command is tried five times, and what is set has to be echoed as it is.
    """
    await check_hardware(ask, hardware)
    if not reset_counters and await _is_set_up(ask, sensors):
        return False
    await _set(ask, disable_commands())
    await _set(ask, setting_commands(sensors))
    if reset_counters:
        await _set(ask, reset_commands())
    await _set(ask, enable_commands(sensors))
    await _exactly(ask, "ct", "ct")
    return True


async def check_hardware(ask: Ask, hardware: HardwareVersion) -> None:
    """Ask a board which hardware it is.

    Raises `HardwareMismatchError` where that does not fit `hardware`, `SyncError` where it does not say.
    """
    reply = await _try(ask, "gh", lambda reply: len(reply) == 8 and reply.startswith("gh"))
    board = HardwareVersion(int(reply[2:6], 16), int(reply[6:8], 16))
    if not hardware.fits(board):
        raise HardwareMismatchError(
            f"the board is of hardware {board}, the configuration is for {hardware}: connect the right one, or give "
            f'hardware = "{board}" in its [[board]]'
        )


async def _is_set_up(ask: Ask, sensors: Sequence[BoardSensor]) -> bool:
    for question, wanted in wanted_replies(sensors).items():
        if await _try(ask, question, _answers(question)) != wanted:
            return False
    return True


def _answers(question: str) -> Callable[[str], bool]:
    return lambda reply: reply.startswith(question[:2])


async def _set(ask: Ask, commands: Iterable[str]) -> None:
    for command in commands:
        await _exactly(ask, command, command)


async def _exactly(ask: Ask, command: str, wanted: str) -> None:
    await _try(ask, command, lambda reply: reply == wanted)


async def _try(ask: Ask, command: str, is_right: Callable[[str], bool]) -> str:
    answered = ""
    for _ in range(TRIES):
        try:
            reply = await ask(command)
        except FrameError as error:
            answered = str(error)
            continue
        if is_right(reply):
            return reply
        answered = f"it answered {reply!r}"
    raise SyncError(f"the board does not take {command!r}, asked {TRIES} times: {answered}; check the SPI wiring")
