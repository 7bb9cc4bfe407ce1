"""The commands, the configuration and the service of docs/device.md, with fluksod as its reader installs it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import trustme

from tests.device.board import Board
from tests.device.mosquitto import free_port
from tests.distribution import build_wheel, install
from tests.documented import Page
from tests.walkthrough import NotHere, Run, Serve, walk

PAGE = Page("docs/device.md")

# What of the documented configuration is another one here: nothing leaves this machine or touches its files and ports.
HERE = {
    '"/var/lib/fluksod"': '"state"',
    '"/dev/ttyUSB0"': '"board"',
    '"0.0.0.0"': '"127.0.0.1"',
    "port = 8080": f"port = {free_port()}",
    "mdns = true": "mdns = false",
    '"https://cloud.example:8443"': '"https://127.0.0.1:9"',
    '"broker.example"': '"127.0.0.1"',
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the command of an installed wheel."""
    folder = tmp_path_factory.mktemp("installed")
    return install(build_wheel("device", folder), folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the documented configuration and the authority that it names."""
    folder = tmp_path / "etc"
    folder.mkdir()
    text = PAGE.block_after("## Configure", "toml")
    (folder / "documented.toml").write_text(text)
    for documented, here in HERE.items():
        assert documented in text, f"docs/device.md no longer has {documented}"
        text = text.replace(documented, here)
    (folder / "fluksod.toml").write_text(text)
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "mqtt-password").touch(mode=0o600)
    (folder / "lan-token").touch(mode=0o600)
    (folder / "lan-token").write_text("0123456789abcdef")
    return folder


def groups(folder: Path, output: str) -> None:
    assert (folder / "etc" / "group").read_text() == "dialout:x:20:reader\n"


USERMOD = 'sudo usermod -aG dialout "$USER"'
IN_A_FOLDER = """mkdir etc && echo dialout:x:20: >etc/group && echo reader:x:1000:1000::/:/bin/sh >etc/passwd &&
    PATH=$PATH:/usr/sbin usermod -P "$PWD" -aG dialout reader"""


UNIT = "fluksod unit | sudo tee /etc/systemd/system/fluksod.service"


def written_unit(folder: Path, _output: str) -> None:
    assert "ExecStart=" in (folder / "fluksod.service").read_text()


def test_the_commands(installed: Path, folder: Path, board: Board) -> None:
    """Installed, checked, run and asked for its identity, in the page's order."""
    (folder / "board").symlink_to(board.path)
    walk(
        PAGE,
        {
            "sudo PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install ./device": Run(
                "^fluksod 0",
                instead="fluksod --version",
                because="The fixture does what pipx does, with uv: the machine's own pipx is not touched.",
            ),
            USERMOD: Run(
                proof=groups,
                instead=IN_A_FOLDER,
                because="The machine's accounts are left alone, it changes a folder's.",
            ),
            "fluksod check": Run(
                r"^The configuration is right\.",
                instead="fluksod check --config fluksod.toml",
                because="The machine has no /etc/fluksod.toml.",
            ),
            "fluksod run": Serve(
                r"fluksod ready: http://127\.0\.0\.1:[0-9]+$",
                instead="fluksod run --config fluksod.toml",
                because="The machine has no /etc/fluksod.toml.",
            ),
            "fluksod ready: http://HOST:PORT": NotHere(
                "It is no command but what `fluksod run` says: its step above waits for it."
            ),
            "fluksod identity": Run(
                r"\Adevice     [0-9a-f]{32}\nclaim code [0-9A-Z]{4}-[0-9A-Z]{4}\n\Z",
                instead="fluksod identity --config fluksod.toml",
                because="The machine has no /etc/fluksod.toml.",
            ),
            "fluksod backup FILE": Run(
                r"^house.backup: [0-9.]+ MB\.",
                instead="fluksod backup house.backup --config fluksod.toml",
                because="The machine has no /etc/fluksod.toml.",
            ),
            "fluksod restore FILE": Run(
                r"is what it was when house.backup was made",
                instead="sed 's/^state = .*/state = \"other\"/' fluksod.toml >other.toml && "
                "fluksod restore house.backup --config other.toml",
                because="The machine has no /etc/fluksod.toml, and its fluksod may go on.",
            ),
            UNIT: Run(
                proof=written_unit,
                instead="fluksod unit --config fluksod.toml >fluksod.service",
                because="This machine's services are left alone; test_operating looks at the unit.",
            ),
            "fluksod firmware update": NotHere("It needs a board; test_firmware runs it with a simulated one."),
            "sudo apt-get install avrdude": NotHere(
                "scripts/setup has installed it; the machine's packages are left alone."
            ),
            "systemctl edit fluksod": NotHere("It opens an editor."),
            "sudo systemctl enable --now fluksod": NotHere("It would start a service on this machine."),
            "fluksod status": NotHere("It asks a running fluksod; test_operating does."),
            "fluksod sensors": NotHere("It asks a running fluksod; test_operating does."),
            "fluksod unit": Run(
                r"^\[Unit\]",
                instead="fluksod unit --config fluksod.toml",
                because="The machine has no /etc/fluksod.toml.",
            ),
        },
        folder,
        {"PATH": f"{installed}:{os.environ['PATH']}"},
    )


def test_the_configuration_as_it_stands(installed: Path, folder: Path) -> None:
    """`fluksod check` accepts the documented file word for word, and would do what its comments say."""
    checked = subprocess.run(
        [installed / "fluksod", "check", "--config", folder / "documented.toml"], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    for said in (
        "/dev/ttyUSB0",
        "http://0.0.0.0:8080",
        "mDNS on all interfaces",
        "/var/lib/fluksod",
        "0123456789abcdef0123456789abcde0 as 'Main', electricity, analog",
        "https://cloud.example:8443 through the proxy at proxy.example:3128 every 10 s",
        f"trusting only {folder / 'ca.pem'}",
        f"broker.example:8883, trusting {folder / 'ca.pem'}, where Home Assistant finds the sensors",
    ):
        assert said in checked.stdout
