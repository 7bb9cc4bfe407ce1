"""The commands of docs/api.md, against a real server: each is run as it is there, and answers what the page shows."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from tests.cloud.fluksometer import compact
from tests.cloud.owner import PASSWORD
from tests.cloud.process import Server
from tests.cloud.served import ServedOwner
from tests.documented import Page, blocks, commands_of, members
from tests.walkthrough import NotHere, Proof, Run, Serve, Step, walk

PAGE = Page("docs/api.md")
START, END = 1_791_151_200, 1_791_756_000
FROM_HERE = "The test brings its own."
WEEK = (END - START) // 60


def shown_after(command: str) -> Any:
    """The JSON that the page shows below the block whose last command this is."""
    found = blocks(PAGE.text)
    for block, following in pairwise(found):
        if block.language == "sh" and commands_of(block.text)[-1] == command:
            return json.loads(following.text)
    raise AssertionError(f"nothing is shown after {command}")


def like_the_page(command: str) -> Proof:
    def proof(folder: Path, output: str) -> None:
        answered, documented = json.loads(output), shown_after(command)
        assert members(answered) == members(documented), output

    return proof


def the_same_as_the_page(command: str) -> Proof:
    def proof(folder: Path, output: str) -> None:
        assert json.loads(output) == shown_after(command)

    return proof


def as_columns(folder: Path, output: str) -> None:
    """Two sensors, seven days of 600 W."""
    found = json.loads(output)
    assert found["time"][:2] == [START, START + 86400]
    assert [len(one["flowed"]) for one in found["series"]] == [7, 7]
    assert found["series"][0]["flowed"] == [14400.0] * 7


def in_the_week(folder: Path, output: str) -> None:
    [series] = json.loads(output)["series"]
    assert all(value is not None for value in series["mean"])


def with_a_price(folder: Path, output: str) -> None:
    [series] = json.loads(output)["series"]
    assert series["flowed"][1:-1] == [pytest.approx(14.4 * 0.3, abs=1e-5)] * (len(series["flowed"]) - 2)


def of_nights(folder: Path, output: str) -> None:
    [series] = json.loads(output)["series"]
    assert series["flowed"][1] == 1800.0, "three hours of 600 W"


def written_as_csv(folder: Path, output: str) -> None:
    lines = (folder / "week.csv").read_bytes().split(b"\r\n")
    assert (lines[0], lines[1], len(lines)) == (b"time,Wh", b"1791151200,0", WEEK + 2)


def written_as_parquet(folder: Path, output: str) -> None:
    assert parquet.read_table(io.BytesIO((folder / "week.parquet").read_bytes())).num_rows == WEEK


def a_page(command: str) -> Proof:
    def proof(folder: Path, output: str) -> None:
        found, documented = json.loads(output), shown_after(command)
        assert (found["time"][:2], found["counter"][:2]) == (documented["time"], documented["counter"])
        assert (len(found["time"]), found["next"]) == (1000, documented["next"])

    return proof


def beside_a_profile(command: str) -> Proof:
    def proof(folder: Path, output: str) -> None:
        found, documented = json.loads(output), shown_after(command)
        assert found.keys() == documented.keys()
        constant = ("profile", "zone", "resolution", "end", "used", "expected", "ratio")
        assert [found[name] for name in constant] == [documented[name] for name in constant]
        assert found["elsewhere"] == pytest.approx(documented["elsewhere"], abs=0.02)
        assert found["annual"] == pytest.approx(documented["annual"], rel=0.02)
        assert found["profile_flowed"][0] == pytest.approx(documented["profile_flowed"][0], rel=0.02)

    return proof


@pytest.fixture
def served_alone(folder_made: Path, tmp_path: Path) -> Iterator[ServedOwner]:
    """kees at a server of his own: the page shows his first device."""
    home = Path(shutil.copytree(folder_made, tmp_path / "home"))
    with Server(home) as server, ServedOwner(server) as owner:
        yield owner


def test_the_commands(served_alone: ServedOwner, tmp_path: Path) -> None:
    device, other = served_alone.device(), served_alone.device(type="water", class_="pulse")
    served_alone.upload(device, [[START + 60 * at, 10 * at] for at in range(WEEK + 1)])
    served_alone.upload(other, [[START + 3600 * at, 5 * at] for at in range(WEEK // 60 + 1)])
    now = int(time.time())
    body = compact({"measurements": [], "gauges": [[now, 600]]})
    assert served_alone.post(device, f"/sensor/{device.sensor}", body).status_code == 200
    tariff = {"type": "electricity", "currency": "EUR", "from": "2020-01-01", "rate": {"kind": "flat", "price": 0.3}}
    assert served_alone.http.put("/api/v2/tariffs", json=tariff).status_code == 200
    environment = {
        "CLOUD": served_alone.server.url,
        "CURL_CA_BUNDLE": str(served_alone.server.home / "ca.pem"),
        "TOKEN": served_alone.token,
        "SENSOR": device.sensor,
        "OTHER": other.sensor,
        "PASSWORD": PASSWORD,
    }
    walk(PAGE, dict(table(PAGE.commands)), tmp_path, environment)


STEPS: list[tuple[str, Any]] = [
    (r"^export ", lambda _: NotHere(FROM_HERE)),
    (r"/login\"$", lambda _: Run("^$", lambda folder, _: logged_in(folder))),
    (r"/tokens\"$", lambda command: Run("flk_", like_the_page(command))),
    (r"/devices\"$", lambda command: Run("", like_the_page(command))),
    (r"/latest\?", lambda command: Run("", like_the_page(command))),
    (r"/live\?", lambda _: Serve(r"^event: reading\s+data: \{.*\"gauge\":600(\.0)?\}", status=-15)),
    (r"etag-save", lambda _: Run("^$")),
    (r"etag-compare", lambda _: Run(r"\A304\n\Z")),
    (r"start=yesterday", lambda command: Run("", the_same_as_the_page(command))),
    (r"resolution=day&zone", lambda _: Run("", as_columns)),
    (r"unit=kwhperyear", lambda _: Run("kWh/year", in_the_week)),
    (r"unit=eurperyear", lambda _: Run("EUR/year", with_a_price)),
    (r"night=true", lambda _: Run("", of_nights)),
    (r"&most=1000", lambda command: Run("", a_page(command))),
    (r"week\.csv", lambda _: Run("^$", written_as_csv)),
    (r"week\.parquet", lambda _: Run("^$", written_as_parquet)),
    (r"0\.5, 100830", lambda command: Run("", the_same_as_the_page(command))),
    (r"-X PUT", lambda _: Run(r'^\{"deleted":2,"stored":2\}$')),
    (r"-X DELETE", lambda command: Run("", the_same_as_the_page(command))),
    (r"profiles/series", lambda _: Run('"sensor":"h25"', in_the_week)),
    (r"/benchmark\?", lambda command: Run("", beside_a_profile(command))),
    (r"/profiles\"$", lambda _: Run("household")),
    (r"openapi\.json", lambda _: Run('"openapi":"3.1')),
]
"""What each command shows, by a pattern that it has."""


def table(commands: list[str]) -> list[tuple[str, Step]]:
    """Each documented command with the step of the first pattern; what no pattern knows is left out, which fails."""
    found: dict[str, Step] = {}
    for command in commands:
        for pattern, step in STEPS:
            if command not in found and re.search(pattern, command):
                found[command] = step(command)
    return list(found.items())


def logged_in(folder: Path) -> None:
    assert "__Host-flukso" in (folder / "cookies").read_text()
