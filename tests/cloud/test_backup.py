"""A backup of a real cloud while it serves, and its way back: into an empty folder, over another, cut anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flukso_cloud import backup
from flukso_cloud.backup import BackupError, back_up
from flukso_cloud.cli import main
from flukso_cloud.home import Home, HomeError
from flukso_cloud.restore import finish_restore, restore
from flukso_cloud.vault import Vault
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.kept import measurements
from tests.cloud.process import COMMAND, Server, run
from tests.killed import at_every_step, killed_at

START = 1_450_000_000


def upload(server: Server, device: Fluksometer, *pairs: tuple[int, int], new: bool = False) -> int:
    wire = server.connect()
    try:
        if new:
            body = device.registration()
            assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
        body = compact({"measurements": pairs})
        return wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status
    finally:
        wire.close()


def stored(home: Home, device: Fluksometer) -> set[tuple[int, int]]:
    return set(measurements(home.database, device.sensor))


def test_from_a_running_server_to_a_new_machine(home: Home, tmp_path: Path) -> None:
    home.settings.write_text("[server]\nport = 1\n")
    device, file = Fluksometer(), tmp_path / "cloud.backup"
    with Server(home.root) as server:
        assert upload(server, device, (START, 1), new=True) == 200
        made = run("backup", file, "--dir", home.root)
        assert made.returncode == 0, made.stderr
        assert "keep it where only you can read it" in made.stdout
        assert file.stat().st_mode & 0o777 == 0o600
        refused = run("restore", file, "--dir", home.root, "--replace")
        assert (refused.returncode, "it is in use; stop the server" in refused.stderr) == (1, True)
        assert upload(server, device, (START + 60, 2)) == 200
    new = Home(tmp_path / "new")
    restored = run("restore", file, "--dir", new.root)
    assert restored.returncode == 0, restored.stderr
    for path in (new.ca_certificate, new.settings, new.ca_key, new.certificate, new.key, new.server_key):
        assert path.read_bytes() == (home.root / path.relative_to(new.root)).read_bytes()
    assert {path.stat().st_mode & 0o777 for path in new.private.iterdir()} == {0o600}
    assert new.private.stat().st_mode & 0o777 == 0o700
    assert new.ca_certificate.stat().st_mode & 0o777 == 0o644
    with Server(new.root) as server:  # it knows the device's key, and the device its authority
        assert stored(new, device) == {(START, 1)}
        assert upload(server, device, (START, 1), (START + 60, 2)) == 200
    assert stored(new, device) == stored(home, device)


def test_ingest_goes_on_while_a_large_database_is_backed_up(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is in many steps. Commits come between them and are answered, and the copy still comes to its end."""
    with sqlite3.connect(home.database) as conn:
        conn.execute("CREATE TABLE ballast (content BLOB)")
        conn.executemany("INSERT INTO ballast VALUES (?)", [(os.urandom(1 << 16),) for _ in range(64)])
    monkeypatch.setattr(backup, "STEP_PAGES", 16)
    device, good = Fluksometer(), [(START, 0)]
    steps: list[int] = []
    with Server(home.root) as server:
        assert upload(server, device, *good, new=True) == 200

        def between(done: int, _pages: int) -> None:
            steps.append(done)
            if len(steps) % 8 == 0:
                pair = (START + 60 * len(steps), len(steps))
                assert upload(server, device, pair) == 200
                good.append(pair)

        back_up(home, tmp_path / "file", version="1", progress=between)
    assert len(steps) > 60
    assert steps == sorted(steps)  # it never began anew
    assert stored(home, device) == set(good)
    new = Home(tmp_path / "new")
    new.root.mkdir()
    restore(tmp_path / "file", new, replace=False)
    assert stored(new, device) == {(START, 0)}  # one instant: that of its beginning


def test_a_database_locked_for_a_while_refuses_nobody(home: Home) -> None:
    """Another program's transaction, shorter than the store waits: uploads are late, none is lost."""
    device = Fluksometer()
    with Server(home.root) as server:
        assert upload(server, device, (START, 0), new=True) == 200
        other = sqlite3.connect(home.database, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        answers: list[int] = []
        waiting = threading.Thread(target=lambda: answers.append(upload(server, device, (START + 60, 1))))
        waiting.start()
        waiting.join(0.3)
        assert answers == []
        other.execute("ROLLBACK")
        waiting.join(10)
        assert answers == [200]
        other.execute("BEGIN IMMEDIATE")
        assert upload(server, device, (START + 120, 2)) == 503
        other.close()
        assert upload(server, device, (START + 120, 2)) == 200
    assert stored(home, device) == {(START, 0), (START + 60, 1), (START + 120, 2)}


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.fixture
def made(home: Home, tmp_path: Path) -> Path:
    back_up(home, tmp_path / "made", version="1")
    return tmp_path / "made"


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def test_what_is_there_is_not_overwritten_unless_told_so(home: Home, made: Path) -> None:
    home.server_key.write_bytes(b"x" * 32)
    before = tree(home.root)
    with pytest.raises(SystemExit, match="holds a cloud already; with --replace"):
        main(["restore", str(made), "--dir", str(home.root)])
    assert tree(home.root) == before
    with pytest.raises(SystemExit, match="exists already; give another name"):
        main(["backup", str(made), "--dir", str(home.root)])
    main(["restore", str(made), "--dir", str(home.root), "--replace"])
    assert home.server_key.read_bytes() != b"x" * 32
    (aside,) = home.root.glob("replaced-*")
    assert tree(aside) == before


def test_a_file_cut_off_or_spoilt_changes_nothing(home: Home, made: Path, tmp_path: Path) -> None:
    whole, before = made.read_bytes(), tree(home.root)
    spoilt = bytearray(whole)
    spoilt[len(whole) // 2] ^= 0xFF
    for content in (b"", b"no tar", whole[:20], whole[: len(whole) // 2], whole[: -len(whole) // 5], bytes(spoilt)):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(BackupError, match="nothing was changed"):
            restore(tmp_path / "bad", home, replace=True)
        assert tree(home.root) == before


def changed(made: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A backup whose members somebody has changed, with a manifest that agrees with them."""
    with tarfile.open(made) as tar:
        members = {one.name: content.read() for one in tar if (content := tar.extractfile(one)) is not None}
    manifest = json.loads(members.pop("manifest.json"))
    change(members)
    manifest["members"] = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in members.items()
    }
    manifest["format"] = json.loads(members.pop("format", b"1"))
    with tarfile.open(target, "w:gz") as tar:
        for name, content in {"manifest.json": json.dumps(manifest).encode(), **members}.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            tar.addfile(one, io.BytesIO(content))
    return target


def from_later(members: dict[str, bytes]) -> None:
    with sqlite3.connect(":memory:") as conn:
        conn.deserialize(members["private/cloud.db"])
        conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('flukso-cloud', 'later', '')"
        )
        conn.commit()
        members["private/cloud.db"] = conn.serialize()


def of_another_key(members: dict[str, bytes]) -> None:
    device = Fluksometer()
    sealed = Vault(b"y" * 32).seal(device.key.encode(), device.id)
    with sqlite3.connect(":memory:") as conn:
        conn.deserialize(members["private/cloud.db"])
        conn.execute(
            "INSERT INTO devices (id, sealed_key, claim, created, last_seen, resets) VALUES (?, ?, '', 0, 0, 0)",
            [device.id, sealed],
        )
        conn.commit()
        members["private/cloud.db"] = conn.serialize()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda members: members.pop("private/server.key"), "holds no private/server.key"),
        (lambda members: members.update({"private/server.key": b"short"}), "are of two clouds"),
        (lambda members: members.update({"private/cloud.db": b"none" * 999}), "not a database"),
        (lambda members: members.update({"../outside": b""}), "does not name"),
        (lambda members: members.update({"/tmp/outside": b""}), "does not name"),
        (lambda members: members.update({"private/.hidden": b""}), "does not name"),
        (lambda members: members.update({"format": b"2"}), "of a newer flukso-cloud"),
        (from_later, "of a newer flukso-cloud"),
        (of_another_key, "are of two clouds"),
    ],
)
def test_what_this_cloud_cannot_take_up_is_refused(
    home: Home, made: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], reason: str
) -> None:
    before = tree(home.root)
    with pytest.raises(BackupError, match=reason):
        restore(changed(made, tmp_path / "changed", change), home, replace=True)
    assert tree(home.root) == before


def test_one_backup_at_a_time_and_what_a_killed_one_left_is_cleared(home: Home, tmp_path: Path) -> None:
    def second(_done: int, _pages: int) -> None:
        with pytest.raises(BackupError, match="is being made"):
            back_up(home, tmp_path / "second", version="1")

    back_up(home, tmp_path / "first", version="1", progress=second)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "home"]
    assert not killed_at(2, lambda: back_up(home, tmp_path / "killed", version="1"))
    assert list(tmp_path.glob(".flukso-cloud-backup-*"))
    back_up(home, tmp_path / "third", version="1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "home", "third"]


# --- cut off ---------------------------------------------------------------------------------------------------------


def test_a_restore_killed_at_every_step_is_the_old_or_becomes_the_new(home: Home, made: Path, tmp_path: Path) -> None:
    new = {name: content for name, content in tree(home.root).items() if ".db" not in name and "/." not in name}
    old_key = b"o" * 32

    def restoring(step: int) -> Callable[[], object]:
        old = Home(Path(shutil.copytree(home.root, tmp_path / f"old{step}")))
        old.server_key.write_bytes(old_key)
        old.settings.write_text("# old")
        return lambda: restore(made, old, replace=True)

    became_new = 0
    for step, finished in at_every_step(restoring):
        old = Home(tmp_path / f"old{step}")
        again = Home(Path(shutil.copytree(old.root, tmp_path / f"again{step}")))
        finish_restore(old)
        old.require()
        if old.server_key.read_bytes() == old_key:
            assert not finished
            assert old.settings.read_text() == "# old"
        else:
            became_new += 1
            assert {name: (old.root / name).read_bytes() for name in new} == new
            assert not old.settings.exists()
            (aside,) = [path for path in old.root.glob("replaced-*") if any(path.iterdir())]
            assert Home(aside).server_key.read_bytes() == old_key
        restore(made, again, replace=True)
        assert {name: (again.root / name).read_bytes() for name in new} == new
        assert not [*again.root.glob("restor*")]
        assert all(any(path.iterdir()) for path in again.root.glob("replaced-*"))
        assert old_key in [Home(path).server_key.read_bytes() for path in again.root.glob("replaced-*")]
        shutil.rmtree(old.root)
        shutil.rmtree(again.root)
    assert became_new > 5


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["init"], ["token", "--account", "kees"]])
def test_any_command_finishes_a_restore_that_was_cut_off(
    home: Home, made: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = home.server_key.read_bytes()
    home.server_key.write_bytes(b"o" * 32)
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr("flukso_cloud.restore.finish_restore", lambda given: full() if given.restoring.exists() else None)
        with pytest.raises(BackupError, match=r"cut off.*No space left.*the next command finishes it"):
            restore(made, home, replace=True)
    assert home.server_key.read_bytes() == b"o" * 32
    if command[0] == "serve":
        with Server(home.root):
            pass
    else:
        assert run(*command, "--dir", home.root).returncode == 0
    assert home.server_key.read_bytes() == key
    assert not home.restoring.exists()


def test_a_backup_killed_at_every_step_is_whole_or_not_there(home: Home, tmp_path: Path) -> None:
    def backing_up(step: int) -> Callable[[], object]:
        return lambda: back_up(home, tmp_path / f"file{step}", version="1")

    for step, finished in at_every_step(backing_up):
        file, new = tmp_path / f"file{step}", Home(tmp_path / f"new{step}")
        assert finished <= file.exists()
        if file.exists():
            new.root.mkdir()
            restore(file, new, replace=False)
            assert new.server_key.read_bytes() == home.server_key.read_bytes()


@pytest.mark.parametrize("command", [["backup"], ["restore", "--replace"]])
def test_a_full_disk_changes_nothing_and_leaves_nothing(
    home: Home, made: Path, tmp_path: Path, command: list[str]
) -> None:
    """A file may grow to 50 kB only, which the database is larger than."""
    before, file = tree(home.root), made if command[0] == "restore" else tmp_path / "file"
    full = ["prlimit", "--fsize=50000", COMMAND, *command, file, "--dir", home.root]
    ended = subprocess.run(full, capture_output=True, text=True)
    assert ended.returncode == 1
    assert re.search("cannot be (written|restored)", ended.stderr), ended.stderr
    assert tree(home.root) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "made"]


def test_a_disk_without_second_names(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    back_up(home, tmp_path / "stick", version="1")
    assert (tmp_path / "stick").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="exists already"):
        back_up(home, tmp_path / "stick", version="1")


def test_nobody_comes_in_during_a_restore(home: Home) -> None:
    with home.alone(), pytest.raises(HomeError, match="a backup is being restored there"), home.in_use():
        pass
    with home.in_use(), home.in_use():
        began = time.monotonic()
        with pytest.raises(HomeError, match="it is in use"), home.alone():
            pass
        assert time.monotonic() - began < 1
