"""A backup of a real fluksod while it runs, and its way back: into an empty folder, over another, cut anywhere."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from fluksod import backup
from fluksod.backup import BackupError, back_up, finish_restore, restore
from fluksod.identity import StateDirectory
from tests.device.archived import Archived
from tests.device.board import CLAMP, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, run_to_end, running, sensor_table
from tests.device.waiting import until

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
        history = await fluksod.get(
            f"/api/v2/sensors/{CLAMP}/history?start=1700000000&end=1900000000&resolution=10000000"
        )
        assert max(value for value in history["counter_end"] if value is not None) == 182
        assert min(value for value in history["counter_start"] if value is not None) == 100, "what was before is there"


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


def test_killed_at_every_step_it_is_the_old_or_becomes_the_new(
    tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends at its n-th change of the folder, for every n; the next start finishes what was marked."""
    new = contents(tmp_path / "state")
    for step in range(60):
        old = tmp_path / f"old{step}"
        first = identity(old)
        (old / "registers.json").write_text("{}")
        left = [step]

        def dying(real: Any, left: list[int] = left) -> Any:
            def change(*arguments: Any, **named: Any) -> Any:
                if left[0] == 0:
                    raise KilledError
                left[0] -= 1
                return real(*arguments, **named)

            return change

        with monkeypatch.context() as patch:
            for owner, name in ((Path, "rename"), (Path, "mkdir"), (Path, "unlink"), (Path, "replace"), (os, "fsync")):
                patch.setattr(owner, name, dying(getattr(owner, name)))
            try:
                restore(made, old, replace=True)
                finished = True
            except KilledError:
                finished = False
        finish_restore(old)
        now = (old / "device").read_text()
        assert now in (first, new["device"].decode())
        if now != first:
            kept = [name for name in new if ".db" not in name]
            assert {name: (old / name).read_bytes() for name in kept} == {name: new[name] for name in kept}
            assert (old / "history.db").is_file()
            assert not (old / "registers.json").exists()
            (aside,) = old.glob("replaced-*")
            assert (aside / "device").read_text() == first
        if finished:
            assert now != first
            return
    raise AssertionError("it never came to its end")


class KilledError(BaseException):
    """Stands for kill -9: nothing of ours catches it."""
