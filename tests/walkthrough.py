"""Goes through a page of the documentation as its reader does: runs each command in the page's order.

A table says for each documented command what stands for it here. A command that the table does not know fails the test.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.documented import ROOT, Page

SECONDS = 100
"""Longest time for a command to end, or to be ready."""

Proof = Callable[[Path, str], None]
"""Looks whether a command did what the page says: gets the folder that it ran in, and its output so far."""


@dataclass(frozen=True)
class Run:
    """A command that ends by itself, with `status` and an output that has the pattern `shows`.

    It is run as documented, or as `instead` for the reason `because`; `during` names the documented command that has to
    be running meanwhile.
    """

    shows: str = ""
    proof: Proof | None = None
    instead: str = ""
    because: str = ""
    status: int = 0
    during: str = ""


@dataclass(frozen=True)
class Serve:
    """A command that runs until it is stopped: it is left running until its output has the pattern `ready`."""

    ready: str
    proof: Proof | None = None
    instead: str = ""
    because: str = ""
    stop: signal.Signals = signal.SIGTERM
    status: int = 0
    during: str = ""


@dataclass(frozen=True)
class ByTest:
    """A command that another test runs: a path of the repository, `::` and the test's name, or a script that has it."""

    test: str
    because: str


@dataclass(frozen=True)
class NotHere:
    """Something that cannot be run in a test, for the reason `because`."""

    because: str


Step = Run | Serve | ByTest | NotHere


def walk(page: Page, table: Mapping[str, Step], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run the commands of `page` in `folder`, as `table` says, with `environment` beside the one that is there."""
    _Walk(page, table, folder, {**os.environ, **(environment or {})}).go()


@dataclass
class _Walk:
    page: Page
    table: Mapping[str, Step]
    folder: Path
    environment: Mapping[str, str]

    def go(self) -> None:
        documented = self.page.commands
        for command in documented:
            assert command in self.table, f"{self.page.path}: no test runs the documented command: {command}"
        for command in self.table:
            assert command in documented, f"{self.page.path} no longer has the command that a test runs: {command}"
        for command in documented:
            if not _during(self.table[command]):
                self.take(command)

    def take(self, command: str) -> None:
        step = self.table[command]
        where = f"{self.page.path}: {command}"
        if isinstance(step, ByTest | NotHere) or step.instead:
            assert step.because.endswith("."), f"{where}: give the reason as a sentence"
        match step:
            case ByTest():
                _assert_exists(step.test, command, where)
            case Run():
                self.run(step, command, where)
            case Serve():
                self.serve(step, command, where)

    def run(self, step: Run, command: str, where: str) -> None:
        ended = subprocess.run(
            ["bash", "-c", step.instead or command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        assert ended.returncode == step.status, f"{where}: ended with {ended.returncode}:\n{ended.stdout}"
        shown = re.search(step.shows, ended.stdout, re.MULTILINE)
        assert shown, f"{where}: does not show {step.shows}:\n{ended.stdout}"
        if step.proof:
            step.proof(self.folder, ended.stdout)

    def serve(self, step: Serve, command: str, where: str) -> None:
        process = subprocess.Popen(
            ["bash", "-c", step.instead or command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said: list[str] = []
        assert process.stdout is not None
        reader = threading.Thread(target=said.extend, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            deadline = time.monotonic() + SECONDS
            while not re.search(step.ready, "".join(said), re.MULTILINE):
                if process.poll() is not None:
                    reader.join(5)
                    raise AssertionError(f"{where}: ended with {process.returncode}:\n{''.join(said)}")
                assert time.monotonic() < deadline, f"{where}: does not show {step.ready}:\n{''.join(said)}"
                time.sleep(0.02)
            if step.proof:
                step.proof(self.folder, "".join(said))
            for other in self.table:
                if _during(self.table[other]) == command:
                    self.take(other)
            process.send_signal(step.stop)
            status = process.wait(40)
            assert status == step.status, f"{where}: ended with {status}:\n{''.join(said)}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also what it has left behind
            process.wait(10)
            reader.join(5)


def _during(step: Step) -> str:
    return step.during if isinstance(step, Run | Serve) else ""


def _assert_exists(test: str, command: str, where: str) -> None:
    path, _, name = test.partition("::")
    assert (ROOT / path).is_file(), f"{where}: there is no {path}"
    looked_for = rf"^(async )?def {name}\(" if name else rf"\b{re.escape(command)}$"
    assert re.search(looked_for, (ROOT / path).read_text(), re.MULTILINE), f"{where}: {path} has no {name or command}"
