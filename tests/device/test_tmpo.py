"""tmpo blocks: their bytes, their places, the real PyPI client over HTTP, and the exchange over a real broker."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import re
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import tmpo
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from fluksod.tmpo.block import block
from fluksod.tmpo.spans import GRACE, LEVELS, Span, just_cut, missing, spans
from tests.device.archived import NOON, Archived
from tests.device.board import CLAMP, Board, pls
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.mosquitto import Mosquitto, listening
from tests.device.waiting import until

SENSORS = sensor_table(CLAMP, "Main", "electricity")
CONFIG = {"id": CLAMP, "type": "electricity"}


def points_of(content: bytes) -> tuple[dict[str, Any], list[tuple[int, float]]]:
    """Header and points of a block, as the old client reads them: with its own regular expression."""
    found = re.match(tmpo.RE_JSON_BLK, gzip.decompress(content).decode())
    assert found is not None
    header, times, values = (json.loads(found[name]) for name in "htv")
    at, value = header["head"]
    points = []
    for later, more in zip(times, values, strict=True):
        at, value = at + later, value + more
        points.append((at, round(value, 3)))
    return header, points


def test_the_bytes_of_the_reference() -> None:
    """Section 7.1, the example."""
    points = [(1404225554, 1067010), (1404225583, 1067020), (1404225613, 1067030), (1404225643, 1067040)]
    made = block({"a": 1}, [*points, (1404225674, 1067050)])
    assert made is not None
    assert gzip.decompress(made) == (
        b'{"h":{"cfg":{"a":1},"tail":[1404225674,1067050],"vsn":1,"head":[1404225554,1067010]},'
        b'"t":[0,29,30,30,31],"v":[0,10,10,10,10]}'
    )


@given(st.lists(st.tuples(st.integers(1, 1 << 31), st.integers(0, 10**12)), min_size=1, max_size=50))
def test_the_old_client_reads_what_was_written(rows: list[tuple[int, int]]) -> None:
    points = [(at, thousandths / 1000) for at, thousandths in rows]
    made = block(CONFIG, points)
    assert made is not None
    header, read = points_of(made)
    kept: list[tuple[int, float]] = []
    for point in points:
        if not kept or point[0] > kept[-1][0]:  # what does not go on is dropped
            kept.append(point)
    assert [at for at, _ in read] == [at for at, _ in kept]
    assert [value for _, value in read] == pytest.approx([value for _, value in kept], abs=0.05)
    assert (header["cfg"], header["vsn"]) == (CONFIG, 1)


def test_nothing_makes_no_block() -> None:
    assert block(CONFIG, []) is None


@settings(max_examples=100)
@given(st.integers(1_400_000_000, 1_500_000_000), st.integers(0, 8_000_000))
def test_the_spans_are_what_compaction_leaves(first: int, age: int) -> None:
    """Against the original's way: blocks of level 8, and 16 of a level into one whenever the larger span has passed."""
    now = first + age
    found = spans(first, now)
    assert found == sorted(found, key=lambda span: span.start)
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    assert all(span.is_cut(now) for span in found)
    for small, large in zip(LEVELS[1:], LEVELS[:-1], strict=True):
        of_small = [span for span in found if span.level == small]
        assert len(of_small) < 16 + 1
        for span in of_small:
            parent = Span(large, span.start - span.start % (1 << large))
            assert not parent.is_cut(now), "it would have been compacted"
    if found:
        assert found[0].start <= first
        assert found[-1].end + GRACE <= now < found[-1].end + GRACE + 256


@given(st.integers(1_400_000_000, 1_500_000_000))
def test_what_is_cut_in_a_while_is_what_comes_to_the_list(now: int) -> None:
    before, after = set(spans(1_300_000_000, now - 256)), set(spans(1_300_000_000, now))
    assert after - before <= set(just_cut(now))
    assert any(span in after for span in just_cut(now))


def test_only_what_ends_behind_the_last_one_is_missing() -> None:
    known = [Span(12, 4096 * 100), Span(8, 4096 * 101), Span(8, 4096 * 101 + 256)]
    assert list(missing(known, 0, 0)) == known
    assert list(missing(known, 8, 4096 * 100 + 4096 - 256)) == known[1:]
    assert list(missing(known, 8, 4096 * 101 + 256)) == []


def fill(state: Path, now: float, seconds: int) -> list[tuple[int, int]]:
    """A history of so many seconds until now, with a counter that goes up every 10 s; what was counted."""
    state.mkdir(mode=0o700)
    kept = Archived(state, now=now - seconds)
    counted = []
    counter = 1000
    while kept.now < now:
        counter += 1
        counted.append((int(kept.now), counter))
        kept.show(counter, 360.0, seconds=10)
    kept.archive.close()
    return counted


class Terminator:
    """Speaks TLS for a fluksod, as the old client wants it."""

    def __init__(self, url: str, authority: trustme.CA) -> None:
        self._port = int(url.rsplit(":", 1)[1])
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self._context)
        self.host = ""
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Terminator:
        self._server = await asyncio.start_server(self._serve, "localhost", 0, ssl=self._context)
        self.host = f"localhost:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)

        async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
            target.close()

        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer), return_exceptions=True)


@pytest.fixture
async def counted(tmp_path: Path) -> list[tuple[int, int]]:
    """Six hours of history in the state directory."""
    return await asyncio.to_thread(fill, tmp_path / "state", time.time(), 6 * 3600)


async def test_the_old_client_gets_all_of_it(tmp_path: Path, board: Board, counted: list[tuple[int, int]]) -> None:
    authority = trustme.CA()
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod, Terminator(fluksod.url, authority) as tls:

        def fetch() -> Any:
            session = tmpo.Session(str(tmp_path))
            authority.cert_pem.write_to_path(session.crt)
            session.host = tls.host
            session.add(CLAMP, "0" * 32)
            session.sync()
            session.sync()  # nothing is asked for twice
            return session.list(CLAMP)[0]  # series() needs a pandas older than 2

        blocks = await asyncio.to_thread(fetch)
        levels = {row[2] for row in blocks}
        assert levels <= {8, 12, 16, 20}
        assert levels != {8}, "what is full is one block; which levels there are is a matter of the time of day"
        assert len(blocks) == len({(row[1], row[2], row[3]) for row in blocks})
        points = [point for row in sorted(blocks, key=lambda row: row[3]) for point in points_of(row[6])[1]]
        assert [at for at, _ in points] == sorted({at for at, _ in points}), "each point once, in order"
        truth, told = dict(counted), {at: int(value) for at, value in points}
        assert len(told) > 6 * 60
        for at, value in told.items():
            near = [truth[second] for second in range(at - 69, at + 1) if second in truth]
            assert value in near, "a counter that was shown at that second or in the minute before"
        assert counted[0][1] <= told[min(told)] <= counted[7][1]
        assert max(told) > time.time() - 256 - GRACE - 20


async def test_the_answers_of_the_reference(tmp_path: Path, board: Board, counted: list[tuple[int, int]]) -> None:
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod:
        listed = await fluksod.get(f"/sensor/{CLAMP}/tmpo/sync?rid=0&lvl=0&bid=0")
        assert listed[0].keys() == {"rid", "lvl", "bid", "ext"}
        assert all((one["rid"], one["ext"]) == (0, "gz") for one in listed)
        order = [(-one["lvl"], one["bid"]) for one in listed]
        assert order == sorted(order)
        last = listed[0]
        newer = await fluksod.get(f"/sensor/{CLAMP}/tmpo/sync?rid=0&lvl={last['lvl']}&bid={last['bid']}")
        assert newer == listed[1:]
        url = f"{fluksod.url}/sensor/{CLAMP}/tmpo/0/{last['lvl']}/{last['bid']}"
        async with fluksod.session.get(url, headers={"Accept": "application/gzip"}) as answer:
            assert answer.content_type == "application/gzip"
            raw = await answer.read()
        async with fluksod.session.get(url, headers={"Accept": "application/json"}) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert (await answer.json())["h"]["cfg"]["data_type"] == "counter"
        assert points_of(raw)[0]["head"][0] >= last["bid"]
        for path, status in (
            (f"{CLAMP}/tmpo/0/{last['lvl']}/{last['bid'] + 1}", 404),
            (f"{CLAMP}/tmpo/1/{last['lvl']}/{last['bid']}", 404),
            (f"{CLAMP}/tmpo/0/9/0", 404),
            (f"{CLAMP}/tmpo/0/99999999999/0", 404),
            (f"{CLAMP}/tmpo/0/8/{NOON * 2 // 256 * 256}", 404),
            (f"{'0' * 32}/tmpo/0/8/0", 404),
            (f"{CLAMP}/tmpo/sync?rid=x", 400),
            (f"{CLAMP}/tmpo/sync?callback=a-b", 400),
        ):
            async with fluksod.session.get(f"{fluksod.url}/sensor/{path}") as answer:
                assert answer.status == status, path
        async with fluksod.session.get(f"{fluksod.url}/sensor/{CLAMP}/tmpo/sync?rid=1&callback=fn") as answer:
            assert await answer.text() == "fn([]);"
        assert not fluksod.said("rror"), fluksod.log


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = await Mosquitto(tmp_path).start()
    yield broker
    broker.kill()


async def test_a_cloud_behind_the_broker_gets_what_it_lacks(
    tmp_path: Path, board: Board, counted: list[tuple[int, int]], mosquitto: Mosquitto
) -> None:
    """Trap 24 besides: what has blocks has data_type and rid in the configuration, and the header says the same."""
    table = f'[mqtt]\nhost = "127.0.0.1"\nport = {mosquitto.port}\n'
    async with listening(mosquitto) as heard, running(configuration(tmp_path, sensors=SENSORS, mqtt=table)) as fluksod:
        device = (await fluksod.get("/api/v2/device"))["id"]
        asks = f"/device/{device}/tmpo/sync"
        await until(lambda: heard.get(asks) == b"")
        listed = await fluksod.get(f"/sensor/{CLAMP}/tmpo/sync")
        known, lacking = listed[:-3], listed[-3:]  # how many there are is a matter of the time of day
        last = known[-1] if known else {"lvl": 0, "bid": 0}
        content = [{"sid": CLAMP, "rid": 0, "lvl": last["lvl"], "bid": last["bid"]}, {"sid": 5}, "noise"]
        for payload in (b"no JSON", b"{}", json.dumps(content).encode()):
            await publish(mosquitto, f"/d/device/{device}/tmpo/sync", payload)

        def blocks() -> list[tuple[str, bytes]]:
            return [message for message in heard.order if "/tmpo/0/" in message[0]]

        await until(lambda: len(blocks()) >= len(lacking))
        wanted = [f"/sensor/{CLAMP}/tmpo/0/{one['lvl']}/{one['bid']}/gz" for one in lacking]
        assert [topic for topic, _ in blocks()][: len(lacking)] == wanted
        header, points = points_of(blocks()[0][1])
        assert header["cfg"]["rid"] == 0
        assert points
    async with listening(mosquitto) as later:
        await until(lambda: later.retained)
        assert not [topic for topic in later.newest if "/tmpo/" in topic], "blocks are not retained"


async def publish(mosquitto: Mosquitto, topic: str, payload: bytes) -> None:
    import aiomqtt

    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.publish(topic, payload)


async def test_readings_of_now_are_in_the_newest_block(tmp_path: Path, board: Board) -> None:
    """Cut 20 s after its end, so only its arithmetic is looked at here: nothing of an open span is given away."""
    async with running(configuration(tmp_path, sensors=SENSORS)) as fluksod:
        board.send(pls(CLAMP, 1), pls(CLAMP, 2))
        await until(lambda: fluksod.reading(CLAMP))
        assert await fluksod.get(f"/sensor/{CLAMP}/tmpo/sync") == []
