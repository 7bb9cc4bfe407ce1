"""The built wheel, as people install it: with `uv tool install` on a newer Python and with pipx on the oldest one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from fluksod.config.boards import BoardModel
from tests.device.board import Board
from tests.device.daemon_process import configuration
from tests.distribution import build_wheel, install, newer_python, uv
from tests.documented import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel("device", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_the_firmware_of_every_board_also_when_built_from_the_sdist(wheel: Path, tmp_path: Path) -> None:
    uv("build", "-q", "--python", sys.executable, "-o", tmp_path, ROOT / "device")  # the sdist, and the wheel from it
    for built in (wheel, next(tmp_path.glob("*.whl"))):
        for model in BoardModel:
            with zipfile.ZipFile(built) as packed:
                image = packed.read(f"fluksod/firmware/images/{model.value}.hex")
            assert image == (ROOT / "avr" / "build" / model.value / "firmware.hex").read_bytes()


def works(program: Path, folder: Path) -> None:
    """It says its version, accepts a configuration, has its unit, serves its page and ends when told to."""
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    said = subprocess.run([program, "--version"], capture_output=True, text=True, env=outside, check=True, cwd=folder)
    assert re.fullmatch(r"fluksod \d+\.\d+\.\d+\n", said.stdout)
    config = configuration(folder)
    checked = subprocess.run([program, "check", "--config", config], capture_output=True, text=True, env=outside)
    assert checked.returncode == 0, checked.stderr
    unit = subprocess.run([program, "unit", "--config", config], capture_output=True, text=True, env=outside)
    assert f"ExecStart={program} run --config {config}\n" in unit.stdout
    running = subprocess.Popen([program, "run", "--config", config], stderr=subprocess.PIPE, text=True, env=outside)
    assert running.stderr is not None
    try:
        url = ""
        for line in running.stderr:
            if found := re.search(r"fluksod ready: (\S+)", line):
                url = found[1]
                break
        for path in ("/", "/page.js", "/page.css", "/api/v2/device"):
            with urllib.request.urlopen(url + path, timeout=5) as answer:
                assert answer.status == 200
    finally:
        running.terminate()
        began = time.monotonic()
        assert running.wait(10) == 0
        assert time.monotonic() - began < 5
        running.stderr.close()


def test_all_that_is_no_source_ships_too(wheel: Path) -> None:
    package = ROOT / "device" / "fluksod"
    others = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    assert {"fluksod/fluksod.service", "fluksod/lan/static/page.js"} <= others
    with zipfile.ZipFile(wheel) as shipped:
        assert others <= set(shipped.namelist())


def test_uv_tool_install_on_a_newer_python(tmp_path: Path, board: Board, wheel: Path) -> None:
    works(install(wheel, tmp_path, newer_python()) / "fluksod", tmp_path)


def test_pipx_install_on_the_oldest_python(tmp_path: Path, board: Board, wheel: Path) -> None:
    assert sys.version_info[:2] >= (3, 11)
    folders = {"PIPX_HOME": tmp_path / "pipx", "PIPX_BIN_DIR": tmp_path / "bin", "PIPX_MAN_DIR": tmp_path / "man"}
    uv("tool", "run", "-q", "pipx", "install", "--python", sys.executable, wheel, **folders)
    works(tmp_path / "bin" / "fluksod", tmp_path)
