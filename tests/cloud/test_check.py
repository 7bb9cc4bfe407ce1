"""`flukso-cloud check` finds what is damaged, names it, and mends what can be mended."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from flukso_cloud.cli import main
from flukso_cloud.folding import fold_all
from flukso_cloud.home import Home
from flukso_cloud.meter import Sample
from flukso_cloud.store.chunks import DAY, SETTLED
from flukso_cloud.store.sqlite import SqliteStore
from tests.cloud.kept import measurements
from tests.cloud.test_store import add_sensor

START = 1_790_035_200 // (32 * DAY) * 32 * DAY
SERIES = [Sample(START + 600 * number, (number * 100) % 30_000) for number in range(40 * 144)]
CHUNK = "UPDATE chunks SET data = substr(data, 1, 20) WHERE day = ?"
COUNT = "UPDATE chunks SET count = count + 1 WHERE day = ?"
HOURS = "UPDATE hours SET data = (SELECT data FROM hours WHERE sheet = ? / 32 + 1)"
NO_HOURS = "DELETE FROM hours WHERE sheet = ? / 32"
BREAKS = 'DELETE FROM breaks WHERE "end" / 86400 = ? + 2'


@pytest.fixture
async def folded(home: Home) -> Home:
    """A cloud with 40 days of a sensor in chunks."""
    store = SqliteStore.open(home.database)
    sensor = await add_sensor(store)
    await store.append(sensor, SERIES, START)
    assert await fold_all(store, START + 40 * DAY + SETTLED) == len(SERIES)
    await store.close()
    return home


def check(home: Home, *options: str) -> None:
    main(["check", "--dir", str(home.root), *options])


def test_nothing_is_wrong(folded: Home, capsys: pytest.CaptureFixture[str]) -> None:
    check(folded)
    assert capsys.readouterr().out == "all is well\n"


@pytest.mark.parametrize(
    ("damage", "named", "lost"),
    [
        (CHUNK, f"sensor {'cd' * 16}: {{first}}: the chunk cannot be read", 144),
        (COUNT, f"sensor {'cd' * 16}: {{first}}: the chunk is not what its row tells", 0),
        (HOURS, "{first}: the hours of the 32 days from there disagree with the samples", 0),
        (NO_HOURS, "{first}: the hours of the 32 days from there disagree with the samples", 0),
        (BREAKS, "where its counter breaks is not as the samples tell", 0),
    ],
)
def test_what_is_damaged_is_named_and_mended(
    folded: Home, capsys: pytest.CaptureFixture[str], damage: str, named: str, lost: int
) -> None:
    with sqlite3.connect(folded.database) as conn:
        assert conn.execute(damage, (START // DAY,)).rowcount >= 1
    for _ in range(2):
        with pytest.raises(SystemExit, match="complaints; --repair mends"):
            check(folded)
        assert named.format(first="2026-09-08") in capsys.readouterr().out
    check(folded, "--repair")
    assert "what could be mended is" in capsys.readouterr().out
    check(folded)
    assert capsys.readouterr().out == "all is well\n"
    assert measurements(folded.database, "cd" * 16) == SERIES[lost:]


def test_a_damaged_database_is_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    size = home.database.stat().st_size
    with Path(home.database).open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 9000)
    with pytest.raises(SystemExit) as told:
        check(home)
    assert "restore a backup" in str(told.value) + capsys.readouterr().out
