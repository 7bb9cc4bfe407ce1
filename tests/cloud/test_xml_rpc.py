"""POST /xmlrpc/1: the first Fluksometers (section 2.11)."""

from __future__ import annotations

import hashlib
import hmac
import time
import xmlrpc.client
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from flukso_cloud.xml_rpc import FaultError, read_call, serialise
from tests.cloud.fluksometer import Fluksometer
from tests.cloud.owner import Owner
from tests.cloud.process import Server

T = 1_450_000_000


@pytest.fixture
def claimed(device: Fluksometer, owner: Owner) -> Fluksometer:
    owner.claim(device)
    return device


def joined(payload: Any) -> str:
    """As auth.lua: each key, then its value."""
    if isinstance(payload, dict):
        return "".join(f"{key}{joined(value)}" for key, value in payload.items())
    return str(payload)


def auth(device: Fluksometer, payload: Any, age: int = 0) -> dict[str, Any]:
    now = int(time.time()) - age
    message = f"{now}:{joined(payload)}:{device.key}".encode()
    return {
        "device": device.id,
        "timestamp": now,
        "signature": hmac.new(device.key.encode(), message, "sha1").hexdigest(),
    }


def call(client: TestClient, method: str, *parameters: Any) -> Any:
    body = xmlrpc.client.dumps(parameters, method).encode()
    answer = client.post("/xmlrpc/1", content=body, headers={"Content-Type": "text/xml"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/xml")
    return xmlrpc.client.loads(answer.content)[0][0]


def fault(client: TestClient, method: str, *parameters: Any) -> int:
    with pytest.raises(xmlrpc.client.Fault) as raised:
        call(client, method, *parameters)
    assert len(raised.value.faultString) > 5
    return int(raised.value.faultCode)


def newest(owner: Owner, device: Fluksometer) -> Any:
    return owner.series(device.sensor, param="all", unit=None).json()["lastupdate"]


def test_auth(client: TestClient, claimed: Fluksometer) -> None:
    assert call(client, "logger.auth", auth(claimed, "")) == "ok"
    assert call(client, "logger.auth", auth(claimed, "", age=290)) == "ok"
    assert fault(client, "logger.auth", auth(claimed, "", age=301)) == -31000
    assert fault(client, "logger.auth", auth(Fluksometer(id=claimed.id), "")) == -31000
    assert fault(client, "logger.auth", auth(Fluksometer(), "")) == -31000
    assert fault(client, "logger.auth", auth(claimed, "") | {"device": claimed.id.upper()}) == -31000
    for broken in ({}, "x", {"device": claimed.id}, auth(claimed, "") | {"timestamp": "soon"}):
        assert fault(client, "logger.auth", broken) == -31000


def test_measurements(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    payload = {claimed.sensor: {str(T): 1000, str(T + 60): 1010, str(T + 120): 1020}}
    assert isinstance(call(client, "logger.measurementAdd", auth(claimed, payload), payload), str)
    assert newest(owner, claimed) == [T + 120, 1020]
    assert isinstance(call(client, "logger.measurementAdd", auth(claimed, payload), payload), str)  # again


def test_counters_of_lua_may_be_doubles_or_text(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    """Lua has only doubles, and writes a whole one without a point."""
    payload = {claimed.sensor: {str(T): 1000.0, str(T + 60): "1010"}}
    signed = {claimed.sensor: {str(T): 1000, str(T + 60): 1010}}
    assert call(client, "logger.measurementAdd", auth(claimed, signed), payload) == "ok"
    assert newest(owner, claimed) == [T + 60, 1010]


def test_the_signature_follows_the_order_of_arrival(client: TestClient, claimed: Fluksometer) -> None:
    """Trap 33: sorting the keys refuses whoever sends them in another order, as Lua's tables come."""
    times = [str(T + 60 * minute) for minute in (7, 1, 9, 3)]
    payload = {claimed.sensor: {time: index for index, time in enumerate(times)}}
    ordered = {claimed.sensor: dict(sorted(payload[claimed.sensor].items()))}
    assert list(payload[claimed.sensor]) != list(ordered[claimed.sensor])
    assert call(client, "logger.measurementAdd", auth(claimed, payload), payload) == "ok"
    assert fault(client, "logger.measurementAdd", auth(claimed, ordered), payload) == -31000


def test_the_meters_of_others_are_refused_and_nothing_is_stored(
    client: TestClient, claimed: Fluksometer, owner: Owner
) -> None:
    other = Fluksometer()
    body = other.registration()
    assert client.post(f"/device/{other.id}", content=body, headers=other.headers(body)).status_code == 200
    for meter in (other.sensor, Fluksometer().sensor, "x"):
        payload = {claimed.sensor: {str(T): 1}, meter: {str(T): 1}}
        assert fault(client, "logger.measurementAdd", auth(claimed, payload), payload) == -31000
    assert newest(owner, claimed)[1] == "NaN"


BEAT = {
    "reset": 1,
    "version": 111,
    "uptime": 3,
    "uart_oe": 0,
    "memtotal": 1,
    "memcached": 1,
    "membuffers": 1,
    "memfree": 1,
}


def test_heartbeat(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    assert call(client, "logger.heartbeat", auth(claimed, BEAT), BEAT) == {"upgrade": 0}
    found = client.get(f"/user/{owner.account}/device", params={"version": "1.0", "token": owner.token}).json()[0]
    assert (found["version"], found["uptime"], found["resets"]) == (111, 3, 2)
    number = owner.store(owner.cloud.store.device, claimed.id).number
    owner.store(owner.cloud.store.order_upgrade, number, 112)
    told = call(client, "logger.heartbeat", auth(claimed, BEAT), BEAT)
    message = f"{told['timestamp']}:112:{claimed.key}".encode()
    assert told == {
        "upgrade": 112,
        "timestamp": told["timestamp"],
        "signature": hmac.new(claimed.key.encode(), message, hashlib.sha1).hexdigest(),
    }
    assert abs(told["timestamp"] - time.time()) < 60
    assert call(client, "logger.heartbeat", auth(claimed, BEAT), BEAT) == {"upgrade": 0}


def test_sensors_of_a_heartbeat_stay(client: TestClient, claimed: Fluksometer, owner: Owner) -> None:
    call(client, "logger.heartbeat", auth(claimed, BEAT), BEAT)
    assert newest(owner, claimed)[1] == "NaN"


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'
    b"<methodCall><methodName>&c;</methodName></methodCall>"
)
NO_VALUE = (
    b"<methodCall><methodName>a</methodName><params><param><value><struct><member><name>a</name></member></struct>"
    b"</value></param></params></methodCall>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<methodCall>",
        b"<methodCall><params/></methodCall>",
        BOMB,
        BOMB.decode().replace('<?xml version="1.0"?>', "").encode("utf-16"),
        b"<methodCall><methodName>a</methodName><params><param><value><int>x</int></value></param></params></methodCall>",
        b"<methodResponse><params/></methodResponse>",
        NO_VALUE,
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_call(client: TestClient, body: bytes) -> None:
    answer = client.post("/xmlrpc/1", content=body)
    with pytest.raises(xmlrpc.client.Fault) as raised:
        xmlrpc.client.loads(answer.content)
    assert raised.value.faultCode == -32700


def test_other_methods_and_parameters(client: TestClient, claimed: Fluksometer) -> None:
    assert fault(client, "system.listMethods", auth(claimed, "")) == -32601
    assert fault(client, "logger.auth") == -32602
    assert fault(client, "logger.auth", auth(claimed, ""), "", "") == -32602
    for wrong in ("text", 7, {claimed.sensor: "text"}, {claimed.sensor: 7}):
        assert fault(client, "logger.measurementAdd", auth(claimed, wrong), wrong) == -32602


@given(st.binary(max_size=300) | st.text(alphabet="<>/methodCallNparsvuinti4 ", max_size=200).map(str.encode))
def test_no_bytes_break_the_reader(body: bytes) -> None:
    try:
        read_call(body)
    except FaultError:
        return


def test_doubles_are_written_as_lua_and_php_write_them() -> None:
    assert [serialise(value) for value in (1.0, 1234567890.0, 0.5, 1e20, True, 7)] == [
        "1",
        "1234567890",
        "0.5",
        "1e+20",
        "1",
        "7",
    ]


def test_a_real_client_over_the_wire(server: Server, tmp_path: Any) -> None:
    """xmlrpc.client of the standard library, and a foreign page's Origin: who signs needs no cookie."""
    device, wire = Fluksometer(), server.connect()
    body = device.registration()
    assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
    wire.close()
    transport: Callable[..., Any] = xmlrpc.client.ServerProxy
    with transport(
        f"{server.url}/xmlrpc/1", context=server.trust(), headers=[("Origin", "https://x.example")]
    ) as proxy:
        payload = {device.sensor: {str(T): 5}}
        assert proxy.logger.measurementAdd(auth(device, payload), payload) == "ok"
        with pytest.raises(xmlrpc.client.Fault):
            proxy.logger.measurementAdd(auth(device, {}), payload)
