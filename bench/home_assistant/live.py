"""Ten Fluksometers at 1 Hz: how long set-up takes, what it costs, and how soon a reading is a state."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

from bench.device.daemon import Daemon, configuration, running, until
from bench.device.delays import percentile
from bench.device.feed import Feed, feeding
from bench.device.house import CLAMPS, SENSORS, House
from bench.device.process_figures import cpu_seconds
from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures
from fluksod.link.lines import PowerLine, parse

from . import instance
from .instance import OTHER_CORE, Instance

FLUKSOMETERS = 10
SETTLE = 3.0
"""Seconds until a change (entries enabled, probe begun) has quietened down."""
ON_THE_WAY = 1.0
"""Seconds before the end within which a reading may not have arrived yet."""


class Powers:
    """When each board's line told a clamp's power, and when Home Assistant had it as a state."""

    def __init__(self, entities: Mapping[str, str]) -> None:
        self._sensors = {entity: sensor for sensor, entity in entities.items()}
        self.written: dict[tuple[str, int], float] = {}
        self.heard: dict[tuple[str, int], float] = {}

    def note(self, line: bytes, at: float) -> None:
        """Take a line of a board."""
        told = parse(line.rstrip())
        if isinstance(told, PowerLine):
            self.written[told.sensor, told.watt] = at

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take a change of state."""
        state = event["data"]["new_state"]
        sensor = self._sensors.get(event["data"]["entity_id"])
        if sensor is not None and state is not None and state["state"].isdecimal():
            self.heard.setdefault((sensor, int(state["state"])), time.monotonic())

    def delays(self, after: float, before: float) -> list[float]:
        """Milliseconds from each line written in that time (monotonic s) to its state; ValueError if one has none."""
        told = {key: at for key, at in self.written.items() if after <= at < before}
        if missing := told.keys() - self.heard.keys():
            raise ValueError(f"{len(missing)} of {len(told)} readings are no state, {next(iter(missing))} first")
        return [1000 * (self.heard[key] - at) for key, at in told.items()]


async def measure(effort: Effort) -> Figures:
    """Measure setup_s, cpu_share, push_p50_ms, push_p99_ms and log_problems."""
    turns, span, listen = {Effort.FULL: (5, 60.0, 3000.0), Effort.SHORT: (1, 8.0, 5.0), Effort.GLANCE: (1, 2.0, 2.0)}[
        effort
    ]
    os.sched_setaffinity(0, {OTHER_CORE})  # also of what is started from here
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(folder_on_disk())
        feeds, daemons = [], []
        for number in range(FLUKSOMETERS):
            own = folder / str(number)
            own.mkdir()
            feed = Feed(House(number), own / "board")
            feeds.append(feed)
            config = configuration(own, [feed.board.path], feed.house.tables())
            daemons.append(await stack.enter_async_context(running(config)))
        powers = Powers({})
        await stack.enter_async_context(feeding(feeds, powers.note))
        home = await stack.enter_async_context(instance.running(folder, FLUKSOMETERS * SENSORS))
        await _add(home, daemons)
        setup = await _set_up_again(home)
        with_us, bare = 0.0, 0.0
        for _ in range(turns):
            with_us += await _spent(home, span)
            await _switch(home, entries=False)
            bare += await _spent(home, span)
            await _switch(home, entries=True)
        powers = Powers(await _clamps(home))
        delays = await _push(home, powers, listen)
        problems = home.problems()
    share, own_share = 100 * (with_us - bare) / (turns * span), 100 * with_us / (turns * span)
    of = f"{FLUKSOMETERS} Fluksometers with {FLUKSOMETERS * SENSORS} sensors at 1 Hz"
    return {
        "setup_s": Figure(round(setup, 2), "s", f"all entries unloaded and set up again; {of}; goal 2"),
        "cpu_share": Figure(
            round(share, 2),
            "%",
            f"of one core: {own_share:.1f} with the integration less {own_share - share:.1f} with a bare probe that"
            f" writes the same states, {turns} x {span:g} s each; goal 3",
        ),
        "push_p50_ms": Figure(round(percentile(delays, 0.5), 1), "ms", "line on a board's wire to state changed"),
        "push_p99_ms": Figure(
            round(percentile(delays, 0.99), 1),
            "ms",
            f"{len(delays)} readings in {listen:g} s; max {max(delays):.0f}; goal 300",
        ),
        "log_problems": Figure(
            len(problems),
            "lines",
            f"at warning or above since the first entry, {problems[0] if problems else 'none'}; goal 0",
        ),
    }


async def _add(home: Instance, daemons: list[Daemon]) -> None:
    for daemon in daemons:
        host, _, port = daemon.url.removeprefix("http://").partition(":")
        await home.add_flukso(host, int(port))
    await until("all entities", lambda: _are_there(home))


async def _are_there(home: Instance) -> bool:
    """Tell whether each sensor has a state."""
    states = await home.states()
    known = [states.get(entity) for entities in (await home.entities()).values() for entity in entities.pair]
    return len(known) >= 2 * FLUKSOMETERS * SENSORS and all(
        state not in (None, "unknown", "unavailable") for state in known
    )


async def _entries(home: Instance) -> list[str]:
    return [entry["entry_id"] for entry in await home.call("config_entries/get", domain="flukso")]


async def _set_up_again(home: Instance) -> float:
    """Reload all entries at once; the seconds that takes."""
    entries = await _entries(home)
    began = time.monotonic()
    await asyncio.gather(*(home.reload(entry) for entry in entries))
    took = time.monotonic() - began
    await until("all entities", lambda: _are_there(home))
    return took


async def _switch(home: Instance, *, entries: bool) -> None:
    """Let the integration measure, or the probe write the same."""
    for entry in await _entries(home):
        await home.call("config_entries/disable", entry_id=entry, disabled_by=None if entries else "user")
    await home.call("call_service", domain="flukso_probe", service="stop" if entries else "start")
    if entries:
        await until("all entities", lambda: _are_there(home))


async def _spent(home: Instance, seconds: float) -> float:
    """Return the processor time (s) that Home Assistant takes in so many seconds."""
    await asyncio.sleep(SETTLE)
    before = cpu_seconds(home.pid)
    await asyncio.sleep(seconds)
    return cpu_seconds(home.pid) - before


async def _clamps(home: Instance) -> dict[str, str]:
    """Return the power entities of all clamps by sensor id."""
    clamps = {sensor for number in range(FLUKSOMETERS) for sensor in House(number).sensors[:CLAMPS]}
    return {sensor: entities.power for sensor, entities in (await home.entities()).items() if sensor in clamps}


async def _push(home: Instance, powers: Powers, seconds: float) -> list[float]:
    """Return the delays of all powers told in so many seconds."""
    async with home.changes() as events:
        began = time.monotonic() + SETTLE
        while time.monotonic() < began + seconds:
            powers.hear(await events.get())
    return powers.delays(began, began + seconds - ON_THE_WAY)
