"""The folder that a cloud lives in.

    ca.pem            certificate of its own authority, to give to devices and browsers (world-readable)
    flukso-cloud.toml     settings, if there are any
    legacy-ca.pem     the same for original Fluksometers, if they are served
    private/ca.key    the authority's key
    private/tls.pem   the server's certificate
    private/tls.key   its key
    private/legacy-tls.pem, .key  the same for original Fluksometers, if they are served
    private/server.key    encrypts the devices' keys in the database
    private/cloud.db  the database

`private/` is 0700 and what is in it 0600.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class HomeError(Exception):
    """The folder cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one cloud's files."""

    root: Path

    @property
    def private(self) -> Path:
        """The folder that only the owner may enter."""
        return self.root / "private"

    @property
    def settings(self) -> Path:
        """The file of settings, TOML; it may be missing."""
        return self.root / "flukso-cloud.toml"

    @property
    def ca_certificate(self) -> Path:
        """Certificate of the authority, PEM."""
        return self.root / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """Key of the authority, PEM."""
        return self.private / "ca.key"

    @property
    def certificate(self) -> Path:
        """Certificate of the server, PEM."""
        return self.private / "tls.pem"

    @property
    def key(self) -> Path:
        """Key of the server's certificate, PEM."""
        return self.private / "tls.key"

    @property
    def legacy_ca_certificate(self) -> Path:
        """Certificate of the authority for original Fluksometers, PEM; there is one once they were served."""
        return self.root / "legacy-ca.pem"

    @property
    def legacy_certificate(self) -> Path:
        """Certificate of the listener for original Fluksometers, PEM."""
        return self.private / "legacy-tls.pem"

    @property
    def legacy_key(self) -> Path:
        """Its key, PEM."""
        return self.private / "legacy-tls.key"

    @property
    def server_key(self) -> Path:
        """The key that encrypts device keys at rest: 32 random bytes."""
        return self.private / "server.key"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.private / "cloud.db"

    def make(self) -> None:
        """Make the folders; HomeError if that is not possible."""
        self.make_root()
        try:
            self.private.mkdir(mode=0o700, exist_ok=True)
            self.private.chmod(0o700)
        except OSError as error:
            raise HomeError(f"cannot use {self.root}: {error.strerror}") from error

    def make_root(self) -> None:
        """Make the folder, with nothing in it; HomeError if that is not possible."""
        try:
            self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeError(f"cannot use {self.root}: {error.strerror}") from error

    @property
    def restoring(self) -> Path:
        """The mark of a restore that has to be carried through."""
        return self.root / "restoring"

    @property
    def required(self) -> tuple[Path, ...]:
        """The files without which nothing can be served."""
        return self.certificate, self.key, self.server_key, self.database

    def require(self) -> None:
        """Raise HomeError unless `flukso-cloud init` has been here and its files can be read."""
        for path in self.required:
            if not os.access(path, os.R_OK):
                raise HomeError(f"{path} is missing or not readable; run `flukso-cloud init --dir {self.root}` first")

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep a restore away for as long as the context lasts. HomeError if there is one."""
        with self._locked(fcntl.LOCK_SH, "a backup is being restored there; try again when it is done"):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody else away for as long as the context lasts. HomeError if somebody is there."""
        with self._locked(fcntl.LOCK_EX, "it is in use; stop the server and what else runs there"):
            yield

    @contextmanager
    def _locked(self, kind: int, objection: str) -> Iterator[None]:
        try:
            lock = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise HomeError(f"cannot use {self.root}: {error.strerror}") from error
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise HomeError(f"cannot use {self.root}: {objection}") from error
        finally:
            os.close(lock)


def write_private(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, never readable by others on the way."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(mode)
    draft.replace(path)
