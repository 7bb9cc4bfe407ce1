"""`fluksod firmware update`: by the running daemon, which keeps off the board meanwhile, or else by itself."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from fluksod.asking import ask, send
from fluksod.config import BoardConfig, Config
from fluksod.firmware.boards import chosen_board
from fluksod.firmware.images import Image, of_file, shipped
from fluksod.firmware.update import FirmwareUpdates, UpdateError, UpdateState
from fluksod.identity import StateDirectory, StateError


def update_firmware(config: Config, chosen: argparse.Namespace) -> int:
    """Update a board and show how far it is. Raises `UpdateError`, `ImageError`, `NoAnswerError`."""
    board = chosen_board(config.boards, chosen.board)
    state = StateDirectory(config.state)
    state.prepare()
    try:
        state.lock()
    except StateError:
        if chosen.image is not None:
            raise UpdateError(
                "fluksod is running and only writes what ships with it; stop it to write a file"
            ) from None
        return _by_daemon(config, board.name)
    image = shipped(board.model) if chosen.image is None else of_file(chosen.image, board.model)
    print(f"{board.name}: writing {image.source}, {image.sha256[:12]}", flush=True)
    folder = config.state / "firmware"
    try:
        asyncio.run(_write(FirmwareUpdates(folder, _show), board, image))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise UpdateError("it was broken off, and the board may be without firmware; run it again") from None
    finally:
        give_to_owner(folder)
    return 0


async def _write(updates: FirmwareUpdates, board: BoardConfig, image: Image) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is not None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
    updates.begin(board, image)
    await updates.write(board, image)


def give_to_owner(folder: Path) -> None:
    """Root may update for the user that runs fluksod."""
    if os.geteuid() == 0 and folder.is_dir():
        owner = folder.parent.stat()
        for path in (folder, *folder.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)


def _by_daemon(config: Config, board: str) -> int:
    if config.lan.token is None:
        raise UpdateError("fluksod is running and lets nobody change anything; stop it, or name a token_file in [lan]")
    told: dict[str, Any] = send(config, "/api/v2/firmware", {"board": board})
    while told["state"] == "updating":
        time.sleep(0.3)
        told = ask(config, "/api/v2/firmware")
        _print(told["board"], told["percent"], told["state"])
    if told["state"] != "done":
        raise UpdateError(told["error"])
    return 0


def _show(state: UpdateState) -> None:
    _print(state.board or "", state.percent, state.state)


def _print(board: str, percent: int, state: str) -> None:
    """On a terminal one line that moves, else a line for each quarter."""
    if sys.stdout.isatty():
        print(f"\r{board}: {percent:3} % {state:<10}", end="\n" if state in ("done", "failed") else "", flush=True)
    elif state != "updating" or percent % 25 == 0:
        print(f"{board}: {percent} % {state}", flush=True)
