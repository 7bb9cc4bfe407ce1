"""The OpenAPI document names every route, the documented answers fit it, and a fuzzer finds no answer outside it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from fluksod.lan.access import Access
from fluksod.lan.app import make_app
from fluksod.lan.openapi import SCHEMAS, document
from fluksod.store import Store
from tests.device.board import CLAMP, PULSE, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.test_documented_formats import documented
from tests.device.test_lan_v1 import sources
from tests.device.waiting import until

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


def schema(name: str) -> dict[str, Any]:
    """A schema of the document that stands alone."""
    return {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}


def test_every_route_of_the_second_api_is_in_it() -> None:
    app = make_app(sources(Store()), Access(), "1")
    found = [(route.resource.canonical, route.method) for route in app.router.routes() if route.resource is not None]
    routes = {route for route in found if route[0].startswith("/api/v2") and route[1] not in ("HEAD", "*")}
    named = {
        (path, method.upper()) for path, methods in document("1", closed=False)["paths"].items() for method in methods
    }
    assert routes == named
    assert len(routes) >= 6


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


async def test_a_fuzzer_finds_no_answer_outside_it(tmp_path: Path, board: Board) -> None:
    """Schemathesis asks with right and wrong queries, methods and headers; the stream has no end and is left out."""
    sensors = sensor_table(CLAMP, "Main", "electricity") + sensor_table(PULSE, "Water", "water")
    async with running(configuration(tmp_path, sensors=sensors)) as fluksod:
        board.send(pls(CLAMP, 1), pwr(CLAMP, 400), pls(PULSE, 1, 1000), pls(PULSE, 2, 61_000))
        await until(lambda: fluksod.reading(PULSE))
        process = await asyncio.create_subprocess_exec(
            SCHEMATHESIS,
            "run",
            f"{fluksod.url}/api/v2/openapi.json",
            "--exclude-path=/api/v2/events",
            "--exclude-checks=positive_data_acceptance",  # no schema can say that start is before end
            "--max-examples=30",
            "--seed=1",
            "--phases=examples,coverage,fuzzing",
            "--generation-database=none",
            "--request-timeout=5",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, said.decode()
        passed = re.search(r"(\d+) generated, (\d+) passed", said.decode())
        assert passed is not None
        assert int(passed[1]) == int(passed[2]) > 50
        assert not fluksod.said("rror"), fluksod.log
