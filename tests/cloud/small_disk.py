"""A small disk that can be filled up: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest

_HOLD = 'mount -t tmpfs -o size="$0" small "$1" && echo ready && exec sleep infinity'


class SmallDisk:
    """Mounted at the empty folder `where` for those who run `within` its namespace, as a context manager.

    Where that is not possible, the test is skipped.
    """

    def __init__(self, where: Path, mebibytes: int) -> None:
        self._where = where
        self._size = f"{mebibytes}m"

    def __enter__(self) -> SmallDisk:
        self._where.mkdir()
        rights = [] if os.geteuid() == 0 else ["--map-root-user"]
        self._holder = subprocess.Popen(
            ["unshare", "--mount", *rights, "sh", "-c", _HOLD, self._size, str(self._where)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            pytest.skip(f"no tmpfs can be mounted here: {self._holder.communicate()[1].strip()}")
        return self

    @property
    def within(self) -> list[str]:
        """What comes before a command that is to see the disk."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self._holder.pid), *user, "--mount"]

    @property
    def path(self) -> Path:
        """The disk, as it is seen from within and from outside."""
        return Path(f"/proc/{self._holder.pid}/root{self._where}")

    def fill(self) -> None:
        """Take all that is free."""
        with (self.path / "filler").open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        """Give it back."""
        (self.path / "filler").unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.kill()
        self._holder.communicate()
