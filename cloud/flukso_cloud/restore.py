"""The way back from a backup.

All of it is put beside what is there and checked; then a mark is set. Cut off before the mark, nothing has changed;
from the mark on, the next command on this folder carries the change through.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import sqlite3
import tarfile
import time
import zlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from .backup import FORMAT, MANIFEST, MEMBER, BackupError, sha256
from .durable import sync_folder
from .home import Home, write_private
from .store.schema import is_newer
from .vault import Vault

log = logging.getLogger(__name__)

_STAGED, _ASIDE = "restored-", "replaced-"


def restore(source: Path, home: Home, *, replace: bool) -> None:
    """Make the folder what the backup `source` holds. The caller has locked it. Raises BackupError.

    What is there is kept in a folder `replaced-…` in it when `replace` is given, and a reason to refuse otherwise.
    """
    finish_restore(home)
    _clear(home)
    if any(path.exists() for path in home.required) and not replace:
        raise BackupError(
            f"{home.root} holds a cloud already; with --replace that is moved into a folder of its own there, "
            "and the backup takes its place"
        )
    staged = Home(home.root / f"{_STAGED}{secrets.token_hex(4)}")
    try:
        staged.root.mkdir(mode=0o700)
        staged.private.mkdir(mode=0o700)
        try:
            _unpack(source, staged)
            _check(staged)
            _set_mark(home, staged)
        except BaseException:
            if not home.restoring.exists():
                shutil.rmtree(staged.root, ignore_errors=True)
            raise
    except (OSError, sqlite3.Error, tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"{source} cannot be restored: {error}; nothing was changed") from error
    try:
        finish_restore(home)
    except OSError as error:
        raise BackupError(f"the restore was cut off: {error}; mend that, and the next command finishes it") from error


def finish_restore(home: Home) -> None:
    """Carry through a restore that has been marked; the caller has locked the folder."""
    try:
        mark = json.loads(home.restoring.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    sync_folder(home.root)
    staged, aside = home.root / mark["staged"], home.root / mark["aside"]
    for name in mark["old"]:
        if not (aside / name).exists() and (home.root / name).exists():  # else a run before has done it
            (home.root / name).rename(aside / name)
    if aside.is_dir():
        sync_folder(aside)
    for path in list(staged.iterdir()) if staged.is_dir() else []:
        path.rename(home.root / path.name)
    sync_folder(home.root)
    shutil.rmtree(staged, ignore_errors=True)
    home.restoring.unlink()
    sync_folder(home.root)
    if mark["old"]:
        log.warning("a backup was restored; what was there before is in %s", aside)


def _set_mark(home: Home, staged: Home) -> None:
    """From here on there is no way back, and the next command goes on, also where root restores for another user."""
    old = [path.name for path in (home.ca_certificate, home.settings, home.private) if path.exists()]
    aside = home.root / f"{_ASIDE}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(2)}"
    if old:
        aside.mkdir(mode=0o700)
    try:
        prepared = staged.root / ".restoring"
        mark = {"staged": staged.root.name, "aside": aside.name, "old": old}
        write_private(prepared, json.dumps(mark).encode())
        _own([*([aside] if old else []), staged.root, *staged.root.rglob("*")], home)
        for folder in (staged.private, staged.root, home.root):
            sync_folder(folder)
        prepared.rename(home.restoring)
    except BaseException:
        if old and not home.restoring.exists():
            aside.rmdir()
        raise


def _clear(home: Home) -> None:
    """Remove what a restore has left that was killed before its mark."""
    for staged in home.root.glob(f"{_STAGED}*"):
        shutil.rmtree(staged, ignore_errors=True)
    for aside in home.root.glob(f"{_ASIDE}*"):
        if not any(aside.iterdir()):
            aside.rmdir()


def _unpack(source: Path, staged: Home) -> None:
    with tarfile.open(source, "r:gz") as tar:
        left = _members(tar)
        for member in tar:
            if member.name == MANIFEST:
                continue
            promised = left.pop(member.name, None)
            if promised is None or not member.isfile() or MEMBER.fullmatch(member.name) is None:
                raise BackupError(
                    f"{source} holds {member.name!r}, which its manifest does not name; nothing was changed"
                )
            target = staged.root / member.name
            content = tar.extractfile(member)
            assert content is not None  # noqa: S101 - it is a file
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(content, file, 1 << 16)
                file.flush()
                os.fsync(file.fileno())
            if target.stat().st_size != promised["size"] or sha256(target) != promised["sha256"]:
                raise BackupError(f"{member.name} in {source} is damaged; nothing was changed")
    if left:
        raise BackupError(f"{source} is cut off: it lacks {', '.join(sorted(left))}; nothing was changed")
    if staged.ca_certificate.exists():
        staged.ca_certificate.chmod(0o644)


def _members(tar: tarfile.TarFile) -> dict[str, Any]:
    first = tar.next()
    content = None if first is None or first.name != MANIFEST else tar.extractfile(first)
    try:
        manifest = json.loads(b"" if content is None else content.read(1 << 20))
        known, members = manifest["format"] == FORMAT, dict(manifest["members"])
    except (ValueError, KeyError, TypeError):
        raise BackupError(f"{tar.name!r} is no backup of flukso-cloud; nothing was changed") from None
    if not known:
        raise BackupError(
            f"{tar.name!r} is of a newer flukso-cloud ({manifest.get('software')}); install that one first"
        )
    return members


def _check(staged: Home) -> None:
    """Refuse what this cloud could not serve."""
    for path in staged.required:
        if not path.is_file():
            raise BackupError(f"the backup holds no {path.relative_to(staged.root)}; nothing was changed")
    with closing(sqlite3.connect(staged.database)) as database:
        if database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise BackupError("the database in the backup is damaged; nothing was changed")
        if is_newer(database):
            raise BackupError("the backup is of a newer flukso-cloud; install that one first; nothing was changed")
        sealed = database.execute("SELECT sealed_key, id FROM devices LIMIT 1").fetchone()
    try:
        vault = Vault.open(staged)
        if sealed is not None:
            vault.unseal(*sealed)
    except (ValueError, InvalidTag) as error:
        raise BackupError("server.key and database in the backup are of two clouds; nothing was changed") from error


def _own(paths: Iterable[Path], home: Home) -> None:
    """Root may restore for the user that the folder belongs to."""
    if os.geteuid() == 0:
        owner = home.root.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid)
