"""Who this device is: its id and key, made once and kept in the state directory."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from fluksod.command_error import CommandError
from fluksod.sensor import is_id, reads_as_number
from fluksod.state_file import write_state

_LOG = logging.getLogger(__name__)


class StateError(CommandError):
    """The state directory cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The device's id and its key, 32 lowercase hexadecimal digits each. The key stays out of every text."""

    device: str
    key: str = field(repr=False)

    @property
    def hostname(self) -> str:
        """The name the device goes by in the local network."""
        return f"flukso-{self.device[:6]}"


def make_id() -> str:
    """A new random id or key: 32 lowercase hexadecimal digits that no old client takes for a number (trap 34)."""
    while reads_as_number(made := secrets.token_hex(16)):
        pass
    return made


class StateDirectory:
    """The folder with the device's id, key and counters, 0700, used by one fluksod at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def prepare(self) -> None:
        """Create the folder if needed. Raises `StateError`."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o700)
        except OSError as error:
            raise StateError(
                f"the state directory {self.path} cannot be used: {error.strerror}; create it for this user, or name "
                "another one as state in [device]"
            ) from error

    def lock(self) -> None:
        """Claim the folder for this process until it ends. Raises `StateError` when another fluksod has it."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise StateError(
                f"another fluksod is running with the state directory {self.path}; stop it, or give this one another "
                "state in [device]"
            ) from error
        self._lock = handle

    def identity(self) -> Identity:
        """The device's identity; made with a cryptographic random generator at the first call. Raises `StateError`."""
        return Identity(self._kept("device"), self._kept("key"))

    def _kept(self, what: str) -> str:
        path = self.path / what
        try:
            text = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            text = make_id()
            try:
                write_state(path, text + "\n", only_new=True)
            except FileExistsError:
                text = path.read_text(encoding="ascii").strip()  # another fluksod was quicker: its id counts
            except OSError as error:
                raise StateError(f"{path} cannot be written: {error.strerror}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"{path} cannot be read: {error}") from error
        if not is_id(text):
            raise StateError(
                f"{path} does not hold 32 hexadecimal digits; restore it from a backup, or remove both device and key "
                "in that folder to become a new device"
            )
        with contextlib.suppress(OSError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
                _LOG.warning("%s could be read by others; it is closed to them now", path)
        return text
