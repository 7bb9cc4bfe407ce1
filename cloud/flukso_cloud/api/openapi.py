"""OpenAPI 3.1 documents, made of what routes say of themselves (`documented`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from .documented import JSON, Operation, operations_of
from .problem import MEDIA, Problem, is_v2

Schema = dict[str, Any]

_V1 = ("/sensor/", "/device/", "/user/", "/api/v1/")
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_NUMBER = {"type": "string", "pattern": "^[0-9]{1,10}$"}
_NAMES = {"name": {"type": "string", "minLength": 1}, **dict.fromkeys(("uid", "rid", "lvl", "bid"), _NUMBER)}
"""Parameters in a path that are no id."""
_BODILESS = {204, 304}
_SCHEMES: Mapping[str, Schema] = {
    "token": {"type": "apiKey", "in": "header", "name": "X-Token"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-flukso"},
}


def v1_routes(routes: Iterable[BaseRoute]) -> list[Route]:
    """Return those of API v1: what devices and the old clients ask for."""
    return [route for route in routes if isinstance(route, Route) and route.path.startswith(_V1)]


def v2_routes(routes: Iterable[BaseRoute]) -> list[Route]:
    """Return those of API v2."""
    return [route for route in routes if isinstance(route, Route) and is_v2(route.path)]


def v1_document(version: str, routes: Iterable[BaseRoute]) -> Schema:
    """Return the document of API v1 out of all `routes` of the application; `version` is that of the cloud."""
    return document("Flukso cloud, API v1", version, v1_routes(routes), problems=False, usual=(400, 401, 503))


def v2_document(version: str, routes: Iterable[BaseRoute]) -> Schema:
    """Return the document of API v2 out of all `routes` of the application; `version` is that of the cloud."""
    return document("Flukso cloud, API v2", version, v2_routes(routes), problems=True, usual=(400, 401, 503))


def document(title: str, version: str, routes: Iterable[BaseRoute], *, problems: bool, usual: Iterable[int]) -> Schema:
    """Return the document of `routes`.

    Errors are problem details, or else plain lines. `usual` are the statuses that every route may refuse with.
    """
    described = [(route, one) for route in routes if isinstance(route, Route) for one in operations_of(route.endpoint)]
    kinds = [kind for _, one in described for kind in (one.query, one.body, one.answer) if kind is not None]
    schemas, components = msgspec.json.schema_components([*kinds, Problem], ref_template="#/components/schemas/{name}")
    by_kind = dict(zip(map(id, [*kinds, Problem]), schemas, strict=True))
    refusal = {MEDIA: by_kind[id(Problem)]} if problems else {"text/plain": {"type": "string"}}
    paths: Schema = {}
    for route, one in described:
        unchanged = {304} if problems and _has_tag(one) else set()
        refusals = sorted({*usual, *one.refuses, *unchanged})
        paths.setdefault(route.path, {})[one.method.lower()] = _operation(
            route, one, by_kind, components, refusal, refusals
        )
    for _, one in described:
        if one.query is not None:
            components.pop(one.query.__name__, None)  # its fields are parameters
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Counters are absolute, in Wh or L; times are unix seconds, UTC.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": dict(_SCHEMES)},
        "security": [{name: []} for name in _SCHEMES],
    }


def _operation(
    route: Route,
    one: Operation,
    by_kind: Mapping[int, Schema],
    components: Mapping[str, Schema],
    refusal: Mapping[str, Schema],
    refusals: Iterable[int],
) -> Schema:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _NAMES.get(name, _ID)}
        for name in _PATH_PARAMETER.findall(route.path)
    ]
    if one.query is not None:
        parameters += _parameters(components[one.query.__name__])
    parameters += [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in one.headers
    ]
    answer: Schema = {"description": HTTPStatus(one.status).phrase}
    if one.answer is not None:
        answer["content"] = {
            media: {"schema": by_kind[id(one.answer)] if media == JSON else {"type": "string"}} for media in one.media
        }
    made: Schema = {
        "operationId": route.endpoint.__name__
        if len(operations_of(route.endpoint)) == 1
        else _operation_id(route, one),
        "summary": one.summary,
        "responses": {
            str(one.status): answer,
            **{str(status): _refusal(status, refusal) for status in refusals},
        },
    }
    if one.public:
        made["security"] = []
    if parameters:
        made["parameters"] = parameters
    if one.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": by_kind[id(one.body)]}}}
    return made


def _has_tag(one: Operation) -> bool:
    """Tell whether what is answered has an ETag: what a GET of API v2 answers, if it has an end."""
    return one.method == "GET" and "text/event-stream" not in one.media


def _refusal(status: int, content: Mapping[str, Schema]) -> Schema:
    told: Schema = {"description": HTTPStatus(status).phrase}
    if status not in _BODILESS:
        told["content"] = {media: {"schema": schema} for media, schema in content.items()}
    return told


def _operation_id(route: Route, one: Operation) -> str:
    return f"{one.method.lower()}_{route.endpoint.__name__}"


def _parameters(schema: Schema) -> list[Schema]:
    """Return a parameter for each field of a query; one that may be left out has no null, as a query has none."""
    required = schema.get("required", ())
    found = []
    for name, told in schema["properties"].items():
        described = {key: value for key, value in told.items() if key not in {"anyOf", "default"}}
        choices = [choice for choice in told.get("anyOf", ()) if choice.get("type") != "null"]
        merged = {**described, **(choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})}
        if told.get("default") is not None:
            merged["default"] = told["default"]
        found.append({"name": name, "in": "query", "required": name in required, "schema": merged})
    return found
