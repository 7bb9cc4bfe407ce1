"""A backup of a real fluksod while it runs, and its way back: into an empty folder, over another, cut anywhere."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from fluksod import backup
from fluksod.backup import BackupError, back_up, finish_restore, restore
from fluksod.identity import StateDirectory
from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.cloud_stub import CloudStub
from tests.device.daemon_process import Fluksod, configuration, run_to_end, running, sensor_table
from tests.device.waiting import until
from tests.killed import at_every_step

SENSORS = sensor_table(CLAMP, "Main", "electricity")


async def counter_is(fluksod: Fluksod, counter: int) -> bool:
    reading = await fluksod.reading(CLAMP)
    return bool(reading and reading["counter"] == counter)


async def test_from_a_running_fluksod_to_a_new_machine(tmp_path: Path, board: Board) -> None:
    config, file = configuration(tmp_path, sensors=SENSORS), tmp_path / "house.backup"
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 100), pls(CLAMP, 150), pwr(CLAMP, 463))
        await until(lambda: counter_is(fluksod, 150))
        device = (await fluksod.get("/api/v2/device"))["id"]
        status, printed, errors = await run_to_end("backup", str(file), "--config", str(config))
        assert status == 0, errors
        assert "keep it where only you can read it" in printed
        assert file.stat().st_mode & 0o777 == 0o600
        status, _, errors = await run_to_end("restore", str(file), "--config", str(config), "--replace")
        assert (status, "is running with the state directory" in errors) == (1, True)
        board.send(pls(CLAMP, 180))
        await until(lambda: counter_is(fluksod, 180))
    new = configuration(tmp_path, sensors=SENSORS, state="new")
    status, printed, errors = await run_to_end("restore", str(file), "--config", str(new))
    assert (status, "Start fluksod now" in printed) == (0, True), errors
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "key").read_text() == (tmp_path / "state" / "key").read_text()
    assert (tmp_path / "new" / "key").stat().st_mode & 0o777 == 0o600
    async with running(new) as fluksod:
        assert (await fluksod.get("/api/v2/device"))["id"] == device
        board.send(pls(CLAMP, 181), pls(CLAMP, 182))
        await until(lambda: counter_is(fluksod, 182))

        query = "start=1700000000&end=1900000000&resolution=10000000"

        async def is_told() -> bool:
            board.send(pls(CLAMP, 182))  # a history begins with readings of two seconds
            return 182 in (await fluksod.get(f"/api/v2/sensors/{CLAMP}/history?{query}"))["counter_end"]

        await until(is_told)
        history = await fluksod.get(f"/api/v2/sensors/{CLAMP}/history?{query}")
        assert min(value for value in history["counter_start"] if value is not None) == 100, "what was before is there"


async def test_at_the_cloud_it_is_the_same_device_and_counts_on(tmp_path: Path, board: Board) -> None:
    """The card breaks after the backup, the board counts on, and the cloud knows more than the backup does.

    What is uploaded again is what the cloud has, time for time, and no counter goes back. Nobody registers anew.
    """
    cloud = CloudStub(trustme.CA())
    await cloud.start()
    cloud.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    table = f'[cloud]\nurl = "{cloud.url}"\nca = "ca.pem"\ninterval = 1\n'
    config, file = configuration(tmp_path, sensors=SENSORS, cloud=table), tmp_path / "house.backup"

    def uploaded(counter: int) -> bool:
        return counter in [row[1] for row in cloud.stored.get(CLAMP, [])]

    async def count(first: int, last: int) -> None:
        for counter in range(first, last + 1):
            board.send(pls(CLAMP, counter))
            await asyncio.sleep(0.01)
        await until(lambda: uploaded(last))

    async with running(config) as fluksod:
        await until(cloud.heartbeats)
        await count(100, 150)
        cloud.answers["sensor"] = unavailable
        board.send(pls(CLAMP, 151), pls(CLAMP, 155))  # backed up before the cloud has it
        await until(lambda: counter_is(fluksod, 155))
        status, _, errors = await run_to_end("backup", str(file), "--config", str(config))
        assert status == 0, errors
        del cloud.answers["sensor"]
        await count(156, 180)
    shutil.rmtree(tmp_path / "state")
    before = len(cloud.stored[CLAMP])
    assert (await run_to_end("restore", str(file), "--config", str(config)))[0] == 0
    async with running(config) as fluksod:
        board.send(pls(CLAMP, 195))  # what the board has counted meanwhile
        await count(196, 199)
        assert (await fluksod.reading(CLAMP))["counter"] == 199
    known = dict(map(tuple, cloud.stored[CLAMP][:before]))
    again = [(time, counter) for time, counter in cloud.stored[CLAMP][before:] if time in known]
    assert again, "what the backup did not know to be uploaded goes again"
    assert all(counter <= known[time] for time, counter in again), "nothing new of an old time"
    rows = sorted({(time, counter) for time, counter in cloud.stored[CLAMP]})
    assert [counter for _, counter in rows] == sorted(counter for _, counter in rows)
    assert [name for request in cloud.heartbeats()[1:] for name in request.members if name == "key"] == []
    assert len({request.path for request in cloud.heartbeats()}) == 1
    await cloud.stop()


async def unavailable(_request: web.Request, _members: dict[str, Any]) -> web.Response:
    """What a cloud answers that is away."""
    return web.Response(status=503)


async def test_what_is_there_is_not_overwritten_unless_told_so(tmp_path: Path, board: Board) -> None:
    config = configuration(tmp_path, sensors=SENSORS)
    state, file = tmp_path / "state", tmp_path / "backup"
    first = identity(state)
    assert (await run_to_end("backup", str(file), "--config", str(config)))[0] == 0
    status, _, errors = await run_to_end("backup", str(file), "--config", str(config))
    assert (status, "exists already" in errors) == (1, True)
    shutil.rmtree(state)
    second = identity(state)
    assert second != first
    status, _, errors = await run_to_end("restore", str(file), "--config", str(config))
    assert (status, "with --replace" in errors) == (1, True)
    assert (state / "device").read_text() == second
    status, _, errors = await run_to_end("restore", str(file), "--config", str(config), "--replace")
    assert status == 0, errors
    assert (state / "device").read_text() == first
    (aside,) = state.glob("replaced-*")
    assert (aside / "device").read_text() == second
    assert not list(state.glob("restor*"))


async def test_a_folder_without_a_fluksod(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    status, _, errors = await run_to_end("backup", str(tmp_path / "backup"), "--config", str(config))
    assert (status, "holds no fluksod yet" in errors) == (1, True)
    assert not list(tmp_path.glob("*backup*"))


async def test_a_fold_during_the_copy_leaves_no_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folded between the copy of the journal and that of the history: what was folded is in one of the two."""
    (tmp_path / "state").mkdir()
    identity(tmp_path / "state")
    kept = Archived(tmp_path / "state")
    for number in range(3600):
        kept.show(1000 + number, 360.0)
    copy, folds = backup._copy_database, []

    def fold_then_copy(source: Path, target: Path) -> None:
        if not folds:
            folds.append(kept.archive)
            shutil.copytree(tmp_path / "folded", tmp_path / "state", dirs_exist_ok=True)
            for path in (tmp_path / "state" / "journal").iterdir():
                if not (tmp_path / "folded" / "journal" / path.name).exists():
                    path.unlink()
        copy(source, target)

    before = shutil.copytree(tmp_path / "state", tmp_path / "before")
    await kept.archive.fold()
    kept.show(5000, 360.0)
    kept.archive.close()
    shutil.copytree(tmp_path / "state", tmp_path / "folded")
    shutil.rmtree(tmp_path / "state")
    shutil.copytree(before, tmp_path / "state")
    monkeypatch.setattr(backup, "_copy_database", fold_then_copy)
    back_up(tmp_path / "state", tmp_path / "backup", version="1")
    assert folds
    (tmp_path / "new").mkdir(mode=0o700)
    restore(tmp_path / "backup", tmp_path / "new", replace=False)
    restored = Archived(tmp_path / "new", now=kept.now)
    columns = await restored.archive.history(CLAMP, int(kept.now) - 3601, int(kept.now), 3601)
    assert columns.counter_start[0] is not None
    assert columns.counter_start[0] <= 1001
    assert columns.coverage[0] > 0.99
    restored.archive.close()


def test_a_history_without_a_journal(tmp_path: Path, made: Path) -> None:
    """Somebody has removed it: what is in the history is backed up."""
    archived = Archived(tmp_path / "state", now=NOON + 10)
    asyncio.run(archived.archive.fold())
    archived.archive.close()
    shutil.rmtree(tmp_path / "state" / "journal")
    back_up(tmp_path / "state", tmp_path / "other", version="1")
    (tmp_path / "new").mkdir()
    restore(tmp_path / "other", tmp_path / "new", replace=False)
    counters = asyncio.run(Archived(tmp_path / "new").archive.minute_counters(CLAMP, NOON, NOON + 60))
    assert counters == [(NOON + 59, 1_000_000)]


def identity(state: Path) -> str:
    """Make a state directory with an identity; its device id as the file has it."""
    directory = StateDirectory(state)
    directory.prepare()
    directory.identity()
    return (state / "device").read_text()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A backup of a device with a little history."""
    state = tmp_path / "state"
    identity(state)
    kept = Archived(state)
    kept.show(1000, 360.0)
    kept.archive.close()
    back_up(state, tmp_path / "backup", version="1")
    return tmp_path / "backup"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_cut_off_or_spoilt_changes_nothing(tmp_path: Path, made: Path) -> None:
    """A byte changed anywhere is found where it matters, and so is an end that is missing."""
    whole, old = made.read_bytes(), tmp_path / "old"
    identity(old)
    before = contents(old)
    for at in range(0, len(whole), max(len(whole) // 40, 1)):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            made.write_bytes(content)
            try:
                restore(made, old, replace=True)
            except BackupError:
                assert contents(old) == before
            else:  # a byte that means nothing: of the gzip header, or behind the last member
                assert (old / "key").read_bytes() == (tmp_path / "state" / "key").read_bytes()
                shutil.rmtree(old)
                identity(old)
                before = contents(old)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "journal/../../outside", ".hidden", "a/b"])
def test_a_member_with_another_place_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_text("x")
    (tmp_path / "state").mkdir()
    manifest = {"format": 1, "software": "1", "time": 1, "members": {name: {"size": 1, "sha256": "0" * 64}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(tmp_path / "backup", "w:gz") as tar:
        tar.add(tmp_path / "manifest.json", "manifest.json")
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, (tmp_path / "outside").open("rb"))
    with pytest.raises(BackupError, match="nothing was changed"):
        restore(tmp_path / "backup", tmp_path / "state", replace=False)
    assert not list((tmp_path / "state").iterdir())


@pytest.mark.parametrize("content", [b"", b"no gzip", b'{"format": 2}', b"[]"])
def test_what_is_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "manifest.json").write_bytes(content)
    with tarfile.open(tmp_path / "tar", "w:gz") as tar:
        tar.add(tmp_path / "manifest.json", "manifest.json")
    for file in (tmp_path / "tar", tmp_path / "manifest.json"):
        with pytest.raises(BackupError):
            restore(file, tmp_path / "state", replace=False)
    assert not list((tmp_path / "state").iterdir())


def test_a_restore_killed_at_every_step_is_the_old_or_becomes_the_new(tmp_path: Path, made: Path) -> None:
    """The next start finishes what was marked, and so does the next restore; nothing half done is left."""
    new = contents(tmp_path / "state")
    first: dict[int, str] = {}

    def restoring(step: int) -> Callable[[], object]:
        old = tmp_path / f"old{step}"
        first[step] = identity(old)
        (old / "registers.json").write_text("{}")
        return lambda: restore(made, old, replace=True)

    became_new = 0
    for step, finished in at_every_step(restoring):
        old = tmp_path / f"old{step}"
        again = shutil.copytree(old, tmp_path / f"again{step}")
        finish_restore(old)
        now = (old / "device").read_text()
        assert now in (first[step], new["device"].decode())
        if now != first[step]:
            became_new += 1
            kept = [name for name in new if ".db" not in name]
            assert {name: (old / name).read_bytes() for name in kept} == {name: new[name] for name in kept}
            assert (old / "history.db").is_file()
            assert not (old / "registers.json").exists()
            (aside,) = [path for path in old.glob("replaced-*") if any(path.iterdir())]
            assert (aside / "device").read_text() == first[step]
            assert (aside / "registers.json").read_text() == "{}"
        else:
            assert not finished
            assert (old / "registers.json").read_text() == "{}"
        restore(made, again, replace=True)
        assert (again / "device").read_text() == new["device"].decode()
        assert not [*again.glob("restor*"), *(path for path in again.glob("replaced-*") if not any(path.iterdir()))]
        assert first[step] in [path.read_text() for path in again.glob("replaced-*/device")]
    assert became_new > 5


def test_a_restore_cut_off_by_the_disk_goes_on_at_the_next_start(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, rename = tmp_path / "old", Path.rename
    identity(old)

    def refused(path: Path, target: Path) -> Path:
        if target.name == "history.db":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        with pytest.raises(BackupError, match="start fluksod, which finishes it"):
            restore(made, old, replace=True)
    with pytest.raises(BackupError, match="was cut off; start fluksod"):
        back_up(old, tmp_path / "another", version="1")
    finish_restore(old)
    assert (old / "history.db").is_file()
    assert (old / "device").read_text() == (tmp_path / "state" / "device").read_text()


def test_a_backup_killed_at_every_step_is_whole_or_not_there(tmp_path: Path, made: Path) -> None:
    def backing_up(step: int) -> Callable[[], object]:
        return lambda: back_up(tmp_path / "state", tmp_path / f"file{step}", version="1")

    for step, finished in at_every_step(backing_up):
        file, new = tmp_path / f"file{step}", tmp_path / f"new{step}"
        assert finished <= file.exists()
        if file.exists():
            new.mkdir()
            restore(file, new, replace=False)
            assert (new / "key").read_text() == (tmp_path / "state" / "key").read_text()


def test_a_disk_without_second_names(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stick with FAT, where a link is not permitted."""

    def refused(*_paths: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    back_up(tmp_path / "state", tmp_path / "stick", version="1")
    (tmp_path / "new").mkdir()
    restore(tmp_path / "stick", tmp_path / "new", replace=False)
    with pytest.raises(BackupError, match="exists already"):
        back_up(tmp_path / "state", tmp_path / "stick", version="1")


def repacked(made: Path, change: Callable[[Path], None]) -> Path:
    """The backup with other contents and a manifest that is right for them."""
    folder = made.with_name("repacked")
    with tarfile.open(made) as tar:
        tar.extractall(folder, filter="data")
    change(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [name for name in manifest["members"] if (folder / name).is_file()]
    manifest["members"] = {
        name: {
            "size": (folder / name).stat().st_size,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        }
        for name in names
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with tarfile.open(made.with_name("other"), "w:gz") as tar:
        for name in ("manifest.json", *names):
            tar.add(folder / name, name)
    return made.with_name("other")


def of_another_format(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "history.db")) as database:
        database.execute("PRAGMA user_version = 99")


def of_another_journal(folder: Path) -> None:
    (file,) = (folder / "journal").iterdir()
    file.write_bytes(b"fluksoJ9" + file.read_bytes()[8:])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _folder: None, None),
        (lambda folder: (folder / "key").unlink(), "holds no key"),
        (lambda folder: (folder / "device").write_text("42\n"), "holds no device"),
        (lambda folder: (folder / "history.db").write_bytes(b"nonsense" * 1000), "not a database"),
        (of_another_format, "another fluksod"),
        (of_another_journal, "no journal of fluksod"),
    ],
)
def test_what_this_fluksod_cannot_take_up_is_refused(
    tmp_path: Path, made: Path, change: Callable[[Path], None], reason: str | None
) -> None:
    """Whole in itself, but a device without a key, or of another fluksod."""
    other, old = repacked(made, change), tmp_path / "old"
    before = identity(old)
    if reason is None:
        restore(other, old, replace=True)
        return
    with pytest.raises(BackupError, match=reason):
        restore(other, old, replace=True)
    assert (old / "device").read_text() == before
    assert sorted(path.name for path in old.iterdir()) == ["device", "key"]
