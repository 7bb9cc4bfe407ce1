"""Every row of sections 2.1 to 2.9 and 2.11 of the protocol reference, and the tests that hold us to it.

| row | test |
|---|---|
| 2 TLS, own authority | test_wire, test_contract::test_fluksod_refuses_a_cloud_of_another_authority |
| 2 version 1.0, once, of readers | test_series_api::test_the_version_once, here: test_the_version_of_every_get |
| 2 version 1.0, once, of devices | test_register::test_malformed_headers |
| 2 CORS on GET and on sensor POST, not on device POST | here: test_cors |
| 2 routes and methods, 405 | here: test_methods |
| 2.1 digest: vectors, raw body, ASCII key, lower case | test_digest |
| 2.1 a wrong one | test_measurements::test_a_wrong_digest_stores_nothing |
| 2.2 heartbeat, all members | here: test_a_heartbeat_of_flm02_with_all_members |
| 2.2 resets are added up | here: test_resets_are_added_up |
| 2.2 answer signed; upgrade an integer, ordered once | test_register; here: test_an_upgrade_is_ordered_once |
| 2.3 measurements, 200 | test_measurements |
| 2.3 body on one connection, Content-Length | test_wire::test_answers_have_their_exact_length |
| 2.3 no-integer counters dropped, empty array | test_measurements |
| 2.3 absolute counters: 32-bit wrap, reset, jump, what flows back | test_v1_counters::test_two_counters |
| 2.3 and 2.4 all sensors one after another, the last closes | test_v1_counters::test_a_cycle_of_all_sensors |
| 2.3 duplicates, out of order | test_measurements::test_duplicates_and_older_times_lose_nothing |
| 2.4 config 204 | test_measurements::test_configuration_is_answered_204 |
| 2.4 NULL where left out | here: test_config |
| 2.4 enable | here: test_enable |
| 2.4 both or neither of config and measurements (400; the original 500) | test_measurements |
| 2.5 token, session, once | test_series_api::test_the_token_once, test_v1_refusals::test_the_token_of_every_get |
| 2.5 interval, resolution: seconds, defaults | here: test_the_table_of_seconds, test_all_of_them_over_http |
| 2.5 clamping, alignment | here: test_every_interval_and_resolution, test_ranges |
| 2.5 28-day month, bucket-end stamps, open bucket | test_series_api; here: test_every_interval_and_resolution |
| 2.5 what is not clamped | here: test_what_is_not_clamped |
| 2.5 start, end | here: test_ranges; test_series_api::test_queries_that_are_wrong |
| 2.5 rounding, half away from zero | test_v1_counters::test_halves_are_rounded_away_from_zero |
| 2.5 units | test_series_api::test_units; here: test_the_unit_is_not_checked_against_the_type |
| 2.5 callback, jsonp_callback | here: test_callbacks_of_every_list; test_series_api |
| 2.5 CSV, Accept, 406 | here: test_accept |
| 2.5 "nan", integers | test_series_api |
| 2.5 night | test_series_api::test_night |
| 2.6 param=all, lastupdate | test_series_api::test_parameters; here: test_lastupdate_before_anything_came |
| 2.6 no interval, start or unit beside it, no JSONP | test_series_api; here: test_callbacks_of_every_list |
| 2 update=true | here: test_update |
| 2.7 /user/<uid>/sensor, /user/<uid>/device | here: test_user_sensors, test_user_devices |
| 2.7 /device/<id>/sensor | here: test_device_sensors |
| 2.7 who may | here: test_lists_are_for_their_owner_alone |
| 2.8 200, 204, 400, 401 with reason, 404, 405, 406 | here: test_reasons, test_enable, test_methods, test_accept |
| 2.8 bodies of errors | test_v1_refusals::test_bodies_of_errors_are_no_json |
| 2.8 500 of the original (400 here, 200 for empty measurements) | test_measurements, test_series_api |
| 2.8 hex check | here: test_ids_are_checked_to_their_end |
| 2.9 tmpo sync and blocks, 404, JSONP, Accept | test_tmpo |
| 2.9 597 | cannot happen: a parent takes its children's place in one transaction, test_tmpo |
| 2.11 XML-RPC | test_xml_rpc |
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from flukso_cloud import timescale
from flukso_cloud.meter import Sample
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner
from tests.cloud.process import Server, run

Send = Callable[..., int]
SECONDS = {
    "minute": 60,
    "15min": 900,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 28 * 86400,
    "year": 365 * 86400,
    "decade": 3650 * 86400,
    "night": 28 * 86400,
}
DEFAULTS = {
    "15min": "minute",
    "hour": "minute",
    "day": "15min",
    "week": "day",
    "month": "day",
    "year": "week",
    "decade": "week",
    "night": "day",
}
LONGEST = {"minute": 86400, "15min": 7 * 86400, "day": 365 * 86400, "week": 3650 * 86400}


@pytest.fixture
def claimed(device: Fluksometer, owner: Owner) -> Fluksometer:
    """A device of kees."""
    owner.claim(device)
    return device


def get(owner: Owner, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
    """GET with the version, and the token in a header."""
    sent = {"X-Token": owner.token} | (headers or {})
    return owner.client.get(path, params={"version": "1.0"} | query, headers=sent)


def beat(owner: Owner, device: Fluksometer, body: bytes) -> Any:
    return owner.client.post(f"/device/{device.id}", content=body, headers=device.headers(body))


CLOUD_TRAPS = [*range(1, 21), 24, 26, 33, 34, 35]
"""Of section 9; the others are about boards, the daemon, its broker and Home Assistant."""


def test_every_trap_of_the_cloud_is_in_a_test() -> None:
    text = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    named: set[int] = set()
    for first, last in re.findall(r"[Tt]raps? (\d+)(?: to (\d+))?", text):
        named |= set(range(int(first), int(last or first) + 1))
    named |= {
        int(number)
        for numbers in re.findall(r"[Tt]raps ((?:\d+, )*\d+ and \d+)", text)
        for number in re.findall(r"\d+", numbers)
    }
    assert set(CLOUD_TRAPS) <= named


def test_the_table_above_names_tests_that_are_there() -> None:
    assert __doc__ is not None
    rows = [line.split("|")[2] for line in __doc__.splitlines() if line.startswith("| 2")]
    assert len(rows) > 30
    for row in rows:
        for name in re.findall(r"(?:test_[a-z0-9_]+::)?test_[a-z0-9_]+", row):
            module, _, test = name.rpartition("::")
            path = Path(__file__).with_name(f"{module or name}.py")
            if path.exists():
                assert not module or f"def {test}(" in path.read_text(), name
            else:
                assert name in globals(), name


# 2.2 heartbeat


def test_a_heartbeat_of_flm02_with_all_members(owner: Owner, claimed: Fluksometer) -> None:
    body = compact(
        {
            "reset": 1,
            "version": 250,
            "time": 1450000000,
            "uptime": 123,
            "memtotal": 29812,
            "memcached": 8000,
            "membuffers": 1500,
            "memfree": 4000,
            "syslog": "H4sIAAAAAAAAA0vJTy4GAGpCdYMEAAAA",
            "ip": "192.168.1.51",
            "port": "8081",
            "uart_oe": 0,
        }
    )
    answer = beat(owner, claimed, body)
    assert answer.status_code == 200
    assert answer.headers["X-Digest"] == claimed.sign(answer.content)
    [found] = get(owner, f"/user/{owner.account}/sensor").json()
    assert (found["ip"], found["port"]) == ("192.168.1.51", "8081")


def test_resets_are_added_up(owner: Owner, claimed: Fluksometer) -> None:
    def resets() -> int:
        [found] = get(owner, f"/user/{owner.account}/device").json()
        number: int = found["resets"]
        return number

    before = resets()
    for reset in (1, 0, 0, 1, 3):
        assert beat(owner, claimed, claimed.heartbeat(reset=reset)).status_code == 200
    assert resets() == before + 5
    assert beat(owner, claimed, claimed.heartbeat(reset="1")).status_code == 400


def test_an_upgrade_is_ordered_once(owner: Owner, claimed: Fluksometer) -> None:
    """Traps 8 and 9: it is an integer, and told no second time; the device's own version would reboot it hourly."""
    number = owner.store(owner.cloud.store.device, claimed.id).number
    owner.store(owner.cloud.store.order_upgrade, number, 251)
    wrong = Fluksometer(id=claimed.id).headers(claimed.heartbeat())
    refused = owner.client.post(f"/device/{claimed.id}", content=claimed.heartbeat(), headers=wrong)
    assert refused.status_code == 401  # who cannot sign does not take the order
    told = [beat(owner, claimed, claimed.heartbeat(version=version)) for version in (250, 251, 251)]
    assert [answer.json()["upgrade"] for answer in told] == [251, 0, 0]
    assert b'"upgrade":251,' in told[0].content


# 2.4 config


def config(owner: Owner, device: Fluksometer, **members: Any) -> int:
    body = compact({"config": members})
    return owner.client.post(f"/sensor/{device.sensor}", content=body, headers=device.headers(body)).status_code


def test_config(owner: Owner, claimed: Fluksometer) -> None:
    full = {"class": "pulse", "type": "water", "function": "kitchen", "voltage": 230, "current": 50, "phase": 1}
    assert config(owner, claimed, **full, constant=0.5, enable=1) == 204
    found = get(owner, f"/sensor/{claimed.sensor}", param="all").json()
    assert found | full | {"constant": 0.5, "enabled": 1} == found
    assert config(owner, claimed, **{"class": "pulse", "enable": 1}) == 204
    found = get(owner, f"/sensor/{claimed.sensor}", param="all").json()
    left_out = ("voltage", "current", "phase", "constant")
    assert [found[name] for name in left_out] == [None] * 4
    assert (found["type"], found["function"]) == ("water", "kitchen")  # ours: what a sensor is, is never forgotten


def test_enable(owner: Owner, claimed: Fluksometer, send: Send) -> None:
    """Enabled, there is an archive; never enabled and never fed, there is none: 404, and null for lastupdate."""
    path = f"/sensor/{claimed.sensor}"
    assert config(owner, claimed, **{"class": "analog"}) == 400  # the original: 500
    assert config(owner, claimed, **{"class": "analog", "enable": 0}) == 204
    assert get(owner, path, interval="day", unit="watt").status_code == 404
    found = get(owner, path, param="all").json()
    assert (found["enabled"], found["lastupdate"]) == (0, None)
    assert get(owner, f"/user/{owner.account}/sensor").json() == []
    assert config(owner, claimed, **{"class": "analog", "enable": 1}) == 204
    assert get(owner, path, interval="day", unit="watt").status_code == 200
    assert send(claimed, compact({"measurements": [[1450000000, 7]]})) == 200
    assert config(owner, claimed, **{"class": "analog", "enable": 0}) == 204
    assert get(owner, path, interval="day", unit="watt").status_code == 200
    assert get(owner, path, param="all").json()["lastupdate"] == [1450000000, 7]


# 2.5 time series


def test_the_table_of_seconds() -> None:
    """Trap 14 among them."""
    assert dict(timescale.SECONDS) == SECONDS
    assert dict(timescale.DEFAULT_RESOLUTION) == DEFAULTS


@pytest.mark.parametrize("resolution", [None, *SECONDS])
@pytest.mark.parametrize("interval", SECONDS)
def test_every_interval_and_resolution(interval: str, resolution: str | None) -> None:
    """Traps 13 and 14: as section 2.5 computes it; stamped with the end, the last bucket in progress."""
    if resolution is None and interval not in DEFAULTS:
        return  # 400: test_series_api::test_queries_that_are_wrong
    step = SECONDS[resolution or DEFAULTS[interval]]
    length = min(SECONDS[interval], LONGEST.get(resolution or DEFAULTS[interval], SECONDS["decade"]))
    for now in (1_450_000_001, 1_450_000_000 // step * step, 1_450_000_000 // step * step + 1):
        end = (now - 1) // step * step
        start = (end - length + step) // step * step
        found = timescale.buckets_of_interval(interval, resolution or DEFAULTS[interval], now)
        assert [bucket.end for bucket in found] == list(range(start + step, end + step + 1, step))
        assert found[-1].start < now <= found[-1].end
        if length % step == 0:
            assert len(found) == length // step


def test_all_of_them_over_http(owner: Owner, claimed: Fluksometer) -> None:
    for interval in SECONDS:
        for resolution in (None, *SECONDS):
            query = {"interval": interval, "unit": "watt"} | ({} if resolution is None else {"resolution": resolution})
            answer = get(owner, f"/sensor/{claimed.sensor}", **query)
            assert answer.status_code == (400 if resolution is None and interval == "minute" else 200), query


def test_ranges(owner: Owner, claimed: Fluksometer) -> None:
    """Both ends rounded down, one bucket more than that, older starts silently clamped, 400 when nothing is left."""
    path, end = f"/sensor/{claimed.sensor}", 1_450_000_000

    def stamps(**query: Any) -> list[int]:
        return [stamp for stamp, _ in get(owner, path, unit="watt", **query).json()]

    for resolution in ("minute", "15min", "day", "week"):
        step = SECONDS[resolution]
        found = stamps(start=0, end=end, resolution=resolution)
        first = (end - LONGEST[resolution]) // step * step
        assert found == list(range(first + step, end // step * step + step + 1, step))
    found = stamps(start=end - 7261, end=end + 59)  # the resolution is a minute
    assert found == list(range((end - 7261) // 60 * 60 + 60, (end + 59) // 60 * 60 + 61, 60))
    now = int(time.time())
    assert stamps(start=now - 120)[-1] in range(now, now + 62)  # end is now
    assert get(owner, path, unit="watt", start=end, end=end - 60).status_code == 400
    assert get(owner, path, unit="watt", start=end // 60 * 60 + 30, end=end // 60 * 60).status_code == 200


def test_what_is_not_clamped(owner: Owner, claimed: Fluksometer) -> None:
    """The original took the nearest archive; here each resolution reaches back as far as is asked for."""
    path, end = f"/sensor/{claimed.sensor}", 1_450_000_000
    for resolution in SECONDS.keys() - LONGEST.keys():
        step = SECONDS[resolution]
        start = end - 4000 * step if 4000 * step < end else 0
        found = [at for at, _ in get(owner, path, unit="watt", start=start, end=end, resolution=resolution).json()]
        assert found == list(range(start // step * step + step, end // step * step + step + 1, step)), resolution


def test_the_unit_is_not_checked_against_the_type(owner: Owner, claimed: Fluksometer) -> None:
    sensor = owner.store(owner.cloud.store.sensor, claimed.sensor)
    base = 1_450_051_200
    owner.store(owner.cloud.store.append, sensor, [Sample(base, 0), Sample(base + 3600, 1800)], base)
    expected = {"watt": 1800, "lpermin": 30, "lperday": 43200, "m3peryear": 15768, "eurperyear": 2838}
    for unit, value in (expected | {"audperyear": 2996, "kwhperyear": 15768}).items():
        answer = get(owner, f"/sensor/{claimed.sensor}", start=base, end=base, resolution="hour", unit=unit)
        assert answer.content == b"[[%d,%d]]" % (base + 3600, value)


ACCEPTED = [
    (None, 200, "application/json"),
    ("*/*", 200, "application/json"),
    ("application/json", 200, "application/json"),
    ("application/*;q=0.2, text/*;q=0.1", 200, "application/json"),
    ("text/csv", 200, "text/csv"),
    ("TEXT/CSV; header=absent", 200, "text/csv"),
    ("text/csv, application/json;q=0.9", 200, "text/csv"),
    ("text/csv;q=0.5, application/json", 200, "application/json"),
    ("text/csv;q=0.5, */*;q=0.1", 200, "text/csv"),
    ("text/html,*/*;q=0.8", 200, "application/json"),
    ("image/png", 406, "text/plain"),
    ("application/json;q=0", 406, "text/plain"),
    ("text/csv;q=x", 406, "text/plain"),
    (", ;", 406, "text/plain"),
]


@pytest.mark.parametrize(("accept", "status", "media"), ACCEPTED)
def test_accept(owner: Owner, claimed: Fluksometer, accept: str | None, status: int, media: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    if accept is None:
        owner.client.headers.pop("accept", None)
    base = 1_450_000_000
    answer = get(owner, f"/sensor/{claimed.sensor}", headers, start=base, end=base, unit="watt")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].partition(";")[0] == media
    if media == "text/csv":
        assert answer.text == f"{base // 60 * 60 + 60},nan\r\n"


def test_csv_has_no_callback(owner: Owner, claimed: Fluksometer) -> None:
    query = {"start": 1_450_000_000, "end": 1_450_000_000, "unit": "watt", "callback": "fn"}
    answer = get(owner, f"/sensor/{claimed.sensor}", {"Accept": "text/csv"}, **query)
    assert answer.text == "1450000020,nan\r\n"


def test_callbacks_of_every_list(owner: Owner, claimed: Fluksometer) -> None:
    """Trap 15: `callback` with a semicolon; the older `jsonp_callback` without; parameters have none."""
    lists = [
        (f"/sensor/{claimed.sensor}", {"start": 1_450_000_000, "end": 1_450_000_000, "unit": "watt"}),
        (f"/sensor/{claimed.sensor}/tmpo/sync", {"rid": 0, "lvl": 0, "bid": 0}),
        (f"/user/{owner.account}/sensor", {}),
        (f"/user/{owner.account}/device", {}),
        (f"/device/{claimed.id}/sensor", {}),
    ]
    for path, query in lists:
        bare = get(owner, path, **query)
        assert bare.headers["Content-Type"] == "application/json"
        assert get(owner, path, **query, callback="f_1").content == b"f_1(" + bare.content + b");"
        old = get(owner, path, **query, jsonp_callback="f_1")
        assert old.content == b"f_1(" + bare.content + b")"
        assert old.headers["Content-Type"].startswith("text/javascript")  # with nosniff a browser runs nothing else
        assert get(owner, path, **query, callback="a.b").status_code == 400
    assert get(owner, f"/sensor/{claimed.sensor}", param="all", callback="f").text.startswith("{")


# 2.6 parameters, update


def test_lastupdate_before_anything_came(owner: Owner, claimed: Fluksometer) -> None:
    stamp, counter = get(owner, f"/sensor/{claimed.sensor}", param="all").json()["lastupdate"]
    assert abs(stamp - time.time()) < 60
    assert counter == "NaN"


def test_update(owner: Owner, claimed: Fluksometer) -> None:
    path = f"/sensor/{claimed.sensor}"
    answer = get(owner, path, update="true")
    assert (answer.status_code, answer.content) == (200, b'"sensor update event triggered"')
    for query in ({"update": "1"}, {"update": "true", "param": "all"}, {"update": "true", "interval": "day"}):
        assert get(owner, path, **query).status_code == 400
    assert owner.client.get(path, params={"version": "1.0", "update": "true"}).status_code == 401


# 2.7 lists


def test_user_sensors(owner: Owner, claimed: Fluksometer) -> None:
    answer = get(owner, f"/user/{owner.account}/sensor")
    expected = {"sensor": claimed.sensor, "type": "electricity", "function": "Main"}
    assert answer.json() == [expected | {"ip": "192.168.1.50", "port": "8080"}]
    nameless = {"ab" * 16: {"type": "gas", "class": "pulse", "function": ""}}
    beat(owner, claimed, compact({"sensors": claimed.sensors | nameless, "reset": 0}))
    assert get(owner, f"/user/{owner.account}/sensor").json() == [expected | {"ip": "undefined", "port": "undefined"}]


def test_user_devices(owner: Owner, claimed: Fluksometer) -> None:
    beat(owner, claimed, claimed.heartbeat(version=250, uptime=99))
    [found] = get(owner, f"/user/{owner.account}/device").json()
    assert abs(found.pop("heartbeat") - time.time()) < 60
    number = owner.store(owner.cloud.store.device, claimed.id).number
    assert found == {
        "serial": f"FL{number:08}",
        "device": claimed.id,
        "version": 250,
        "uptime": 99,
        "resets": 1,
    }


def test_device_sensors(owner: Owner, claimed: Fluksometer) -> None:
    path = f"/device/{claimed.id}/sensor"
    known = {"sensor": claimed.sensor, "type": "electricity", "function": "Main"}
    unknown = dict.fromkeys(("config", "port", "subtype", "kid", "data_type"), "undefined")
    assert get(owner, path).json() == [known | unknown]
    members = {"class": "analog", "enable": 1, "port": [4], "subtype": "pplus", "kid": 3, "data_type": "counter"}
    assert config(owner, claimed, **members) == 204
    [found] = get(owner, path).json()
    assert abs(found.pop("config") - time.time()) < 60
    assert found == known | {"port": 4, "subtype": "pplus", "kid": 3, "data_type": "counter"}


def test_lists_are_for_their_owner_alone(owner: Owner, claimed: Fluksometer, client: TestClient) -> None:
    mallory = Owner(client, "mallory")
    sensor = run_token(owner, claimed)
    paths = [f"/user/{owner.account}/sensor", f"/user/{owner.account}/device", f"/device/{claimed.id}/sensor"]
    for path in paths:
        assert get(owner, path).status_code == 200
        for token in (mallory.token, sensor, "0" * 32):
            answer = get(owner, path, {"X-Token": token})
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Access refused")
        assert client.get(path, params={"version": "1.0"}).status_code == 401
        assert get(owner, path, token=owner.token).status_code == 400  # trap 16
    for path in ("/user/0/sensor", "/user/4711/device", f"/device/{'0' * 32}/sensor"):
        assert get(owner, path).status_code == 401
    assert get(owner, "/user/kees/sensor").status_code == 400
    assert owner.log_in().status_code == 303
    for path in paths:
        assert client.get(path, params={"version": "1.0"}).status_code == 200
    for path in (f"/user/{mallory.account}/sensor", f"/user/{mallory.account}/device"):
        assert client.get(path, params={"version": "1.0"}).status_code == 401


def run_token(owner: Owner, device: Fluksometer) -> str:
    """A token for one sensor."""
    from flukso_cloud.vault import digest_of, new_token

    token = new_token()
    sensor = owner.store(owner.cloud.store.sensor, device.sensor)
    owner.store(owner.cloud.store.replace_token, digest_of(token), owner.account, sensor.number, 1)
    return token


# 2, 2.8


def every_get(owner: Owner, device: Fluksometer) -> list[tuple[str, dict[str, Any]]]:
    sensor = f"/sensor/{device.sensor}"
    return [
        (sensor, {"interval": "hour", "unit": "watt"}),
        (sensor, {"param": "all"}),
        (sensor, {"update": "true"}),
        (f"{sensor}/tmpo/sync", {"rid": 0, "lvl": 0, "bid": 0}),
        (f"{sensor}/tmpo/0/8/0", {}),
        (f"/user/{owner.account}/sensor", {}),
        (f"/user/{owner.account}/device", {}),
        (f"/device/{device.id}/sensor", {}),
    ]


def test_the_version_of_every_get(owner: Owner, claimed: Fluksometer) -> None:
    """Trap 16: in the header or in the query, and in one place only."""
    for path, query in every_get(owner, claimed):
        good = {200, 404} if "tmpo/0" in path else {200}
        for header, param in (("1.0", None), (None, "1.0"), ("1.0", "1.0"), (None, None), ("1.1", None), (None, "1")):
            headers = {"X-Token": owner.token} | ({} if header is None else {"X-Version": header})
            sent = query | ({} if param is None else {"version": param})
            status = owner.client.get(path, params=sent, headers=headers).status_code
            assert status in (good if (header, param) in {("1.0", None), (None, "1.0")} else {400}), (
                path,
                header,
                param,
            )


def test_cors(owner: Owner, claimed: Fluksometer) -> None:
    """On all GETs, refusals among them, and on sensor POST; not on device POST."""
    for path, query in every_get(owner, claimed):
        for sent in (query, query | {"token": "short"}, query | {"token": owner.token}):
            answer = get(owner, path, **sent)
            assert answer.headers["Access-Control-Allow-Origin"] == "*", path
        anonymous = owner.client.get(path, params=query | {"version": "1.0"})
        assert (anonymous.status_code, anonymous.headers["Access-Control-Allow-Origin"]) == (401, "*")
    body = compact({"measurements": [[1450000000, 1]]})
    posted = owner.client.post(f"/sensor/{claimed.sensor}", content=body, headers=claimed.headers(body))
    assert posted.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in beat(owner, claimed, claimed.heartbeat()).headers


def test_methods(owner: Owner, claimed: Fluksometer) -> None:
    allowed = {
        f"/sensor/{claimed.sensor}": {"GET", "POST"},
        f"/device/{claimed.id}": {"POST"},
        f"/device/{claimed.id}/sensor": {"GET"},
        f"/user/{owner.account}/sensor": {"GET"},
        f"/user/{owner.account}/device": {"GET"},
        f"/sensor/{claimed.sensor}/tmpo/sync": {"GET"},
        f"/sensor/{claimed.sensor}/tmpo/0/8/0": {"GET", "POST"},
        "/xmlrpc/1": {"POST"},
    }
    for path, methods in allowed.items():
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - methods:
            answer = owner.client.request(method, path)
            assert answer.status_code == 405, (method, path)
            assert methods <= set(answer.headers["Allow"].split(", "))


def test_reasons(owner: Owner, claimed: Fluksometer) -> None:
    """What devices log: the reason stands in WWW-Authenticate."""
    stranger = Fluksometer()
    body = compact({"measurements": [[1450000000, 1]]})
    cases = [
        (f"/sensor/{claimed.sensor}", stranger, "Incorrect digest"),
        (f"/sensor/{stranger.sensor}", stranger, "No proper provisioning for this sensor"),
        (f"/device/{claimed.id}", stranger, "Incorrect digest"),
        (f"/device/{stranger.id}", stranger, "No proper provisioning for this device"),
        (f"/sensor/{claimed.sensor}/tmpo/0/8/0", stranger, "Incorrect digest"),
        (f"/sensor/{stranger.sensor}/tmpo/0/8/0", stranger, "No proper provisioning for this sensor"),
    ]
    for path, device, reason in cases:
        answer = owner.client.post(path, content=body, headers=device.headers(body))
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, reason), path
        assert "json" not in answer.headers["Content-Type"]


def test_ids_are_checked_to_their_end(owner: Owner, claimed: Fluksometer) -> None:
    """The original's pattern had no end, so 32 digits and something passed it, to be refused with 401: here 400."""
    for name in (claimed.sensor + "x", claimed.sensor + "0", claimed.sensor[:-1], claimed.sensor[:-1] + "G", "x"):
        assert get(owner, f"/sensor/{name}", interval="hour", unit="watt").status_code == 400
        assert get(owner, f"/sensor/{claimed.sensor}", {"X-Token": name}, param="all").status_code == 400
    upper = claimed.sensor[:-1] + "A"
    assert get(owner, f"/sensor/{upper}", param="all").status_code == 400


def test_curl(server: Server, tmp_path: Any) -> None:
    """The real client, as the old manual shows it: a device that uploads, and somebody who reads."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    trusted = [curl, "-sS", "--cacert", str(server.home / "ca.pem"), "-w", "\n%{http_code} %{content_type}"]

    def ask(*arguments: str) -> tuple[str, str]:
        done = subprocess.run([*trusted, *arguments], capture_output=True, check=True, timeout=20)
        body, _, last = done.stdout.decode().rpartition("\n")
        return body, last

    device = Fluksometer()

    def post(path: str, body: bytes) -> tuple[str, str]:
        sent = [f"-H{name}: {value}" for name, value in device.headers(body).items()]
        return ask(*sent, "--data-binary", body.decode(), server.url + path)

    assert post(f"/device/{device.id}", device.registration())[1].startswith("200")
    assert post(f"/sensor/{device.sensor}", compact({"config": {"class": "analog", "enable": 1}}))[1].startswith("204")
    base = 1_450_051_200
    pairs = [[base + 60 * minute, 10 * minute] for minute in range(61)]
    assert post(f"/sensor/{device.sensor}", compact({"measurements": pairs}))[0] == '{"response":"ok"}'
    from flukso_cloud.claim import claim_code

    run("claim", claim_code(device.key.encode(), device.id), "--account", "kees", "--dir", server.home)
    token = run("token", "--account", "kees", "--sensor", device.sensor, "--dir", server.home).stdout.strip()
    query = f"start={base}&end={base + 3000}&resolution=15min&unit=watt"
    url = f"{server.url}/sensor/{device.sensor}?{query}"
    headers = ["-HX-Version: 1.0", f"-HX-Token: {token}"]
    body, last = ask(*headers, url)
    assert last == "200 application/json"
    assert json.loads(body) == [[base + 900 * quarter, 600] for quarter in (1, 2, 3, 4)]
    body, last = ask(*headers, "-HAccept: text/csv", url)
    assert last.startswith("200 text/csv")
    assert body == "".join(f"{base + 900 * quarter},600\r\n" for quarter in (1, 2, 3, 4))
    assert ask(f"{url}&version=1.0&token={token}&callback=draw")[0].startswith("draw([[")
    assert ask(*headers, f"{url}&version=1.0")[1].startswith("400")
