"""The commands of docs/cloud.md, with flukso-cloud as its reader installs it."""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.cloud.web_cloud import SOURCES
from tests.distribution import install
from tests.documented import ROOT, Page
from tests.walkthrough import NotHere, Run, Serve, walk

PAGE = Page("docs/cloud.md")
BUILT = ROOT / "cloud" / "flukso_cloud" / "web" / "static" / "build"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the command of the installed wheel."""
    return install(wheel, tmp_path_factory.mktemp("installed"))


def initialised(folder: Path, output: str) -> None:
    """As the page says: the password is printed, once; the authority's certificate can be given away."""
    assert re.search(r"^password of kees, shown only now: \S{12,}$", output, re.MULTILINE)
    assert (folder / "srv" / "flukso" / "ca.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


def answers(folder: Path, output: str) -> None:
    """By each name that `init` was given, verified with `ca.pem`: the page, with the scripts that came in the wheel."""
    port = int(re.findall(r"https://.*:(\d+)$", output, re.MULTILINE)[0])
    trust = ssl.create_default_context(cafile=str(folder / "srv" / "flukso" / "ca.pem"))
    for name in ("cloud.local", "192.168.1.10"):
        assert get(port, trust, name, "/login").startswith(b"HTTP/1.1 200")
    styles = re.findall(rb'"(/static/build/[^"]+\.css)"', get(port, trust, "cloud.local", "/login"))
    assert styles
    for style in styles:
        assert get(port, trust, "cloud.local", style.decode()).startswith(b"HTTP/1.1 200")


def get(port: int, trust: ssl.SSLContext, name: str, path: str) -> bytes:
    """GET over a verified connection to `name`, which is on this machine here."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    with trust.wrap_socket(plain, server_hostname=name) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def backed_up(folder: Path, output: str) -> None:
    """One file, for its owner only."""
    assert (folder / "flukso.backup").stat().st_mode & 0o777 == 0o600


def restored(folder: Path, output: str) -> None:
    """The accounts are there, and what was there before has been kept."""
    for root in (folder / "srv" / "flukso", *(folder / "srv" / "flukso").glob("replaced-*")):
        with sqlite3.connect(root / "private" / "cloud.db") as copy:
            assert copy.execute("SELECT name FROM accounts ORDER BY number").fetchall() == [("kees",), ("anna",)]
    assert list((folder / "srv" / "flukso").glob("replaced-*"))


SERVE = "flukso-cloud serve --dir /srv/flukso --host 0.0.0.0 --port 8443"
BACK_UP = "flukso-cloud backup flukso.backup --dir /srv/flukso"
UPGRADE_BACKUP = "flukso-cloud backup before-upgrade.backup --dir /srv/flukso"
UNIT = "flukso-cloud unit --dir /srv/flukso | sudo tee /etc/systemd/system/flukso-cloud.service"
IMPORTS = [command for command in PAGE.commands if command.startswith("flukso-cloud import ")]
ADD_USER = "flukso-cloud user add anna --dir /srv/flukso --time-zone Europe/Brussels"
LIST_USERS = "flukso-cloud user list --dir /srv/flukso"
LIST_DEVICES = "flukso-cloud device list --dir /srv/flukso"
DUMP = "rrdtool dump base/0123456789abcdef0123456789abcdef.rrd house.xml"
RESTORE = "flukso-cloud restore flukso.backup --dir /srv/flukso --replace"
ELSEWHERE = "The machine's /srv is left alone."


def imported(command: str) -> Run:
    """The command for what `to_import` has made; each file holds three samples or more."""
    here = command.replace("/srv", "srv").replace("/var/opt/emoncms/", "")
    return Run(
        r"^sensor .*: ([3-9]|\d\d+) samples stored, 0 known already, 0 values left out$",
        None,
        here,
        ELSEWHERE,
        0,
        SERVE,
    )


def to_import(folder: Path) -> None:
    """What the reader has: a feed of emoncms, a CSV file, an archive of the original cloud."""
    (folder / "phpfina").mkdir()
    (folder / "phpfina" / "7.meta").write_bytes(struct.pack("<IIII", 0, 0, 10, 1_600_000_000))
    (folder / "phpfina" / "7.dat").write_bytes(struct.pack("<360f", *[700.0] * 360))
    (folder / "water.csv").write_text("time,value\n" + "".join(f"{1_600_000_000 + 60 * i},{i}\n" for i in range(3)))
    (folder / "base").mkdir()
    archive = folder / "base" / "0123456789abcdef0123456789abcdef.rrd"
    source, begin = "DS:meter:DERIVE:8640000:-20:20", 1_600_000_020
    create = ["create", archive, "--start", str(begin), "--step", "60", source, "RRA:AVERAGE:0.5:1:1440"]
    subprocess.run(["rrdtool", *create], check=True)
    subprocess.run(["rrdtool", "update", archive, *(f"{begin + 60 * i}:{i}" for i in range(1, 10))], check=True)


def test_the_commands(installed: Path, tmp_path: Path) -> None:
    """Installed, made, served, filled and backed up, in the page's order."""
    to_import(tmp_path)
    with (SOURCES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        walk(
            PAGE,
            {
                "scripts/setup pages": Run(
                    instead=f"{ROOT}/scripts/setup pages", because="The clone is not the current folder here."
                ),
                "sudo PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install ./cloud": Run(
                    "^0",
                    instead="flukso-cloud --version",
                    because="The fixture does what pipx does, with uv: the machine's own pipx is not touched.",
                ),
                'sudo install -d -o "$USER" /srv/flukso': Run(
                    instead=f"install -d -o {getpass.getuser()} srv/flukso",
                    because=ELSEWHERE,
                ),
                "flukso-cloud init --dir /srv/flukso --name cloud.local --name 192.168.1.10 --account kees": Run(
                    proof=initialised,
                    instead="flukso-cloud init --dir srv/flukso --name cloud.local --name 192.168.1.10 --account kees",
                    because=ELSEWHERE,
                ),
                SERVE: Serve(
                    r"https://.*:[0-9]+$",
                    proof=answers,
                    instead="flukso-cloud serve --dir srv/flukso --host 127.0.0.1 --port 0",
                    because="The test listens on loopback only, on a port that is free.",
                    status=-signal.SIGTERM,  # uvicorn ends by the signal that has asked it to, once it has cleaned up
                ),
                ADD_USER: Run(
                    "^account anna: added, uid 2$",
                    instead=ADD_USER.replace("/srv", "srv"),
                    because=ELSEWHERE,
                    during=SERVE,
                ),
                LIST_USERS: Run(
                    "^anna  uid 2 .*\nkees  uid 1 ",
                    instead=LIST_USERS.replace("/srv", "srv"),
                    because=ELSEWHERE,
                    during=SERVE,
                ),
                LIST_DEVICES: Run(instead=LIST_DEVICES.replace("/srv", "srv"), because=ELSEWHERE, during=SERVE),
                BACK_UP: Run(proof=backed_up, instead=BACK_UP.replace("/srv", "srv"), because=ELSEWHERE, during=SERVE),
                UNIT: Run(
                    r"^ExecStart=.*flukso-cloud serve --dir .*/srv/flukso$",
                    instead=UNIT.replace("/srv", "srv").replace("sudo tee /etc/systemd/system/", "tee "),
                    because="The machine's services are left alone.",
                ),
                "sudo systemctl enable --now flukso-cloud": NotHere("It would start a service on this machine."),
                "git pull": NotHere("The clone is the one that is being tested."),
                UPGRADE_BACKUP: Run(instead=UPGRADE_BACKUP.replace("/srv", "srv"), because=ELSEWHERE, during=SERVE),
                "sudo PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install --force ./cloud": NotHere(
                    "The machine's own pipx is not touched; test_install.py installs with pipx."
                ),
                "sudo systemctl restart flukso-cloud": NotHere("It would start a service on this machine."),
                DUMP: Run(during=SERVE),
                **{command: imported(command) for command in IMPORTS},
                RESTORE: Run(proof=restored, instead=RESTORE.replace("/srv", "srv"), because=ELSEWHERE),
            },
            tmp_path,
            {"PATH": f"{installed}:{os.environ['PATH']}"},
        )


def test_the_pages_are_in_the_wheel(wheel: Path) -> None:
    """Who installs the cloud needs no Node.js."""
    built = {f"flukso_cloud/web/static/build/{file.name}" for file in BUILT.iterdir() if not file.name.startswith(".")}
    assert len(built) >= 4
    assert built <= set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.timeout(300)  # it starts the program two dozen times, and installs it first
def test_the_table_of_commands(installed: Path) -> None:
    """Each row is a command of the program, with options and defaults that the program has too; none is left out."""
    section = PAGE.text.split("## Commands\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    documented = [" ".join(re.findall(r"^(?:[a-z]+ ?)+", row)[0].split()) for row in rows]
    for row, words in zip(rows, documented, strict=True):
        shown = help_of(installed, *words.split())
        for option, value in re.findall(r"(--[a-z-]+) ?([^\]\s-]*)", row):
            assert option in shown, f"docs/cloud.md: {words} has no {option}"
            if value and not value.isupper():
                assert f"({value}" in shown or f"default {value}" in shown or option == "--time-zone", (words, option)
    commands = re.findall(r"^    ([a-z]+)  ", help_of(installed), re.MULTILINE)
    assert set(commands) == {words.split()[0] for words in documented}


def help_of(installed: Path, *command: str) -> str:
    shown = subprocess.run([installed / "flukso-cloud", *command, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout
