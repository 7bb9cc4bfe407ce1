"""`fluksod firmware update`: by the running daemon, which keeps off the board meanwhile, or else by itself."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import Any

from fluksod.asking import ask, send
from fluksod.config import Config
from fluksod.firmware.boards import chosen_board
from fluksod.firmware.images import of_file, shipped
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
    image = shipped(board.model) if chosen.image is None else of_file(chosen.image)
    print(f"{board.name}: writing {image.source}, {image.sha256[:12]}", flush=True)
    asyncio.run(FirmwareUpdates(config.state / "firmware", _show).update(board, image))
    return 0


def _by_daemon(config: Config, board: str) -> int:
    if config.lan.token is None:
        raise UpdateError("fluksod is running and lets nobody change anything; stop it, or name a token_file in [lan]")
    told: dict[str, Any] = send(config, "/api/v2/firmware", {"board": board})
    while told["state"] == "updating" or told["board"] is None:
        time.sleep(0.3)
        told = ask(config, "/api/v2/firmware")
        _print(told["board"] or board, told["percent"], told["state"])
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
