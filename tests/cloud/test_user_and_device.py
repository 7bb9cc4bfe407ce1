"""The commands about people and devices."""

from __future__ import annotations

import io
import re
import sqlite3
import time

import pytest
from starlette.testclient import TestClient

from flukso_cloud.app import create_app
from flukso_cloud.cli import main
from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner


@pytest.fixture
def measured(home: Home) -> Fluksometer:
    """A device of kees that has measured once."""
    device = Fluksometer()
    with TestClient(create_app(home), base_url="https://cloud.example", follow_redirects=False) as client:
        body = device.registration()
        assert client.post(f"/device/{device.id}", content=body, headers=device.headers(body)).status_code == 200
        Owner(client, "kees").claim(device)
        body = compact({"measurements": [[int(time.time()), 4711]]})
        assert client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code == 200
    return device


def said(capsys: pytest.CaptureFixture[str], home: Home, *arguments: str) -> str:
    capsys.readouterr()
    main([*arguments, "--dir", str(home.root)])
    return capsys.readouterr().out


def rows(home: Home, table: str) -> int:
    with sqlite3.connect(home.database) as conn:
        return int(conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_users(home: Home, measured: Fluksometer, capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, home, "user", "list").splitlines()
    assert [line.split("  ")[:3] for line in lines] == [
        ["kees", "uid 1", "devices 1"],
        ["mallory", "uid 2", "devices 0"],
    ]
    assert said(capsys, home, "user", "rename", "Kees", "Cornelis") == "account kees: now Cornelis\n"
    assert said(capsys, home, "user", "rename", "cornelis", "CORNELIS") == "account Cornelis: now CORNELIS\n"
    assert said(capsys, home, "user", "delete", "cornelis", "--yes") == "account CORNELIS: deleted\n"
    assert [line.split()[0] for line in said(capsys, home, "user", "list").splitlines()] == ["mallory"]
    assert (rows(home, "samples"), rows(home, "devices")) == (0, 1)
    assert "unclaimed" in said(capsys, home, "device", "list")


def test_a_password_that_is_made_is_shown_once(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("another pass phrase\n"))
    assert "shown only now" not in said(capsys, home, "user", "password", "kees", "--password-stdin")
    made = re.search(r"shown only now: (\S+)", said(capsys, home, "user", "password", "kees"))
    assert made is not None
    with TestClient(create_app(home), base_url="https://cloud.example", follow_redirects=False) as client:
        kees = Owner(client, "kees")
        assert "error" in kees.log_in("another pass phrase").headers["Location"]
        assert kees.log_in(made[1]).headers["Location"] == "/"
        client.cookies.clear()


def test_devices(home: Home, measured: Fluksometer, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = said(capsys, home, "device", "list").splitlines()
    assert line.startswith(f"{measured.id}  kees  sensors 1  last heard 20")
    shown = said(capsys, home, "device", "show", measured.id)
    assert f"sensor {measured.sensor}  Main  electricity, analog  4711 Wh at 20" in shown
    assert measured.key not in shown
    said(capsys, home, "device", "release", measured.id, "--yes")
    assert (rows(home, "samples"), rows(home, "sensors")) == (0, 1)
    said(capsys, home, "device", "forget", measured.id, "--yes")
    assert (rows(home, "devices"), rows(home, "sensors")) == (0, 0)
    assert said(capsys, home, "device", "list") == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["user", "delete", "kees"], "add --yes to do it"),
        (["user", "delete", "nobody", "--yes"], "there is no account"),
        (["user", "rename", "kees", "Mallory"], "there is an account Mallory already"),
        (["user", "rename", "kees", " "], "printable characters"),
        (["device", "show", "0" * 32], "there is no device"),
        (["device", "release", "0" * 32, "--yes"], "there is no device"),
        (["device", "forget", "0" * 32], "there is no device"),
    ],
)
def test_mistakes_change_nothing(
    home: Home, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(SystemExit, match=message):
        main([*arguments, "--dir", str(home.root)])
    assert rows(home, "accounts") == 2


def test_only_a_yes_is_a_yes(home: Home, measured: Fluksometer, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal("y\nyes\n"))
    with pytest.raises(SystemExit, match="nothing was changed"):
        main(["device", "forget", measured.id, "--dir", str(home.root)])
    assert rows(home, "devices") == 1
    main(["device", "forget", measured.id, "--dir", str(home.root)])
    assert rows(home, "devices") == 0


def test_a_device_that_nobody_has_is_not_released(home: Home, measured: Fluksometer) -> None:
    main(["device", "release", measured.id, "--yes", "--dir", str(home.root)])
    with pytest.raises(SystemExit, match="nobody has claimed"):
        main(["device", "release", measured.id, "--yes", "--dir", str(home.root)])
