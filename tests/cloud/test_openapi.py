"""The OpenAPI documents name every route of both APIs, and a fuzzer finds no answer outside them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.routing import Route

from flukso_cloud.api.documented import operations_of
from flukso_cloud.api.openapi import v1_document, v2_document
from flukso_cloud.app import create_app
from flukso_cloud.home import Home
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import PASSWORD
from tests.cloud.process import Server, run
from tests.cloud.test_documented_formats import claim

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
PAGES = ("/", "/login", "/logout", "/claim", "/healthz", "/readyz")
NO_JSON = "/xmlrpc/1"
"""Described by XML-RPC itself."""


def test_every_route_says_what_it_does() -> None:
    """A route of an API without a description of each of its methods fails here: see api/documented.py."""
    routes = create_app(Home(Path())).routes
    apis = [route for route in routes if isinstance(route, Route) and route.path not in (*PAGES, NO_JSON)]
    served = {(one.path, method) for one in apis for method in one.methods or () if method != "HEAD"}
    told = {(one.path, operation.method) for one in apis for operation in operations_of(one.endpoint)}
    documents = v1_document("1", routes)["paths"] | v2_document("1", routes)["paths"]
    assert served == told == {(path, method.upper()) for path, methods in documents.items() for method in methods}
    assert len(served) > 50


def test_an_operation_has_a_name_of_its_own() -> None:
    routes = create_app(Home(Path())).routes
    for document in (v1_document("1", routes), v2_document("1", routes)):
        names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_it_is_printed_and_served_alike(api: str, server: Server) -> None:
    printed = run("openapi", api)
    assert printed.returncode == 0
    assert json.loads(printed.stdout) == server.get_json(f"/api/{api}/openapi.json", "")


@pytest.fixture(scope="module")
def fed(folder_made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Fluksometer, str]]:
    """A server of its own with a device that has counted, and a token of its owner."""
    home = Path(shutil.copytree(folder_made, tmp_path_factory.mktemp("fuzzed") / "home"))
    with Server(home) as server:
        device = Fluksometer()
        wire = server.connect()
        body = device.registration()
        assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
        body = compact({"measurements": [[1_700_000_000 + 60 * i, 10 * i] for i in range(200)]})
        assert wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status == 200
        wire.close()
        yield server, device, claim(server, device)


def logged_in(server: Server) -> str:
    """Log in as kees, and return the header with the session."""
    wire = server.connect()
    form = urlencode({"name": "kees", "password": PASSWORD}).encode()
    answer = wire.request("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    wire.close()
    assert answer.status == 303
    return next(line.partition(": ")[2].partition(";")[0] for line in answer.lines if "__Host-flukso=" in line)


def fuzz(server: Server, who: str, document: Any, folder: Path, *options: str) -> None:
    """Let Schemathesis ask as `document` allows and as it forbids; no answer may be outside it."""
    schemes = document["components"]["securitySchemes"]
    kept = {name: schemes[name] for name in ("token",) if "X-Token" in who}  # several at once are refused
    document["components"]["securitySchemes"], document["security"] = kept, [{name: []} for name in kept]
    (folder / "openapi.json").write_text(json.dumps(document))
    command = [
        SCHEMATHESIS,
        "run",
        "openapi.json",
        f"--url={server.url}",
        f"--tls-verify={server.home / 'ca.pem'}",
        f"--header={who}",
        "--exclude-path=/api/v2/live",  # it has no end
        "--max-examples=8",
        "--seed=1",
        "--phases=examples,coverage,fuzzing",
        "--generation-database=none",
        "--request-timeout=10",
        *options,
    ]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert said.returncode == 0, said.stdout[-9000:] + said.stderr
    passed = re.search(r"(\d+) generated, (\d+) passed", said.stdout)
    assert passed is not None
    assert int(passed[1]) == int(passed[2]) > 50


NO_SCHEMA_CAN_SAY = "--exclude-checks=positive_data_acceptance"
"""Whose an id is, that start is before end."""


def test_a_fuzzer_finds_no_answer_of_v1_outside_it(fed: tuple[Server, Fluksometer, str], tmp_path: Path) -> None:
    """Schemathesis asks with right and wrong queries, bodies, methods and headers."""
    server, _, token = fed
    document = server.get_json("/api/v1/openapi.json", "")
    fuzz(server, f"X-Token: {token}", document, tmp_path, NO_SCHEMA_CAN_SAY)


def test_a_fuzzer_finds_no_answer_of_v2_outside_it(fed: tuple[Server, Fluksometer, str], tmp_path: Path) -> None:
    """The same by somebody who is logged in, and may do everything."""
    server, _, _ = fed
    document = server.get_json("/api/v2/openapi.json", "")
    fuzz(server, f"Cookie: {logged_in(server)}", document, tmp_path, NO_SCHEMA_CAN_SAY)
