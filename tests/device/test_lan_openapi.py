"""The OpenAPI document names every route, the documented answers fit it, and a fuzzer finds no answer outside it."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from fluksod.lan.access import Access
from fluksod.lan.app import make_app
from fluksod.lan.openapi import SCHEMAS, document
from fluksod.store import Store
from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.daemon_process import Fluksod, configuration, running, sensor_table
from tests.device.test_documented_formats import documented
from tests.device.test_lan_v1 import sources
from tests.device.waiting import until

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


def schema(name: str) -> dict[str, Any]:
    """A schema of the document that stands alone."""
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}


def test_every_route_of_both_apis_is_in_it() -> None:
    app = make_app(sources(Store()), Access(), "1")
    found = [(route.resource.canonical, route.method) for route in app.router.routes() if route.resource is not None]
    routes = {route for route in found if route[0].startswith(("/api/v2", "/sensor")) and route[1] not in ("HEAD", "*")}
    named = {
        (path, method.upper()) for path, methods in document("1", closed=False)["paths"].items() for method in methods
    }
    assert routes == named
    assert len(routes) >= 11


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("`GET /api/v2/device`", "Device"),
        ("`GET /api/v2/sensors`", "Sensors"),
        ("`GET /api/v2/peers`", "Peers"),
        ("`GET /api/v2/sensors/<id>/history", "History"),
    ],
)
def test_the_documented_answers_fit(words: str, name: str) -> None:
    answer = documented(words)
    text_of_id = "0123456789abcdef" * 2

    def with_ids(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: with_ids(one) for key, one in value.items()}
        if isinstance(value, list):
            return [with_ids(one) for one in value]
        return text_of_id if value == "<32 hex>" else value

    jsonschema_rs.validate(schema(name), with_ids(answer))


async def fuzz(fluksod: Fluksod, description: dict[str, Any], folder: Path, *options: str) -> None:
    """Let Schemathesis ask as `description` allows and as it forbids; no answer may be outside it."""
    (folder / "openapi.json").write_text(json.dumps(description))
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS,
        "run",
        "openapi.json",
        f"--url={fluksod.url}",
        "--exclude-path=/api/v2/events",  # it has no end
        "--max-examples=30",
        "--seed=1",
        "--phases=examples,coverage,fuzzing",
        "--generation-database=none",
        "--request-timeout=5",
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, said.decode()
    passed = re.search(r"(\d+) generated, (\d+) passed", said.decode())
    assert passed is not None
    assert int(passed[1]) == int(passed[2]) > 50
    assert not fluksod.said("rror"), fluksod.log


@pytest.fixture
async def fluksod(tmp_path: Path, board: Board) -> AsyncIterator[Fluksod]:
    """A daemon with two sensors that have counted, and a token that the fuzzer does not know: it starts no update."""
    (tmp_path / "token").write_text("correct-horse-battery")
    (tmp_path / "token").chmod(0o600)
    lan = 'mdns = false\ntoken_file = "token"'
    sensors = sensor_table(CLAMP, "Main", "electricity") + sensor_table(PULSE, "Water", "water")
    async with running(configuration(tmp_path, sensors=sensors, lan=lan)) as fluksod:
        board.send(pls(CLAMP, 1), pwr(CLAMP, 400), pls(PULSE, 1, 1000), pls(PULSE, 2, 61_000))
        await until(lambda: fluksod.reading(PULSE))
        yield fluksod


async def test_a_fuzzer_finds_no_answer_outside_it(tmp_path: Path, fluksod: Fluksod) -> None:
    """Schemathesis asks with right and wrong queries, methods and headers, mostly for sensors that are not there."""
    description = await fluksod.get("/api/v2/openapi.json")
    no_schema_can_say = "--exclude-checks=positive_data_acceptance"  # that start is before end
    await fuzz(fluksod, description, tmp_path, no_schema_can_say)


async def test_what_it_allows_of_sensors_that_exist_is_answered(tmp_path: Path, fluksod: Fluksod) -> None:
    """The same with the sensors that are there and times of today; without callbacks, whose answer is no JSON."""
    description = await fluksod.get("/api/v2/openapi.json")
    now = int(time.time())
    known = {
        "sensor": [CLAMP, PULSE],
        "start": [str(now - 7200), str(now - 61)],
        "end": [str(now), str(now + 5)],
        "resolution": ["1", "7", "60", "900"],
    }
    for operations in description["paths"].values():
        asked = operations["get"].get("parameters", [])
        asked[:] = [one for one in asked if "callback" not in one["name"]]
        for one in asked:
            if one["name"] in known:
                one["schema"] = {"type": "string", "enum": known[one["name"]]}
    others_are_right_too = "--exclude-checks=negative_data_rejection"
    await fuzz(fluksod, description, tmp_path, others_are_right_too)
