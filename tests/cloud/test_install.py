"""The built wheel, as people install it: with `uv tool install` on a newer Python and with pipx on the oldest one."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

from tests.distribution import install, newer_python, uv
from tests.documented import ROOT


def works(program: Path, folder: Path) -> None:
    """It says its version, makes a cloud, has its unit, imports, backs up, serves and ends when told to."""
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*arguments: str | Path) -> str:
        ended = subprocess.run([program, *arguments], capture_output=True, text=True, env=outside, cwd=folder)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("--version"))
    home = folder / "home"
    run("init", "--dir", home, "--account", "kees")
    assert f"ExecStart={program} serve --dir {home}\n" in run("unit", "--dir", home)
    (folder / "data.csv").write_text("1600000000,1\n1600000060,2\n")
    said = run("import", "csv", "data.csv", "--unit", "kWh", "--dir", home, "--account", "kees", "--sensor", "House")
    assert "2 samples stored" in said
    run("backup", folder / "backup", "--dir", home)
    (home / "flukso-cloud.toml").write_text("[metrics]\nenabled = true\nport = 0\n")
    command = [program, "serve", "--dir", home, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=outside, cwd=folder) as running:
        assert running.stdout is not None
        port = running.stdout.readline().rpartition(":")[2].strip()
        trust = ssl.create_default_context(cafile=str(home / "ca.pem"))
        for path in ("/readyz", "/login"):
            with urllib.request.urlopen(f"https://localhost:{port}{path}", timeout=10, context=trust) as answer:
                assert answer.status == 200
        running.terminate()


def test_all_that_is_no_source_ships_too(wheel: Path) -> None:
    package = ROOT / "cloud" / "flukso_cloud"
    others = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and not path.name.startswith(".")
    }
    assert {"flukso_cloud/flukso-cloud.service"} <= others
    with zipfile.ZipFile(wheel) as shipped:
        assert others <= set(shipped.namelist())


def test_uv_tool_install_on_a_newer_python(tmp_path: Path, wheel: Path) -> None:
    works(install(wheel, tmp_path, newer_python()) / "flukso-cloud", tmp_path)


def test_pipx_install_on_the_oldest_python(tmp_path: Path, wheel: Path) -> None:
    assert sys.version_info[:2] >= (3, 11)
    folders = {"PIPX_HOME": tmp_path / "pipx", "PIPX_BIN_DIR": tmp_path / "bin", "PIPX_MAN_DIR": tmp_path / "man"}
    uv("tool", "run", "-q", "pipx", "install", "--python", sys.executable, wheel, **folders)
    works(tmp_path / "bin" / "flukso-cloud", tmp_path)
