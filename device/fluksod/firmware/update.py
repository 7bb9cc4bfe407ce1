"""Writes an image to a board with avrdude, so that it keeps its counters, and knows how far it is.

A copy of the EEPROM is kept first, and the fuse that saves it from the erase is set where it is not. From the moment on
in which the flash is touched a mark with the name of that copy lies in the state directory: were all cut off, the next
start says so, and running the update again recovers the board, since it needs nothing of the old firmware.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from fluksod.command_error import CommandError
from fluksod.config.boards import BoardConfig, Programmer
from fluksod.firmware.avrdude import EESAVE, Progress, arguments, high_fuse, reason
from fluksod.firmware.images import Image
from fluksod.firmware.port import reserved
from fluksod.link.board_sync import HardwareMismatchError
from fluksod.link.link_state import PortInUseError
from fluksod.state_file import write_state

_LOG = logging.getLogger(__name__)

PATIENCE = 180.0
"""Seconds that one avrdude may take."""
COPIES = 3
"""Copies of a board's EEPROM that are kept."""
_WRITING = "writing.json"
"""By board: the copy of its EEPROM from before its flash was touched, until the flash is whole again."""
_WRITTEN = "written.json"
"""By board: the SHA-256 of its image."""


class UpdateError(CommandError):
    """The update failed; the text says why and what to do."""


@dataclass(slots=True)
class UpdateState:
    """How the newest update stands: `percent` of writing and verifying; `time` in unix seconds of its end.

    `image` is in words, `sha256` and `before` are of what is written and of what we had written there before.
    """

    state: Literal["idle", "updating", "done", "failed"] = "idle"
    board: str | None = None
    percent: int = 0
    image: str | None = None
    sha256: str | None = None
    before: str | None = None
    time: int | None = None
    error: str | None = None


class FirmwareUpdates:
    """Updates boards, one at a time; marks and copies are kept in `folder`, made where it is missing."""

    def __init__(self, folder: Path, on_progress: Callable[[UpdateState], None] = lambda _state: None) -> None:
        self.state = UpdateState()
        self._folder = folder
        self._on_progress = on_progress
        for broken_off in self._read(_WRITING):
            text = f"an update of {broken_off!r} was broken off; run it again: fluksod firmware update"
            self.state = UpdateState("failed", broken_off, error=text)
            _LOG.error("%s", text)

    @property
    def is_running(self) -> bool:
        """Whether an update runs."""
        return self.state.state == "updating"

    def state_now(self) -> dict[str, Any]:
        """The newest update, as the API has it (docs/protocol.md)."""
        return asdict(self.state)

    def written(self, board: str) -> str | None:
        """The SHA-256 of the image that was written to a board last, as far as we have."""
        sha256 = self._read(_WRITTEN).get(board)
        return sha256 if isinstance(sha256, str) else None

    def begin(self, board: BoardConfig, image: Image) -> None:
        """Take the turn for `write`, which has to follow. Raises `UpdateError` while an update runs."""
        if self.is_running:
            raise UpdateError(f"an update of {self.state.board!r} runs already; wait for its end")
        before = self.written(board.name)
        self.state = UpdateState("updating", board.name, image=image.source, sha256=image.sha256, before=before)
        self._on_progress(self.state)

    async def write(self, board: BoardConfig, image: Image) -> None:
        """Write `image` to `board`, whose link is closed meanwhile. Raises `UpdateError`."""
        try:
            await self._write(board, image)
        except (UpdateError, HardwareMismatchError, PortInUseError, OSError) as error:
            self._end("failed", str(error))
            _LOG.error("the firmware of %s was not updated: %s", board.name, error)
            raise UpdateError(str(error)) from error
        except BaseException:
            self._end("failed", "it was broken off; run it again")
            raise
        self.state.percent = 100
        self._end("done", None)
        _LOG.info("the firmware of %s is %s now (%s)", board.name, image.sha256[:12], image.source)

    def _end(self, state: Literal["done", "failed"], error: str | None) -> None:
        self.state.state, self.state.error, self.state.time = state, error, int(time.time())
        self._on_progress(self.state)

    async def _write(self, board: BoardConfig, image: Image) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        async with reserved(board):
            if board.programmer is Programmer.ARDUINO:  # a boot loader knows neither fuses nor EEPROM
                self._put(_WRITING, board.name, "")
                await self._write_flash(board, image)
            else:
                copy = await self._copy_counters(board)
                self._put(_WRITING, board.name, copy.name)
                with tempfile.NamedTemporaryFile(dir=self._folder) as after:
                    await self._write_flash(board, image, f"eeprom:r:{after.name}:r")
                    lost = _is_erased(Path(after.name))
                if lost and not _is_erased(copy):
                    _LOG.warning("the EEPROM of %s was erased on the way; its copy is written back", board.name)
                    await self._run(arguments(board, f"eeprom:w:{copy}:r"))
        self._put(_WRITTEN, board.name, image.sha256)
        self._put(_WRITING, board.name, None)

    async def _write_flash(self, board: BoardConfig, image: Image, *memories: str) -> None:
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".hex") as file:
            file.write(image.content)
            file.flush()
            await self._run(arguments(board, f"flash:w:{file.name}:i", *memories), shows_progress=True)

    async def _copy_counters(self, board: BoardConfig) -> Path:
        """Copy the EEPROM and see to it that it outlives the erase; the copy from before the flash was first touched.

        That is an older one where an update was broken off since: half a firmware may have spoilt what is there now.
        """
        name = "".join(letter if letter.isalnum() else "_" for letter in board.name)
        taken = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"  # to the microsecond: a copy must not overwrite the one before
        copy = self._folder / f"{name}-{taken}.eeprom"
        said = await self._run(arguments(board, "hfuse:r:-:h", f"eeprom:r:{copy}:r"))
        if (marked := self._read(_WRITING).get(board.name)) and (self._folder / marked).is_file():
            copy = self._folder / marked
        for old in sorted(self._folder.glob(f"{name}-*.eeprom"))[:-COPIES]:
            if old != copy:
                old.unlink()
        fuse = high_fuse(said)
        if fuse is None:
            raise UpdateError("the board's fuses cannot be read; is it powered, and is programmer_port right?")
        if fuse & EESAVE:
            _LOG.info("setting the fuse that keeps the counters of %s when its flash is erased", board.name)
            await self._run(arguments(board, f"hfuse:w:{fuse & ~EESAVE:#04x}:m"))
        return copy

    async def _run(self, words: list[str], *, shows_progress: bool = False) -> str:
        """Run avrdude to its end; returns what it wrote to standard output. Raises `UpdateError`."""
        program = shutil.which("avrdude")
        if program is None:
            raise UpdateError("avrdude is missing; install it: sudo apt-get install avrdude")
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        progress = Progress()
        try:
            async with asyncio.timeout(PATIENCE):
                output, _ = await asyncio.gather(
                    _all(process.stdout), self._follow(process.stderr, progress, shows_progress=shows_progress)
                )
                status = await process.wait()
        except TimeoutError:
            raise UpdateError(f"avrdude did not end within {PATIENCE:g} s; is the board wired right?") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if status != 0:
            raise UpdateError(f"avrdude: {reason(progress.said)}")
        return output

    async def _follow(self, stderr: asyncio.StreamReader | None, progress: Progress, *, shows_progress: bool) -> None:
        while stderr is not None and (said := await stderr.read(4096)):
            percent = progress.take(said.decode("utf-8", "replace"))
            if shows_progress and percent != self.state.percent:
                self.state.percent = percent
                self._on_progress(self.state)

    def _read(self, what: str) -> dict[str, str]:
        """What is noted by board; nothing where the file is missing or damaged."""
        try:
            noted = json.loads((self._folder / what).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return noted if isinstance(noted, dict) else {}

    def _put(self, what: str, board: str, value: str | None) -> None:
        noted = {name: kept for name, kept in self._read(what).items() if name != board}
        write_state(self._folder / what, json.dumps(noted if value is None else {**noted, board: value}))


def _is_erased(image: Path) -> bool:
    return not image.read_bytes().strip(b"\xff")


async def _all(stdout: asyncio.StreamReader | None) -> str:
    return "" if stdout is None else (await stdout.read()).decode("utf-8", "replace")
