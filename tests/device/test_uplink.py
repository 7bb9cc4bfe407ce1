"""The uplink of a real fluksod against a real TLS server: registering, heartbeats, signed uploads and what fails."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from tests.device.board import CLAMP, GAS, PULSE, Board, pls, pwr
from tests.device.cloud_stub import CloudStub, sign
from tests.device.daemon_process import Fluksod, configuration, run_to_end, running
from tests.device.uploading import cloud_state, configured, connected, stored
from tests.device.waiting import until


async def counter_shown(fluksod: Fluksod, counter: int) -> bool:
    """Whether the local API shows this counter of the clamp."""
    reading = await fluksod.reading(CLAMP)
    return bool(reading and reading["counter"] == counter)


async def test_registers_itself_and_uploads_what_it_counts(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """Traps 5 and 7: the stub signs with the key's ASCII characters and takes lower-case digests only.

    Trap 16: the version is in the header and nowhere else.
    """
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        device = (await fluksod.get("/api/v2/device"))["id"]
        first = cloud.heartbeats()[0]
        key = (tmp_path / "state" / "key").read_text().strip()
        assert first.members["key"] == key
        assert first.members["reset"] == 1
        assert first.members["port"] == fluksod.url.rsplit(":", 1)[1]
        assert first.members["sensors"] == {
            CLAMP: {"type": "electricity", "class": "analog", "function": "Main"},
            PULSE: {"type": "water", "class": "pulse", "function": "Water"},
        }
        board.send(pls(CLAMP, 100), pls(CLAMP, 101), pwr(CLAMP, 463))
        await until(lambda: cloud.stored.get(CLAMP))
        assert [counter for _, counter in cloud.stored[CLAMP]] == [101]
        await until(lambda: cloud.gauges.get(CLAMP))
        assert cloud.gauges[CLAMP][-1][1] == 463
        upload = cloud.uploads()[0]
        assert upload.headers["X-Version"] == "1.0"
        assert "version" not in upload.path
        assert int(upload.headers["Content-Length"]) == len(upload.body)
        assert re.fullmatch("[0-9a-f]{40}", upload.headers["X-Digest"])
        assert (await cloud_state(fluksod))["pending"] == 0
        assert (await cloud_state(fluksod))["last_upload"] >= cloud.stored[CLAMP][0][0]
        assert not any(key in line for line in fluksod.log)
        assert key not in json.dumps(await fluksod.get("/api/v2/device"))
    async with running(tmp_path / "fluksod.toml") as fluksod:
        await connected(fluksod)
        assert (await fluksod.get("/api/v2/device"))["id"] == device
        assert "key" not in cloud.heartbeats()[-1].members


async def test_the_first_counter_is_not_sent_and_later_ones_are_absolute(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    """Traps 30 and 10; and trap 17: times ascend strictly."""
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        for counter in range(4000, 4004):
            board.send(pls(CLAMP, counter))
            await asyncio.sleep(0.6)
        rows = await stored(cloud, CLAMP, 4003)
        counters = [counter for _, counter in rows]
        assert 4000 not in counters
        assert counters == sorted(set(counters))
        times = [time for time, _ in rows]
        assert times == sorted(set(times))
        assert all(type(value) is int for row in rows for value in row)


async def test_nothing_is_lost_while_the_cloud_is_down(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 100), pls(CLAMP, 101))
        await stored(cloud, CLAMP, 101)
        await cloud.stop()
        for counter in range(102, 106):
            board.send(pls(CLAMP, counter))
            await until(partial(counter_shown, fluksod, counter))
            at = (await fluksod.reading(CLAMP))["time"]
            await asyncio.sleep(max(at + 1.05 - time.time(), 0))  # each is a measurement of a second of its own
        state = await cloud_state(fluksod)
        assert state["state"] == "unreachable"
        assert "no connection to https://127.0.0.1" in state["error"]
        assert state["pending"] == 4
        assert (await fluksod.reading(CLAMP))["counter"] == 105, "the local API goes on"
        await cloud.start()
        rows = await stored(cloud, CLAMP, 105)
        assert [counter for _, counter in rows] == [101, 102, 103, 104, 105]
        assert [time for time, _ in rows] == sorted({time for time, _ in rows})
        await connected(fluksod)
        assert (await cloud_state(fluksod))["pending"] == 0
        assert len(fluksod.said("cloud unreachable")) == 1, "one line for a change of state, not for each attempt"


async def test_what_waits_survives_kill_9_and_arrives_once(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    config = configured(tmp_path, cloud)
    async with running(config) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 100), pls(CLAMP, 101))
        await stored(cloud, CLAMP, 101)
    await cloud.stop()
    counter = 101
    for _ in range(3):
        async with running(config) as fluksod:
            for _ in range(2):
                counter += 1
                board.send(pls(CLAMP, counter))
                await asyncio.sleep(1.01)
            await until(partial(counter_shown, fluksod, counter))
            fluksod.process.kill()
            await fluksod.process.wait()
    await cloud.start()
    async with running(config) as fluksod:
        rows = await stored(cloud, CLAMP, counter)
        assert [told for _, told in rows] == list(range(101, counter + 1))
        assert [time for time, _ in rows] == sorted({time for time, _ in rows})


async def test_a_certificate_of_another_authority_is_refused(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async with running(configured(tmp_path, cloud, ca=trustme.CA())) as fluksod:
        await until(lambda: fluksod.said("cloud refused"))
        state = await cloud_state(fluksod)
        assert state["state"] == "refused"
        assert "certificate is not accepted" in state["error"]
        assert "see ca in [cloud]" in fluksod.said("cloud refused")[0]
        assert cloud.requests == [], "not a byte is sent to it"


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path, board: Board) -> None:
    cloud = CloudStub(trustme.CA(), name="cloud.example")
    await cloud.start()
    async with running(configured(tmp_path, cloud)) as fluksod:
        await until(lambda: fluksod.said("cloud refused"))
        assert "127.0.0.1" in (await cloud_state(fluksod))["error"]
        assert cloud.requests == []
    await cloud.stop()


async def test_the_systems_authorities_are_trusted_where_none_is_named(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    config = configured(tmp_path, cloud)
    config.write_text(config.read_text().replace('ca = "ca.pem"\n', ""))
    async with running(config) as fluksod:
        await until(lambda: fluksod.said("certificate is not accepted"))
        assert cloud.requests == []


@pytest.mark.parametrize("claimed", [None, "0" * 40, "upper"])
async def test_an_answer_with_a_wrong_digest_is_discarded(
    tmp_path: Path, board: Board, cloud: CloudStub, claimed: str | None
) -> None:
    async def forged(request: web.Request, members: dict[str, Any]) -> web.Response:
        body = b'{"upgrade":0,"timestamp":1,"live":1}'
        digest = sign(members["key"], body).upper() if claimed == "upper" else claimed
        return web.Response(body=body, headers={} if digest is None else {"X-Digest": digest})

    cloud.answers["device"] = forged
    async with running(configured(tmp_path, cloud)) as fluksod:
        await until(lambda: fluksod.said("not signed with our key; it is discarded"))
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await until(lambda: len(cloud.heartbeats()) >= 2)
        assert (await cloud_state(fluksod))["state"] == "refused"
        assert cloud.uploads() == [], "nobody is trusted with measurements before a right answer"
        del cloud.answers["device"]
        await stored(cloud, CLAMP, 2)


async def test_an_answer_is_verified_as_it_came(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """Trap 6: over the raw bytes, however they are spaced; and traps 8 and 9: no odd upgrade does anything."""

    async def spaced(request: web.Request, members: dict[str, Any]) -> web.Response:
        cloud.keys[request.match_info["id"]] = key = members["key"]
        cloud.owners.update(dict.fromkeys(members["sensors"], request.match_info["id"]))
        body = b'\n{ "timestamp" :1.5,\t"upgrade": "10", "more": [null], "live": 1.0 }\r\n'
        return web.Response(body=body, headers={"X-Digest": sign(key, body)}, content_type="text/plain")

    cloud.answers["device"] = spaced
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await stored(cloud, CLAMP, 2)


@pytest.mark.parametrize("upgrade", [10, 250])
async def test_no_offered_upgrade_is_taken(tmp_path: Path, board: Board, cloud: CloudStub, upgrade: int) -> None:
    """Trap 8: 10 is the own version, on which the original reboots."""
    cloud.upgrade = upgrade
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await stored(cloud, CLAMP, 2)
        assert bool(fluksod.said("offers software 250")) == (upgrade == 250)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 500])
async def test_only_200_is_an_acknowledgement(tmp_path: Path, board: Board, cloud: CloudStub, status: int) -> None:
    """Trap 4."""
    answered = 0

    async def other(request: web.Request, members: dict[str, Any]) -> web.Response | None:
        nonlocal answered
        answered += 1
        return web.Response(status=status, headers={"Location": "/elsewhere"}) if answered == 1 else None

    cloud.answers["sensor"] = other
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await until(lambda: answered)
        await until(lambda: fluksod.said(f"it answered {status}"))
        assert {request.path for request in cloud.requests} <= {
            f"/device/{cloud.heartbeats()[0].path[8:]}",
            f"/sensor/{CLAMP}",
        }, "redirects are not followed"
        await stored(cloud, CLAMP, 2)
        await connected(fluksod)
        assert (await cloud_state(fluksod))["error"] is None


async def test_one_refused_sensor_does_not_keep_the_others_back(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async def refuse_clamp(request: web.Request, members: dict[str, Any]) -> web.Response | None:
        return web.Response(status=400) if request.match_info["id"] == CLAMP else None

    cloud.answers["sensor"] = refuse_clamp
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2), pls(PULSE, 1, 1000), pls(PULSE, 2, 2000))
        await stored(cloud, PULSE, 2)
        await until(lambda: fluksod.said(f"refused sensor Main ({CLAMP}): it answered 400"))
        assert (await cloud_state(fluksod))["state"] == "refused"
        assert (await cloud_state(fluksod))["pending"] == 1
        board.send(pls(PULSE, 3, 3000))
        await stored(cloud, PULSE, 3)
        del cloud.answers["sensor"]
        await stored(cloud, CLAMP, 2)


async def test_a_sensor_of_another_device_is_named_and_left_alone(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    cloud.owners[CLAMP] = "f" * 32
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2), pls(PULSE, 1, 1000), pls(PULSE, 2, 2000))
        await stored(cloud, PULSE, 2)
        assert {request.path for request in cloud.uploads()} == {f"/sensor/{PULSE}"}
        assert "another device at the cloud and is not uploaded: Main" in (await cloud_state(fluksod))["error"]
        assert fluksod.said(f"the cloud refuses {CLAMP} (Main)")


async def test_a_cloud_that_has_forgotten_us_is_told_again(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        cloud.keys.clear()
        cloud.owners.clear()
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await stored(cloud, CLAMP, 2)
        assert fluksod.said("it answered 401 No proper provisioning for this sensor")
        with_key = [heartbeat for heartbeat in cloud.heartbeats() if "key" in heartbeat.members]
        assert len(with_key) == 2


async def test_another_key_for_our_id_is_refused_and_said(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    config = configured(tmp_path, cloud)
    _, out, _ = await run_to_end("identity", "--config", str(config))
    cloud.keys[out.split()[1]] = "e" * 32
    async with running(config) as fluksod:
        await until(lambda: fluksod.said("the cloud refused this device: it answered 401 Incorrect digest"))
        assert (await cloud_state(fluksod))["state"] == "refused"
        assert cloud.uploads() == []


async def test_a_new_sensor_is_registered_before_it_is_uploaded(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(GAS, 1, 1000), pls(GAS, 2, 2000), pls(GAS, 3, 3000), pls(GAS, 4, 4000))
        await stored(cloud, GAS, 4)
        registered = cloud.heartbeats()[-1].members["sensors"][GAS]
        assert registered == {"type": "electricity", "class": "pulse", "function": "Pulse input 2"}
        assert len(cloud.heartbeats()) == 2
        assert cloud.heartbeats()[1].members["reset"] == 0


async def test_all_goes_over_one_kept_connection(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        for counter in range(1, 5):
            board.send(pls(CLAMP, counter), pls(PULSE, counter, 1000 * counter))
            await asyncio.sleep(0.7)
        await stored(cloud, CLAMP, 4)
        await stored(cloud, PULSE, 4)
        assert len({request.connection for request in cloud.requests}) == 1


async def test_a_cloud_that_closes_after_each_answer(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """Trap 20: no sensor has to wait for the next round."""

    async def close(request: web.Request, members: dict[str, Any]) -> None:
        transport = request.transport
        assert transport is not None
        asyncio.get_running_loop().call_later(0.1, transport.abort)

    cloud.answers |= {"sensor": close, "device": close}
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        for counter in range(1, 5):
            board.send(pls(CLAMP, counter), pls(PULSE, counter, 1000 * counter))
            await asyncio.sleep(0.7)
        await stored(cloud, CLAMP, 4)
        await stored(cloud, PULSE, 4)
        assert len({request.connection for request in cloud.requests}) > 1
        assert not fluksod.said("cloud unreachable")


async def test_a_slow_cloud_is_waited_for(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """Trap 19: a late answer is an answer, and nothing is sent twice meanwhile. The original gave up after 5 s."""

    async def slow(request: web.Request, members: dict[str, Any]) -> None:
        await asyncio.sleep(5.2)

    cloud.answers["sensor"] = slow
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        assert await stored(cloud, CLAMP, 2) == [cloud.uploads()[0].members["measurements"][0]]
        assert (await fluksod.get("/api/v2/device"))["board"]["connected"]


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\r\nx-digest: {digest}\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n",
        "HTTP/1.1 200 \r\nX-Digest: {digest}\r\nContent-Length: {length}\r\n\r\n{body}",
        "HTTP/1.1 200\r\nX-DIGEST: {digest}\r\ncontent-length: {length}\r\n\r\n{body}",
        "HTTP/1.0 200 OK\r\nX-Digest: {digest}\r\n\r\n{body}",
    ],
)
async def test_answers_as_proxies_write_them(tmp_path: Path, board: Board, cloud: CloudStub, head: str) -> None:
    """Traps 1, 2 and 3 do not trouble us: chunked answers, headers in any case, no reason phrase."""
    await cloud.stop()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", request)
        assert length is not None
        members = json.loads(await reader.readexactly(int(length[1])))
        body = '{"upgrade":0,"timestamp":1}'
        digest = sign(members["key"], body.encode())
        writer.write(head.format(digest=digest, length=len(body), body=body).encode())
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    cloud.authority.issue_cert("127.0.0.1").configure_cert(context)
    server = await asyncio.start_server(answer, "127.0.0.1", cloud.port, ssl=context)
    async with server, running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)


async def test_a_body_that_is_too_large_is_halved(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    async def small(request: web.Request, members: dict[str, Any]) -> web.Response | None:
        return web.Response(status=413) if len(members["measurements"]) > 1 else None

    cloud.answers["sensor"] = small
    await cloud.stop()
    async with running(configured(tmp_path, cloud)):
        for counter in range(1, 5):
            board.send(pls(CLAMP, counter))
            await asyncio.sleep(1.01)
        await cloud.start()
        rows = await stored(cloud, CLAMP, 4)
        assert [counter for _, counter in rows] == [2, 3, 4]


async def test_a_cloud_that_is_busy_is_left_alone_as_long_as_it_says(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    async def busy(request: web.Request, members: dict[str, Any]) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "600"})

    cloud.answers["device"] = busy
    async with running(configured(tmp_path, cloud)) as fluksod:
        await until(lambda: fluksod.said("it answered 503"))
        assert "trying again in 600 s" in fluksod.said("it answered 503")[0]


async def test_a_cloud_without_live_gets_measurements_only(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """An original cloud crashes on an empty array, so it never gets one."""
    cloud.live = 0
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        for counter in range(1, 4):
            board.send(pwr(CLAMP, 463), pls(CLAMP, counter))
            await asyncio.sleep(0.6)
        await stored(cloud, CLAMP, 3)
        assert all(set(request.members) == {"measurements"} for request in cloud.uploads())
        assert all(request.members["measurements"] for request in cloud.uploads())


async def test_the_live_gauge_of_a_water_meter_is_in_litres_a_minute(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    """Trap 31."""
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(PULSE, 10, 1_000), pls(PULSE, 20, 61_000))
        await until(lambda: cloud.gauges.get(PULSE))
        assert cloud.gauges[PULSE][0][1] == 10


async def test_gauges_of_one_second_are_told_in_order(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    """A cloud shows the gauge with the newest time: two in one second must not look alike."""
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        for watt in range(100, 110):
            board.send(pwr(CLAMP, watt))
            await until(lambda: [CLAMP for _, value in cloud.gauges.get(CLAMP, []) if value == watt])  # noqa: B023
        times = [time for time, _ in cloud.gauges[CLAMP]]
        assert times == sorted(set(times))
        assert times[-1] <= time.time() + 2


async def test_what_is_pending_is_uploaded_before_the_end(tmp_path: Path, board: Board, cloud: CloudStub) -> None:
    config = configured(tmp_path, cloud)
    config.write_text(config.read_text().replace("interval = 1", "interval = 3600"))
    async with running(config) as fluksod:
        await connected(fluksod)
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))

        async def counted() -> bool:
            return bool((await cloud_state(fluksod))["pending"] == 1)

        await until(counted)
        assert CLAMP not in cloud.stored
        assert await fluksod.stop() == 0
    assert [counter for _, counter in cloud.stored[CLAMP]] == [2]


async def test_a_board_that_restarts_does_not_let_a_counter_fall_at_the_cloud(
    tmp_path: Path, board: Board, cloud: CloudStub
) -> None:
    async with running(configured(tmp_path, cloud)) as fluksod:
        await connected(fluksod)
        board.send(pls(PULSE, 500, 900_000), pls(PULSE, 501, 901_000))
        await stored(cloud, PULSE, 501)
        board.send(b"msg BROWN-OUT\n", pls(PULSE, 3, 21_000), pls(PULSE, 4, 22_000))
        rows = await stored(cloud, PULSE, 502)
        assert [counter for _, counter in rows] == [501, 502]
        assert fluksod.said("goes on from 501")


async def test_one_fluksod_and_plain_http_where_it_was_allowed(tmp_path: Path, board: Board) -> None:
    seen: list[str] = []

    async def take(request: web.Request) -> web.Response:
        members = await request.json()
        seen.append(request.path)
        body = b'{"upgrade":0,"timestamp":0}'
        return web.Response(body=body, headers={"X-Digest": sign(members["key"], body)})

    app = web.Application()
    app.router.add_post("/base/device/{id}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/base/"
    refused = configuration(tmp_path, cloud=f'[cloud]\nurl = "{url}"\n')
    assert "only https is accepted" in (await run_to_end("check", "--config", str(refused)))[2]
    allowed = configuration(tmp_path, cloud=f'[cloud]\nurl = "{url}"\nallow_plain_http = true\n')
    async with running(allowed) as fluksod:
        await connected(fluksod)
        assert len(seen) == 1
        await until(lambda: fluksod.said("clock differs from the cloud's"))
    await runner.cleanup()
