"""Installs a distribution of the repository as `pipx install ./NAME` does: its wheel, with what it requires, apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documented import ROOT


def uv(*arguments: str | Path, **environment: str | Path) -> None:
    """Run uv, the machine's or the one that scripts/setup has put into .tools."""
    program = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    assert Path(program).exists(), "uv is missing; run: scripts/setup python"
    ended = subprocess.run(
        [program, *map(str, arguments)],
        env=os.environ | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr


def build_wheel(part: str, folder: Path) -> Path:
    """Build the wheel of `part` ("device" or "cloud") from the sources as they are into `folder`."""
    uv("build", "-q", "--wheel", "--python", sys.executable, "-o", folder, ROOT / part)
    return next(folder.glob("*.whl"))


def newer_python() -> str:
    """A Python newer than the oldest that we run on: scripts/setup has found or made one."""
    own = ROOT / ".tools" / "python3.14" / "usr" / "bin" / "python3.14"
    return str(own) if own.exists() else "3.14"


def install(wheel: Path, folder: Path, python: str = sys.executable, extras: str = "") -> Path:
    """Install it into an environment of its own, by default with this Python; return the folder of its commands.

    `extras` are those that are asked for, with commas between.

    What it requires comes in the versions of the lock: those are on the machine already.
    """
    commands = folder / "bin"
    wanted = f"{wheel}[{extras}]" if extras else str(wheel)
    lock = ROOT / "requirements" / "dev.txt"
    folders = {"UV_TOOL_DIR": folder / "tools", "UV_TOOL_BIN_DIR": commands}
    uv("tool", "install", "-q", "--python", python, "--constraints", lock, wanted, **folders)
    return commands
