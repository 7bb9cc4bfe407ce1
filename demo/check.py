"""Follows one change through the stream and compares the counters at every hop."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from .processes import DemoError
from .stream import Stream

# The kettle of the simulated house draws 2 kW. Half of that above the level before is nothing else's step.
_RISE_W = 1000
# A sensor, "gauge" or "counter", and the number it shows: W, L/min, Wh or L.
_Value = tuple[str, str, float]

_HOPS = ("board", "lan", "cloud", "home_assistant")


@dataclass
class Report:
    """What `scripts/demo --check` prints."""

    hops: dict[str, dict[str, Any]] = field(default_factory=lambda: {hop: {"ok": False} for hop in _HOPS})
    counters_agree: bool = False
    delay_s: dict[str, float | None] = field(default_factory=lambda: {f"board_to_{hop}": None for hop in _HOPS[1:]})

    @property
    def ok(self) -> bool:
        """Return whether every hop works and all counters agree."""
        return self.counters_agree and all(hop["ok"] for hop in self.hops.values())

    def as_json(self) -> str:
        """Return the report as one JSON object on one line."""
        return json.dumps(
            {"ok": self.ok, "hops": self.hops, "counters_agree": self.counters_agree, "delay_s": self.delay_s}
        )


@asynccontextmanager
async def _events(
    session: aiohttp.ClientSession, url: str, **arguments: Any
) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
    """Read a server-sent event stream into a queue of its data objects."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with session.get(url, timeout=timeout, headers={"Accept": "text/event-stream"}, **arguments) as response:
        if response.status != 200:
            raise DemoError(f"{url} answered {response.status}: {await response.text()}")

        async def read() -> None:
            async for line in response.content:
                if line.startswith(b"data:"):
                    queue.put_nowait(json.loads(line[5:]))

        reader = asyncio.create_task(read())
        try:
            yield queue
        finally:
            reader.cancel()


async def _first(queue: asyncio.Queue[Any], wanted: Callable[[Any], bool], within: float) -> float | None:
    """Return the unix time at which something wanted came out of `queue`, None when it did not come in time."""
    try:
        async with asyncio.timeout(within):
            while not wanted(await queue.get()):
                pass
    except TimeoutError:
        return None
    return time.time()


async def run(stream: Stream) -> Report:
    """Check each hop of a running `stream`."""
    report = Report()
    sensor = stream.kettle_sensor()
    if stream.house:
        await _follow_kettle(stream, sensor, report)
    else:
        await _follow_any_change(stream, report)
    await _compare_counters(stream, report)
    await _describe_hops(stream, report)
    return report


async def _follow_kettle(stream: Stream, sensor: str, report: Report) -> None:
    assert stream.house  # noqa: S101 (the caller has looked)
    # Its owner may be boiling water just now.
    switched_off = await stream.house.switch("kettle", on=False)
    await _settled(stream, sensor, switched_off)
    before = (await stream.lan_counters())[sensor]["gauge"] or 0
    threshold = before + _RISE_W
    entity = stream.entities[sensor].power

    def risen(event: Mapping[str, Any]) -> bool:
        return bool(event["sensor"] == sensor and (event.get("gauge") or 0) >= threshold)

    def risen_in_home_assistant(event: Mapping[str, Any]) -> bool:
        state = event["data"]["new_state"]
        return bool(event["data"]["entity_id"] == entity and state and _number(state["state"]) >= threshold)

    async def board() -> float | None:
        assert stream.house  # noqa: S101
        deadline = time.time() + 15
        while time.time() < deadline:
            row = (await stream.house.sensors())[sensor]
            if (row["watt"] or 0) >= threshold:
                return float(row["line_at"])
            await asyncio.sleep(0.05)
        return None

    async with (
        _events(stream.session, f"{stream.lan_url}/api/v2/events") as lan,
        _events(stream.cloud_session, f"{stream.cloud_url}/api/v2/live", params={"sensor": sensor}) as cloud,
        stream.home_assistant.changes() as home_assistant,
    ):
        switched = await stream.house.switch("kettle", on=True)
        seen = await asyncio.gather(
            board(),
            _first(lan, risen, 15),
            _first(cloud, risen, 15),
            _first(home_assistant, risen_in_home_assistant, 15),
        )
    # What is compared afterwards shall be counters that have moved: the kettle makes 2 Wh in some four seconds.
    counted = (await stream.house.sensors())[sensor]["counter"]
    deadline = time.time() + 15
    while (await stream.house.sensors())[sensor]["counter"] < counted + 2 and time.time() < deadline:
        await asyncio.sleep(0.2)
    await stream.house.switch("kettle", on=False)
    for hop, at in zip(_HOPS, seen, strict=True):
        report.hops[hop]["kettle_seen"] = at is not None
        report.hops[hop]["ok"] = at is not None
        if at is not None:
            # From the switch on: the board's own measuring second is part of what a person waits for.
            report.hops[hop]["delay_from_switch_s"] = round(at - switched, 3)
        if hop != "board" and at is not None and seen[0] is not None:
            report.delay_s[f"board_to_{hop}"] = round(max(0.0, at - seen[0]), 3)


async def _settled(stream: Stream, sensor: str, since: float) -> None:
    """Wait until the kettle's circuit is steady: two readings alike whose measuring second began after `since`."""
    last = None
    for _ in range(100):
        reading = (await stream.lan_counters())[sensor]
        if reading["gauge"] is not None and reading["time"] >= since + 2:
            if last is not None and reading["time"] > last["time"] and abs(reading["gauge"] - last["gauge"]) < 50:
                return
            if last is None or reading["time"] > last["time"]:
                last = reading
        await asyncio.sleep(0.3)


async def _follow_any_change(stream: Stream, report: Report) -> None:
    """With a real board nothing can be switched: follow the next values that it sends by themselves.

    A value is recognised at a later hop by its sensor and its number; the board's own moment is not known, so delays
    count from the local API on. A house of 100 W counts a Wh every 36 s, and its power may stand still meanwhile.
    """
    report.hops["board"]["ok"] = (await stream.lan("device"))["board"]["connected"]
    powers = {pair.power: sensor for sensor, pair in stream.entities.items()}
    totals = {pair.energy: sensor for sensor, pair in stream.entities.items()}

    def pushed(event: Mapping[str, Any]) -> list[_Value]:
        values = (("gauge", event.get("gauge")), ("counter", event.get("counter")))
        return [(event["sensor"], kind, round(value, 1)) for kind, value in values if value is not None]

    def changed(event: Mapping[str, Any]) -> list[_Value]:
        state, entity = event["data"]["new_state"], event["data"]["entity_id"]
        if not state or (number := _number(state["state"])) < 0:
            return []
        if entity in powers:
            return [(powers[entity], "gauge", round(number, 1))]
        return [(totals[entity], "counter", round(number * 1000, 1))] if entity in totals else []

    # A sensor that has just shown itself is registered at the cloud a moment later.
    registered = await stream.cloud_counters()
    sensors = [("sensor", sensor) for sensor in stream.entities if sensor in registered]
    async with (
        _events(stream.session, f"{stream.lan_url}/api/v2/events") as lan,
        _events(stream.cloud_session, f"{stream.cloud_url}/api/v2/live", params=sensors) as cloud,
        stream.home_assistant.changes() as home_assistant,
    ):
        sources = {"lan": (lan, pushed), "cloud": (cloud, pushed), "home_assistant": (home_assistant, changed)}
        first: dict[str, dict[_Value, float]] = {hop: {} for hop in sources}
        deadline = time.time() + 120
        while time.time() < deadline and not all(first["lan"].keys() & seen.keys() for seen in first.values()):
            for hop, (queue, values_of) in sources.items():
                while not queue.empty():
                    for value in values_of(queue.get_nowait()):
                        first[hop].setdefault(value, time.time())
            await asyncio.sleep(0.01)
    for hop, seen in first.items():
        delays = [seen[value] - first["lan"][value] for value in seen.keys() & first["lan"].keys()]
        report.hops[hop]["ok"] = bool(delays)
        if delays:
            report.delay_s[f"board_to_{hop}"] = round(max(0.0, *delays, 0.0), 3)


async def _compare_counters(stream: Stream, report: Report) -> None:
    """Wait for a moment at which every sensor's counter is the same at every hop, to the Wh or L.

    The past of a real board's sensors is not in the cloud: one that has not counted since the start is left out, but
    one at least has to have counted. With a load of 100 W that takes 36 s.
    """
    deadline = time.time() + (30 if stream.house else 120)
    while True:
        rows = await _counters(stream)
        compared = rows if stream.house else {sensor: row for sensor, row in rows.items() if row["cloud"] is not None}
        complete = all(value is not None for row in compared.values() for value in row.values())
        agreed = all(len(set(row.values())) == 1 for row in compared.values())
        report.counters_agree = bool(compared) and complete and agreed
        if report.counters_agree or time.time() > deadline:
            break
        await asyncio.sleep(0.1)
    for hop in report.hops:
        counters = {stream.names.get(sensor, sensor): row[hop] for sensor, row in rows.items() if hop in row}
        if counters:
            report.hops[hop]["counters"] = counters


async def _counters(stream: Stream) -> dict[str, dict[str, int | None]]:
    async def nothing() -> dict[str, Any]:
        return {}

    board, lan, cloud, states = await asyncio.gather(
        stream.house.sensors() if stream.house else nothing(),
        stream.lan_counters(),
        stream.cloud_counters(),
        stream.home_assistant.states(),
    )
    rows: dict[str, dict[str, int | None]] = {}
    for sensor, entities in stream.entities.items():
        # Home Assistant shows kWh and m³; the counter is Wh and L.
        number = _number(states.get(entities.energy, ""))
        row = {
            "lan": lan.get(sensor, {}).get("counter"),
            "cloud": cloud.get(sensor),
            "home_assistant": round(number * 1000) if number >= 0 else None,
        }
        if stream.house:
            row["board"] = board.get(sensor, {}).get("counter")
        rows[sensor] = row
    return rows


async def _describe_hops(stream: Stream, report: Report) -> None:
    device = await stream.lan("device")
    if device["board"]["error"] or not device["board"]["connected"]:
        report.hops["board"].update(ok=False, error=device["board"]["error"] or "not connected")
    if not device["cloud"] or device["cloud"]["state"] != "connected":
        report.hops["cloud"].update(ok=False, error=device["cloud"] and device["cloud"]["error"])
    report.hops["lan"]["url"] = stream.lan_url
    report.hops["cloud"]["url"] = stream.cloud_url
    report.hops["home_assistant"]["url"] = stream.home_assistant.url


def _number(state: str) -> float:
    """Return a state as a number, -1 where it is none (unknown, unavailable)."""
    try:
        return float(state)
    except ValueError:
        return -1
