"""Another process keeps the database locked longer than the store waits, while uploads come."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flukso_cloud.home import Home
from tests.cloud.process import Server
from tests.cloud.test_operating import until
from tests.cloud.uploaders import Uploader, assert_all_is_there_once

UPLOADERS = 4
_HOLD = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
for statement in sys.argv[2:]:
    conn.execute(statement).fetchall()
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another_process(database: Path, *statements: str) -> Iterator[None]:
    """A careless program holds the database in the state that its statements brought about."""
    command = [sys.executable, "-c", _HOLD, str(database), *statements]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield
        holder.stdin.close()


@pytest.mark.parametrize("is_killed", [False, True])
def test_refused_while_it_is_locked_then_taken_again(home: Home, *, is_killed: bool) -> None:
    with Server(home.root) as server:
        uploaders = [Uploader(server) for _ in range(UPLOADERS)]
        for one in uploaders:
            one.register()
            one.start()
        until(lambda: min(len(one.acknowledged) for one in uploaders) >= 50, server)
        with locked_by_another_process(home.database, "BEGIN IMMEDIATE", "UPDATE devices SET last_seen = 0"):
            until(lambda: min(one.statuses[503] for one in uploaders) >= 2, server, 60)
            wire = server.connect()
            assert wire.request("GET", "/healthz").status == 200
            ready = wire.request("GET", "/readyz")
            assert ready.status == 503
            assert b"locked" in ready.body or b"takes longer" in ready.body  # while many wait for it one after another
            assert ready.headers["Retry-After"] == " 5"
            wire.close()
            if is_killed:
                server.kill()
        if not is_killed:
            before = [len(one.acknowledged) for one in uploaders]
            until(
                lambda: all(len(one.acknowledged) > was + 50 for one, was in zip(uploaders, before, strict=True)),
                server,
            )
            assert {status for one in uploaders for status in one.statuses} == {200, 503}
            for one in uploaders:
                one.finish()
            server.stop()
    for one in uploaders:
        one.join()
    assert "Traceback" not in server.log
    assert_all_is_there_once(home.database, uploaders)


def test_a_reader_that_never_ends_refuses_nothing(home: Home) -> None:
    """Only the write-ahead log grows meanwhile."""
    with Server(home.root) as server:
        one = Uploader(server)
        one.register()
        with locked_by_another_process(home.database, "BEGIN", "SELECT * FROM devices"):
            one.start()
            until(lambda: len(one.acknowledged) >= 500, server)
        one.finish()
        server.stop()
    assert set(one.statuses) == {200}
    assert_all_is_there_once(home.database, [one])
