"""The OpenAPI document of the local API, served at /api/v2/openapi.json. Pure. Its words: docs/protocol.md."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_TIME = {"type": "integer", "description": "unix seconds, UTC"}


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def _object(members: dict[str, Schema], description: str = "", optional: tuple[str, ...] = ()) -> Schema:
    made: Schema = {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }
    return {**made, "description": description} if description else made


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_ERROR = {**_or_null(_TEXT), "description": "what is wrong and what to do, null when nothing is"}
_LINK_STATE: dict[str, Schema] = {
    "connected": _FLAG,
    "last_line": _or_null(_TIME),
    "rejected_lines": _WHOLE,
    "error": _ERROR,
}

SCHEMAS: dict[str, Schema] = {
    "Error": _object({"error": {"type": "string", "description": "what is wrong and what to give"}}),
    "Reading": _object(
        {"time": _TIME, "counter": _or_null(_NUMBER), "gauge": _or_null(_NUMBER)},
        "The counter is an absolute register in counter_unit, never falling; the gauge is the rate now, in gauge_unit.",
    ),
    "Phase": _object({name: _or_null(_NUMBER) for name in ("power", "voltage", "current")}, "W, V, A"),
    "Demand": _object(
        {
            "quarter": _TIME,
            "average": _or_null(_NUMBER),
            "projected": _or_null(_NUMBER),
            "whole": _FLAG,
            "month_peak": _or_null(_NUMBER),
            "month_peak_time": _or_null(_TIME),
            "month_coverage": _or_null(_NUMBER),
            "mean_month_peak": _or_null(_NUMBER),
            "meter": _or_null(_ref("OwnDemand")),
        },
        "The quarter of an hour that runs, the highest of the month and the mean of twelve months' peaks, in W.",
    ),
    "OwnDemand": _object(
        {
            "average": _or_null(_NUMBER),
            "month_peak": _or_null(_NUMBER),
            "month_peak_time": _or_null(_TIME),
            "mean_month_peak": _or_null(_NUMBER),
        },
        "What a Belgian meter computes by itself, in W: this is what is paid for.",
    ),
    "Sensor": _object(
        {
            "id": _ID,
            "name": _TEXT,
            "type": {"type": "string", "enum": ["electricity", "water", "gas"]},
            "class": {"type": "string", "enum": ["analog", "pulse", "cosem", "uart", "peer"]},
            "direction": {"type": "string", "enum": ["import", "export"]},
            "counter_unit": {"type": "string", "enum": ["Wh", "L"]},
            "gauge_unit": {"type": "string", "enum": ["W", "L/min"]},
            "reading": _or_null(_ref("Reading")),
            "source": {**_or_null(_TEXT), "description": "the board or meter that measures it"},
            "phases": {"anyOf": [_list(_ref("Phase")), {"type": "null"}]},
            "demand": _or_null(_ref("Demand")),
            "owner": {**_TEXT, "description": "of a peer"},
            "resolution": {**_TEXT, "description": "of a peer: the finest that is shared"},
        },
        optional=("owner", "resolution"),
    ),
    "LinkState": _object(_LINK_STATE),
    "Board": _object(
        {"name": _TEXT, "port": _TEXT, "link": {"type": "string", "enum": ["uart", "spi"]}, **_LINK_STATE}
    ),
    "Meter": _object(
        {
            "name": _TEXT,
            "port": _or_null(_TEXT),
            "board": _or_null(_TEXT),
            "protocol": {"type": "string", "enum": ["p1", "modbus"]},
            "variant": _or_null(_TEXT),
            **_LINK_STATE,
        }
    ),
    "Cloud": _object(
        {
            "url": _TEXT,
            "state": {"type": "string", "enum": ["connecting", "connected", "refused", "unreachable"]},
            "claim_code": _or_null(_TEXT),
            "claimed": _or_null(_FLAG),
            "last_upload": _or_null(_TIME),
            "pending": _WHOLE,
            "error": _ERROR,
        }
    ),
    "Mqtt": _object(
        {
            "host": _TEXT,
            "port": _WHOLE,
            "state": {"type": "string", "enum": ["connecting", "connected", "refused", "unreachable"]},
            "error": _ERROR,
        }
    ),
    "Storage": _object(
        {
            "state": {"type": "string", "enum": ["ok", "failing"]},
            "bytes": _WHOLE,
            "oldest_minute": _or_null(_TIME),
            "error": _ERROR,
        }
    ),
    "Sibling": _object(
        {"id": _or_null(_ID), "name": _TEXT, "address": _TEXT, "port": _WHOLE, "api": _TEXT},
        "Another Fluksometer on this network; the id where it tells one (originals do not).",
    ),
    "Device": _object(
        {
            "id": _ID,
            "name": _TEXT,
            "model": _TEXT,
            "software": _TEXT,
            "api": _TEXT,
            "time": _TIME,
            "board": _ref("LinkState"),
            "boards": _list(_ref("Board")),
            "meters": _list(_ref("Meter")),
            "cloud": _or_null(_ref("Cloud")),
            "mqtt": _or_null(_ref("Mqtt")),
            "storage": _ref("Storage"),
            "siblings": _list(_ref("Sibling")),
        }
    ),
    "Firmware": _object(
        {
            "state": {"type": "string", "enum": ["idle", "updating", "done", "failed"]},
            "board": _or_null(_TEXT),
            "percent": {"type": "integer", "minimum": 0, "maximum": 100},
            "image": _or_null(_TEXT),
            "sha256": _or_null(_TEXT),
            "before": _or_null(_TEXT),
            "time": _or_null(_TIME),
            "error": _ERROR,
            "boards": _list(
                _object(
                    {"name": _TEXT, "model": _TEXT, "written": _or_null(_TEXT), "offered": _or_null(_TEXT)},
                    "A board that can be updated: the SHA-256 of what was written last, and of what POST would write.",
                )
            ),
        },
        "The newest update of a board's firmware, and the boards that can be updated.",
    ),
    "Minute": _list(
        {
            "type": "array",
            "items": {"anyOf": [{"type": "integer"}, {"const": "nan"}]},
            "minItems": 2,
            "maxItems": 2,
        }
    ),
    "Sensors": _object({"sensors": _list(_ref("Sensor"))}),
    "Peers": _object({"peers": _list(_ref("Sensor")), "error": _ERROR}),
    "History": _object(
        {
            "sensor": _ID,
            "resolution": {"type": "integer", "minimum": 1, "description": "seconds"},
            "time": _list(_TIME),
            **{name: _list(_or_null(_NUMBER)) for name in ("min", "max", "mean", "last")},
            **{name: _list(_or_null(_NUMBER)) for name in ("counter_start", "counter_end")},
            "coverage": _list({"type": "number", "minimum": 0, "maximum": 1}),
        },
        "Columns: one entry a bucket.",
    ),
}


def _answer(description: str, schema: Schema | None = None, kind: str = "application/json") -> Schema:
    content = {} if schema is None else {"content": {kind: {"schema": schema}}}
    return {"description": description, **content}


_REFUSED = {
    "401": _answer("reading is closed and the token was not given", _ref("Error")),
}
_SECONDS = {"type": "string", "pattern": "^[0-9]{1,12}$"}


def _query(name: str, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": _SECONDS}


def _get(operation: str, summary: str, answers: Schema, parameters: list[Schema] | None = None) -> Schema:
    made: Schema = {"operationId": operation, "summary": summary, "responses": {**answers, **_REFUSED}}
    return {"get": {**made, "parameters": parameters} if parameters else made}


def _choice(name: str, *values: str) -> Schema:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "string", "enum": list(values)}}


def _callback(name: str, form: str) -> Schema:
    text = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.]*$"}
    return {"name": name, "in": "query", "description": f"JSONP: the answer is {form}", "schema": text}


def _in_path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


_SENSOR_IN_PATH = _in_path("sensor")

PATHS: dict[str, Schema] = {
    "/sensor/{sensor}": _get(
        "getMinute",
        "The last minute of a sensor, as the original Fluksometers tell it; [] for one that is not known",
        {
            "200": _answer("[unix second, W or L/day] for each of at most 60 seconds", _ref("Minute")),
            "400": {"description": "the query is wrong: a plain line without a type"},
        },
        [
            _SENSOR_IN_PATH,
            _choice("version", "1.0"),
            _choice("interval", "minute"),
            _choice("unit", "watt", "lperday"),
            _callback("callback", "name(…);"),
            _callback("jsonp_callback", "name(…)"),
        ],
    ),
    "/sensor/{sensor}/tmpo/sync": _get(
        "getTmpoBlocks",
        "The tmpo blocks of a sensor that end behind the client's last one, as the old cloud tells them",
        {
            "200": _answer("them", _list({"type": "object"})),
            "400": _answer("the query is wrong", _TEXT, "text/plain"),
        },
        [
            _SENSOR_IN_PATH,
            *(_query(name, "of the last block that the client has; default: 0") for name in ("rid", "lvl", "bid")),
        ],
    ),
    "/sensor/{sensor}/tmpo/{rid}/{level}/{start}": _get(
        "getTmpoBlock",
        "A tmpo block: gzip, or JSON that is compressed on the way where that is asked for",
        {
            "200": _answer("it", {"type": "string"}, "application/gzip"),
            "404": _answer("there is no such block", _TEXT, "text/plain"),
        },
        [_in_path(name) for name in ("sensor", "rid", "level", "start")],
    ),
    "/api/v2/device": _get(
        "getDevice", "The device, its boards, meters, cloud, broker and storage", {"200": _answer("it", _ref("Device"))}
    ),
    "/api/v2/sensors": _get(
        "getSensors",
        "All sensors, peers behind our own, with their newest readings",
        {"200": _answer("them", _ref("Sensors"))},
    ),
    "/api/v2/peers": _get(
        "getPeers", "Other people's sensors that the owner is subscribed to", {"200": _answer("them", _ref("Peers"))}
    ),
    "/api/v2/sensors/{sensor}/history": _get(
        "getHistory",
        "A sensor's history in buckets of any resolution",
        {
            "200": _answer("the buckets, at most 100,000", _ref("History")),
            "400": _answer("the query is wrong", _ref("Error")),
            "404": _answer("there is no such sensor", _ref("Error")),
        },
        [
            _SENSOR_IN_PATH,
            _query("start", "beginning of the first bucket, unix seconds", required=True),
            _query("end", "end, unix seconds; default: now"),
            _query("resolution", "length of a bucket in seconds; default: 60"),
        ],
    ),
    "/api/v2/events": _get(
        "getEvents",
        "Server-sent events: first the newest readings, then every one; an id is where its reading is kept",
        {
            "200": _answer("a stream without an end", {"type": "string"}, "text/event-stream"),
            "503": _answer("too many listeners", _ref("Error")),
        },
        [
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "resume: the id of the newest event that was heard; what came after it is told first",
                "schema": {"type": "string"},
            }
        ],
    ),
    "/api/v2/firmware": {
        **_get(
            "getFirmware",
            "How the newest update of a board's firmware stands",
            {"200": _answer("it", _ref("Firmware"))},
        ),
        "post": {
            "operationId": "updateFirmware",
            "summary": "Write the firmware that ships with fluksod to a board",
            "security": [{"bearer": []}],
            "requestBody": {
                "content": {
                    "application/json": {
                        "schema": _object({"board": {"type": ["string", "null"]}}, optional=("board",)),
                    }
                }
            },
            "responses": {
                "202": _answer("it was begun", _ref("Firmware")),
                "400": _answer("the request is wrong", _ref("Error")),
                "403": _answer("nobody may write: there is no token", _ref("Error")),
                "409": _answer("it cannot be begun", _ref("Error")),
                "413": _answer("the request is too large", _ref("Error")),
                **_REFUSED,
            },
        },
    },
    "/api/v2/openapi.json": _get("getOpenApi", "This document", {"200": _answer("it", {"type": "object"})}),
}


def document(version: str, *, closed: bool) -> Schema:
    """The document of this `version` of fluksod; `closed` says that reading takes the token too."""
    made: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": "Fluksometer, local API",
            "version": version,
            "description": "Measures electricity, water and gas. Counters in Wh and L, gauges in W and L/min.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": PATHS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }
    return {**made, "security": [{"bearer": []}, {"basic": []}]} if closed else made
