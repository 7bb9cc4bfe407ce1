"""Which board is meant, and the update of its firmware while the daemon runs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from typing import Any

from fluksod.config.boards import BoardConfig, BoardModel
from fluksod.firmware.images import Image, ImageError, shipped
from fluksod.firmware.update import FirmwareUpdates, UpdateError
from fluksod.inputs import Inputs
from fluksod.lan.firmware import FirmwareRefusedError


def chosen_board(boards: Sequence[BoardConfig], name: str | None) -> BoardConfig:
    """The board of that name, or the only one with a programmer. Raises `UpdateError`."""
    known = [board for board in boards if board.model is not None and board.programmer_port is not None]
    named = [board for board in known if name in (None, board.name)]
    if len(named) == 1:
        return named[0]
    if not known:
        raise UpdateError("no board can be updated: give model and programmer_port in its table (docs/device.md)")
    which = ", ".join(repr(board.name) for board in known)
    raise UpdateError(
        f"say which board: {which}" if name is None else f"there is no board {name!r}; there are: {which}"
    )


class BoardFirmware:
    """Updates the boards of the running daemon; their links are closed meanwhile.

    With `by_cloud` the cloud sees to them, so that nothing is offered to their owner.
    """

    def __init__(
        self, boards: Sequence[BoardConfig], inputs: Inputs, updates: FirmwareUpdates, *, by_cloud: bool
    ) -> None:
        self.updates = updates
        self._by_cloud = by_cloud
        self._boards = boards
        self._inputs = inputs
        self._task: asyncio.Task[None] | None = None

    def describe(self) -> dict[str, Any]:
        """The newest update, and the boards that can be updated, as the API has them (docs/protocol.md)."""
        boards = [
            {
                "name": board.name,
                "model": board.model.value,
                "written": self.updates.written(board.name),
                "offered": None if self._by_cloud else _shipped_sha256(board.model),
            }
            for board in self._boards
            if board.model and board.programmer_port
        ]
        return {**self.updates.state_now(), "boards": boards}

    def begin(self, name: str | None) -> None:
        """Begin to write the image that ships with us. Raises `FirmwareRefusedError`."""
        try:
            board = chosen_board(self._boards, name)
            image = shipped(board.model)
            self.updates.begin(board, image)
        except (UpdateError, ImageError) as error:
            raise FirmwareRefusedError(str(error)) from error
        self._task = asyncio.create_task(self._write(board, image))

    def written(self) -> dict[BoardModel, str | None]:
        """The models of the boards that can be updated, with the SHA-256 of what was written to them last."""
        return {
            board.model: self.updates.written(board.name)
            for board in self._boards
            if board.model and board.programmer_port
        }

    def take(self, model: BoardModel, image: Image) -> None:
        """Begin to write an image that the cloud offers to the boards of a model, one after the other."""
        if not self.updates.is_running:
            self._task = asyncio.create_task(self._update_all(model, image))

    async def _update_all(self, model: BoardModel, image: Image) -> None:
        for board in self._boards:
            if board.model is model and board.programmer_port and not self.updates.is_running:
                self.updates.begin(board, image)
                await self._write(board, image)

    async def _write(self, board: BoardConfig, image: Image) -> None:
        async with self._inputs.without(board.name, "it gets another firmware"):
            with contextlib.suppress(UpdateError):  # it is in the log and in the state
                await self.updates.write(board, image)


@functools.cache
def _shipped_sha256(model: BoardModel) -> str | None:
    """What identifies the image that ships for a model, None where none does. It stays while we run."""
    try:
        return shipped(model).sha256
    except ImageError:
        return None
