"""Backup of a cloud's folder into one file, also while it serves.

The file is a gzipped tar: first `manifest.json` with the version, the time, and size and SHA-256 of each member, then
the members under their names in the folder. It holds keys, so it is readable by its owner only.

The database is copied by SQLite's backup, a step at a time, out of one snapshot of the write-ahead log: without that
the copy would begin anew with each commit. The snapshot holds up no writer; the log only grows until it ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from .durable import publish
from .home import Home, write_private

FORMAT = 1
MANIFEST = "manifest.json"
MEMBER = re.compile(r"(?:private/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
STEP_PAGES = 256
"""Pages of the database (4 KiB each) that are copied at a time; then the disk is left to others for as long."""
_NOT_KEPT = re.compile(r"\..*|.*\.(?:new|db-wal|db-shm|db-journal)")

Progress = Callable[[int, int], None]
"""Is told pages of the database done, and all of them."""


class BackupError(Exception):
    """The backup cannot be made or taken back; the text says why, and what was changed if anything was."""


def back_up(home: Home, target: Path, *, version: str, progress: Progress | None = None) -> int:
    """Write a backup to the new file `target`; return its size in bytes. Raises BackupError."""
    if target.exists():
        raise BackupError(f"{target} exists already; give another name")
    # Several clouds may be backed up into one folder: what a killed backup has left is told by its cloud.
    prefix = f".flukso-cloud-backup-{hashlib.sha256(bytes(home.root.resolve())).hexdigest()[:8]}-"
    try:
        with _only_one(home):
            for left in target.parent.glob(f"{prefix}*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix) as folder:
                copy = Path(folder)
                _copy(home, copy, progress)
                part = copy / ".part"
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    _pack(copy, file, version)
                    file.flush()
                    os.fsync(file.fileno())
                size = part.stat().st_size
                publish(part, target)
    except FileExistsError as error:
        raise BackupError(f"{target} exists already; give another name") from error
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise BackupError(f"{target} cannot be written: {error}") from error
    return size


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Keep a second backup of this cloud away while one is being made."""
    with (home.private / ".backing-up").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError("a backup of this cloud is being made; try again when it is done") from error
        yield


def _copy(home: Home, copy: Path, progress: Progress | None) -> None:
    (copy / "private").mkdir(mode=0o700)
    kept = [path for path in (home.ca_certificate, home.settings) if path.is_file()]
    kept += [path for path in sorted(home.private.iterdir()) if path.is_file() and not _NOT_KEPT.fullmatch(path.name)]
    for path in kept:
        place = copy / path.relative_to(home.root)
        if path == home.database:
            _copy_database(path, place, progress)
        else:
            shutil.copyfile(path, place)


def _copy_database(path: Path, copy: Path, progress: Progress | None) -> None:
    began = time.monotonic()

    def step(_status: int, remaining: int, total: int) -> None:
        nonlocal began
        if progress is not None:
            progress(total - remaining, total)
        if remaining:
            time.sleep(min(time.monotonic() - began, 1))
        began = time.monotonic()

    with (
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.execute("PRAGMA query_only = ON")
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it sees one snapshot
        source.backup(target, pages=STEP_PAGES, progress=step)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode = DELETE")


def _pack(folder: Path, file: IO[bytes], version: str) -> None:
    members = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    manifest = {
        "format": FORMAT,
        "software": version,
        "time": int(time.time()),
        "members": {name: {"size": path.stat().st_size, "sha256": sha256(path)} for name, path in members.items()},
    }
    write_private(folder / MANIFEST, json.dumps(manifest, indent=1).encode())
    # Level 1: most of the database is compressed already.
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as tar:
        for name, path in ((MANIFEST, folder / MANIFEST), *members.items()):
            tar.add(path, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
