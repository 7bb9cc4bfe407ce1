"""The journal on disk: files to which records are appended, so that kill -9 loses nothing and a power cut 10 s at most.

A record is in the kernel's hands when `append` returns; `sync` puts it on the disk. A torn record at the end of a file
is cut off when the file is opened again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fluksod.store.record import HEAD_BYTES, Reader, Record, Writer

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"([0-9]{10})\.journal")


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One file: its number, from 1 on, and where it is."""

    number: int
    path: Path


class Journal:
    """The files in `folder`, which is made where it is missing; after `open` the newest one is written.

    Raises `OSError` where the disk refuses. Only `sync` may be called from another thread.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self.unsynced = False
        self._lock = threading.Lock()  # of the handle
        self._handle = -1
        self._salt = 0
        self._end = 0
        self._writer = Writer(0)

    def files(self) -> list[JournalFile]:
        """All files, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            names = [(match, entry) for entry in self.folder.iterdir() if (match := _NAME.fullmatch(entry.name))]
            return sorted((JournalFile(int(match[1]), entry) for match, entry in names), key=lambda file: file.number)
        return []

    def open(self, at_least: int) -> Iterator[tuple[int, Record]]:
        """Tell all records with the number of their file; then go on with the newest one, or begin the next.

        What is written from then on is in a file with a number of `at_least` or more.
        """
        self.folder.mkdir(mode=0o700, exist_ok=True)
        reader: Reader | None = None
        newest: JournalFile | None = None
        for file in self.files():
            reader, newest = read(file), file
            if reader is not None:
                for record in reader.records():
                    yield file.number, record
                _report(file, reader)
        if newest is None or reader is None or newest.number < at_least:
            self.begin(max(at_least, 0 if newest is None else newest.number + 1), ())
            return
        handle = os.open(newest.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(handle, reader.end)
        self._go_on(handle, newest.number, reader.salt, reader.end)

    def begin(self, number: int, records: Iterable[Record]) -> None:
        """Begin file `number` with `records`, and write there from now on; if it fails the old one stays in use."""
        path = self.folder / f"{number:010}.journal"
        salt = secrets.randbits(32)
        writer = Writer(salt)
        content = writer.head(number) + b"".join(writer.bytes_of(record) for record in records)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write(handle, content)
        except OSError:
            os.close(handle)
            path.unlink()
            raise
        self.close()
        self._go_on(handle, number, salt, len(content))
        self._writer = writer
        self.unsynced = True

    def append(self, records: Iterable[Record]) -> None:
        """Write records, all of them or none."""
        content = b"".join(self._writer.bytes_of(record) for record in records)
        try:
            _write(self._handle, content)
        except OSError:
            self._writer = Writer(self._salt)  # what it believes to have told is not there
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._end)
            raise
        self._end += len(content)
        self.unsynced = True

    def sync(self) -> None:
        """Put on the disk what was written until now."""
        self.unsynced = False
        try:
            with self._lock:
                handle = os.dup(self._handle)
            try:
                os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError:
            self.unsynced = True
            raise

    def close(self) -> None:
        """Put all on the disk and close the file."""
        with self._lock:
            handle, self._handle = self._handle, -1
        if handle >= 0:
            with contextlib.suppress(OSError):
                os.fdatasync(handle)
            os.close(handle)

    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.path.stat().st_size for file in self.files())

    def _go_on(self, handle: int, number: int, salt: int, end: int) -> None:
        self._handle, self.number, self._salt, self._end = handle, number, salt, end
        self._writer = Writer(salt)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(file: JournalFile) -> Reader | None:
    """Open a file for reading; one without a right head is moved aside and named, an empty one removed: None then."""
    content = file.path.read_bytes()
    try:
        return Reader(content)
    except ValueError as error:
        if len(content) < HEAD_BYTES:
            file.path.unlink()  # the power failed when it was begun: there was nothing in it
        else:
            aside = file.path.with_suffix(".damaged")
            file.path.replace(aside)
            _LOG.error("%s cannot be read (%s) and is moved to %s", file.path, error, aside)
        return None


def records_of(file: JournalFile) -> Iterator[Record]:
    """The records of a file."""
    reader = read(file)
    return iter(()) if reader is None else reader.records()


def _report(file: JournalFile, reader: Reader) -> None:
    for damage in reader.damages:
        _LOG.error("%s is damaged from byte %d to %d; the rest is used", file.path, damage.start, damage.end)


def _write(handle: int, content: bytes) -> None:
    written = os.write(handle, content) if content else 0
    if written != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
