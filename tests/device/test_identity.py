"""The device's id and key: made once, well, and kept to itself."""

from __future__ import annotations

import secrets
import stat
from pathlib import Path

import pytest

from fluksod.identity import StateDirectory, StateError, make_id
from fluksod.sensor import is_id, reads_as_number
from fluksod.state_file import write_state


def prepared(path: Path) -> StateDirectory:
    state = StateDirectory(path)
    state.prepare()
    return state


def test_made_at_the_first_call_and_kept(tmp_path: Path) -> None:
    state = prepared(tmp_path / "new" / "state")
    identity = state.identity()
    assert is_id(identity.device)
    assert is_id(identity.key)
    assert identity.device != identity.key
    assert state.identity() == identity
    assert identity.hostname == f"flukso-{identity.device[:6]}"
    assert identity.key not in repr(identity)
    assert stat.S_IMODE((tmp_path / "new" / "state").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "new" / "state").iterdir()} == {0o600}


def test_no_id_that_old_clients_take_for_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trap 34: ids made of digits and one e are numbers to Lua; so are ids of digits only."""
    good = "0123456789abcdef0123456789abcdef"
    made = iter(["1" * 20 + "e" + "1" * 11, "0" * 32, good])
    monkeypatch.setattr(secrets, "token_hex", lambda _size: next(made))
    assert make_id() == good
    assert reads_as_number("1e" + "0" * 30)
    assert not reads_as_number("e" + "1" * 31)
    assert not reads_as_number("1e1e" + "1" * 28)


def test_files_that_others_can_read_are_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = prepared(tmp_path / "state")
    identity = state.identity()
    (tmp_path / "state").chmod(0o755)
    (tmp_path / "state" / "key").chmod(0o644)
    assert prepared(tmp_path / "state").identity() == identity
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "key").stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text
    assert identity.key not in caplog.text


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff\xfe", b"0123456789ABCDEF0123456789ABCDEF"])
def test_a_damaged_key_is_named_and_never_replaced(tmp_path: Path, content: bytes) -> None:
    state = prepared(tmp_path / "state")
    (tmp_path / "state" / "key").write_bytes(content)
    with pytest.raises(StateError, match="state/key"):
        state.identity()
    assert (tmp_path / "state" / "key").read_bytes() == content


def test_one_fluksod_for_a_state_directory(tmp_path: Path) -> None:
    first = prepared(tmp_path / "state")
    first.lock()
    with pytest.raises(StateError, match="another fluksod is running"):
        prepared(tmp_path / "state").lock()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        prepared(tmp_path / "file" / "state")


def test_a_write_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_state(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_state(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileExistsError):
        write_state(path, "new", only_new=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
