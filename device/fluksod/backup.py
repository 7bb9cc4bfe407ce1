"""Backup of the state directory into one file, also while fluksod runs, and its way back.

The file is a gzipped tar: first `manifest.json` with the version, the time and the SHA-256 of each member, then the
members under their names in the state directory. It holds the device's key, so it is readable by its owner only.

The journal is copied before the history: what is folded between the two is then in both, and the journal's newest file
is told to be newer than the fold, or all is copied again. A restore puts everything beside the old state and checks it,
then sets a mark; from that mark on the change is carried through, by the next start if need be.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from fluksod.command_error import CommandError
from fluksod.sensor import is_id
from fluksod.state_file import write_state
from fluksod.store.history import FORMAT as DATABASE_FORMAT
from fluksod.store.history import DamagedError, History
from fluksod.store.journal import Journal
from fluksod.store.record import HEAD_BYTES, Reader

_LOG = logging.getLogger(__name__)

FORMAT = 1
_MANIFEST = "manifest.json"
_MARK = "restoring"
_MEMBER = re.compile(r"(?:journal/)?[A-Za-z0-9][A-Za-z0-9_.-]{0,60}")
_LEFT_OUT = re.compile(r"lock|restoring|replaced-.*|restored-.*|.*\.damaged|\..*")
_OF_DATABASE = (".db-wal", ".db-shm", ".db-journal")
_TRIES = 3


class BackupError(CommandError):
    """The backup cannot be made or taken back; the text says why, and what was changed if anything was."""


def back_up(state: Path, target: Path, *, version: str) -> int:
    """Write a backup of `state` to the new file `target`; returns its size in bytes. Raises `BackupError`."""
    if is_restoring(state):
        raise BackupError(f"a restore into {state} was cut off; start fluksod, which finishes it, then try again")
    if not (state / "device").is_file():
        raise BackupError(f"{state} holds no fluksod yet; run it first, or correct state in [device]")
    if target.exists():
        raise BackupError(f"{target} exists already; give another name")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fluksod-backup-") as folder:
            copy = Path(folder)
            _copy(state, copy)
            part = copy / ".part"
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                _pack(copy, file, version)
                file.flush()
                os.fsync(file.fileno())
            _publish(part, target)
    except FileExistsError as error:
        raise BackupError(f"{target} exists already; give another name") from error
    except (OSError, sqlite3.Error, tarfile.TarError) as error:
        raise BackupError(f"{target} cannot be written: {error}") from error
    except DamagedError as error:
        raise BackupError(f"history.db cannot be backed up: {error}; start fluksod, which moves it aside") from error
    _sync_folder(target.parent)
    return target.stat().st_size


def restore(source: Path, state: Path, *, replace: bool) -> None:
    """Make `state` what the backup `source` holds. The caller has locked `state`. Raises `BackupError`.

    What is there is kept in a folder `replaced-…` in it when `replace` is given, and a reason to refuse otherwise.
    """
    finish_restore(state)
    _clear(state)
    if _contents(state) and not replace:
        raise BackupError(
            f"{state} holds a fluksod already; with --replace that is moved into a folder of its own there, "
            "and the backup takes its place"
        )
    staged = state / f"restored-{secrets.token_hex(4)}"
    try:
        staged.mkdir(mode=0o700)
        try:
            _unpack(source, staged)
            _check(staged)
            _set_mark(state, staged)
        except BaseException:
            if not is_restoring(state):
                shutil.rmtree(staged, ignore_errors=True)
            raise
    except (OSError, sqlite3.Error, tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} cannot be restored: {error}; nothing was changed") from error
    try:
        finish_restore(state)
    except OSError as error:
        raise BackupError(
            f"the restore was cut off: {error}; mend that and start fluksod, which finishes it"
        ) from error


def is_restoring(state: Path) -> bool:
    """Whether a restore has been marked and not been carried through."""
    return (state / _MARK).exists()


def finish_restore(state: Path) -> None:
    """Carry through a restore that has been marked; to be called with `state` locked, before anything reads it."""
    try:
        mark = json.loads((state / _MARK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    _sync_folder(state)
    staged, aside = state / mark["staged"], state / mark["aside"]
    for name in mark["old"]:
        if not (aside / name).exists() and (state / name).exists():  # else a run before has done it
            (state / name).rename(aside / name)
    if aside.is_dir():
        _sync_folder(aside)
    for path in list(staged.iterdir()) if staged.is_dir() else []:
        path.rename(state / path.name)
    _sync_folder(state)
    shutil.rmtree(staged, ignore_errors=True)
    (state / _MARK).unlink()
    if mark["old"]:
        _LOG.warning("a backup was restored; what was there before is in %s", aside)
    _sync_folder(state)


def _set_mark(state: Path, staged: Path) -> None:
    """From here on there is no way back, and the next start goes on, also where root restores for another user."""
    old = [path.name for path in _contents(state)]
    aside = state / f"replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"
    if old:
        aside.mkdir(mode=0o700)
    try:
        prepared = staged / f".{_MARK}"
        write_state(prepared, json.dumps({"staged": staged.name, "aside": aside.name, "old": old}))
        _own([*([aside] if old else []), staged, *staged.rglob("*")], state)
        for folder in (*(path for path in staged.iterdir() if path.is_dir()), staged, state):
            _sync_folder(folder)
        prepared.rename(state / _MARK)
    except BaseException:
        if old and not is_restoring(state):
            aside.rmdir()
        raise


def _clear(state: Path) -> None:
    """Remove what a restore has left that was killed before its mark."""
    for staged in state.glob("restored-*"):
        shutil.rmtree(staged, ignore_errors=True)
    for aside in state.glob("replaced-*"):
        if not any(aside.iterdir()):
            aside.rmdir()


def _contents(state: Path) -> list[Path]:
    """What belongs to the state: not its lock, nor what restores and damages have left."""
    return sorted(path for path in state.iterdir() if _LEFT_OUT.fullmatch(path.name) is None)


def _copy(state: Path, copy: Path) -> None:
    for _ in range(_TRIES):
        shutil.rmtree(copy / "journal", ignore_errors=True)
        (copy / "journal").mkdir()
        newest = 0
        for file in Journal(state / "journal").files():
            try:
                shutil.copyfile(file.path, copy / "journal" / file.path.name)
            except FileNotFoundError:
                continue  # it was folded meanwhile
            newest = file.number
        for path in _contents(state):
            if path.suffix == ".db":
                _copy_database(path, copy / path.name)
            elif path.is_file() and path.suffix not in _OF_DATABASE:
                shutil.copyfile(path, copy / path.name)
        if not (copy / "history.db").is_file():
            return
        with closing(History(copy / "history.db")) as history:
            folded = history.folded().journal
        if folded < newest or newest == max((file.number for file in Journal(state / "journal").files()), default=0):
            return
    raise OSError("the journal is being folded again and again; try again in a minute")


def _copy_database(path: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target, pages=1000)
        target.execute("PRAGMA journal_mode = DELETE")


def _members(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and _MEMBER.fullmatch(name) is not None:
            yield name, path


def _pack(folder: Path, file: IO[bytes], version: str) -> None:
    members = list(_members(folder))
    manifest = {
        "format": FORMAT,
        "software": version,
        "time": int(time.time()),
        "members": {name: {"size": path.stat().st_size, "sha256": _sha256(path)} for name, path in members},
    }
    write_state(folder / _MANIFEST, json.dumps(manifest, indent=1))
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as tar:
        for name, path in ((_MANIFEST, folder / _MANIFEST), *members):
            tar.add(path, name, filter=_plain)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _unpack(source: Path, folder: Path) -> None:
    with tarfile.open(source, "r:gz") as tar:
        manifest = _manifest(tar)
        left: dict[str, Any] = dict(manifest["members"])
        for member in tar:
            if member.name == _MANIFEST:
                continue
            promised = left.pop(member.name, None)
            if promised is None or not member.isfile() or _MEMBER.fullmatch(member.name) is None:
                raise BackupError(
                    f"{source} holds {member.name!r}, which its manifest does not name; nothing was changed"
                )
            target = folder / member.name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            content = tar.extractfile(member)
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                if content is not None:
                    shutil.copyfileobj(content, file, 1 << 16)
                file.flush()
                os.fsync(file.fileno())
            if target.stat().st_size != promised["size"] or _sha256(target) != promised["sha256"]:
                raise BackupError(f"{member.name} in {source} is damaged; nothing was changed")
    if left:
        raise BackupError(f"{source} is cut off: it lacks {', '.join(sorted(left))}; nothing was changed")


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    first = tar.next()
    content = None if first is None or first.name != _MANIFEST else tar.extractfile(first)
    try:
        manifest = json.loads(b"" if content is None else content.read(1 << 20))
        known = manifest["format"] == FORMAT and isinstance(manifest["members"], dict)
    except (ValueError, KeyError, TypeError):
        raise BackupError(f"{tar.name!r} is no backup of fluksod; nothing was changed") from None
    if not known:
        raise BackupError(f"{tar.name!r} is of a newer fluksod ({manifest.get('software')}); install that one first")
    return dict(manifest)


def _check(folder: Path) -> None:
    """Refuse what this fluksod could not take up, or would take for damaged."""
    for name in ("device", "key"):
        path = folder / name
        if not path.is_file() or not is_id(path.read_text(encoding="ascii", errors="replace").strip()):
            raise BackupError(f"the backup holds no {name} that can be used; nothing was changed")
    for path in folder.glob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise BackupError(f"{path.name} in the backup is damaged; nothing was changed")
            if database.execute("PRAGMA user_version").fetchone()[0] != DATABASE_FORMAT:
                raise BackupError(f"{path.name} in the backup is of another fluksod; install that one first")
    for path in folder.glob("journal/*"):
        content = path.read_bytes()
        try:
            if len(content) >= HEAD_BYTES:  # else the power failed when it was begun: there is nothing in it
                Reader(content)
        except ValueError as error:
            raise BackupError(f"{path.name} in the backup cannot be used: {error}; nothing was changed") from error


def _own(paths: Iterable[Path], state: Path) -> None:
    """Root may restore for the user that the folder belongs to."""
    if os.geteuid() == 0:
        owner = state.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)


def _publish(part: Path, target: Path) -> None:
    """Give the finished file its name, unless something has it."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a stick with FAT knows no second names
        if target.exists():
            raise FileExistsError(target) from None
        part.rename(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
