"""A year of eight households: how little room it takes, and how soon a page has it, over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import secrets
import sqlite3
import ssl
import time
from contextlib import closing
from statistics import median
from urllib.parse import urlencode

from bench.device.real_disk import folder_on_disk
from bench.figure import Effort, Figure, Figures
from flukso_cloud.folding import fold_all
from flukso_cloud.home import Home
from flukso_cloud.meter import Sample
from flukso_cloud.store.model import Heartbeat, SensorPlan
from flukso_cloud.store.sqlite import SqliteStore
from flukso_cloud.vault import Vault

from .fleet import ACCOUNT, make_home, token_of
from .household import MINUTE, counters, times
from .server import Server, serving

STREAMS = 8
DAY = 86400
YEAR = 365 * DAY
START = 1_735_689_600
"""2025-01-01 in UTC."""
AT_ONCE = 5000
ZONE = "Europe/Brussels"


def measure(effort: Effort) -> Figures:
    """Measure fold_per_s, year_of_days_p50_ms, day_of_minutes_p50_ms and page_of_8_years_p50_ms.

    With all minutes of the year (FULL) also bytes_per_sample.
    """
    step = {Effort.FULL: MINUTE, Effort.SHORT: 600, Effort.GLANCE: 3600}[effort]
    asks = {Effort.FULL: 200, Effort.SHORT: 50, Effort.GLANCE: 5}[effort]
    with folder_on_disk() as folder:
        home = make_home(folder / "cloud")
        sensors, appended_per_s, folded_per_s = asyncio.run(_fill(home, step))
        with serving(home) as server:
            token = token_of(home)
            day = START + 100 * DAY - 7200
            year = _asked(server, token, sensors[:1], asks, start=START, end=START + YEAR, resolution="day")
            minutes = _asked(server, token, sensors[:1], asks, start=day, end=day + DAY, resolution="minute")
            page = _asked(server, token, sensors, max(asks // 4, 3), start=START, end=START + YEAR, resolution="day")
        room = _room(home) / (STREAMS * (YEAR // step))
    of = f"a year of samples each {step} s, min, max, mean, last and coverage, TLS, one client"
    rates = f"samples into chunks; they were taken in at {appended_per_s:.0f}/s"
    figures = {
        "fold_per_s": Figure(round(folded_per_s), "/s", rates),
        "year_of_days_p50_ms": Figure(round(year, 2), "ms", f"365 days of {ZONE}, {of}; goal 3"),
        "day_of_minutes_p50_ms": Figure(round(minutes, 2), "ms", f"1440 minutes, {of}; goal 5"),
        "page_of_8_years_p50_ms": Figure(round(page, 2), "ms", f"{STREAMS} x 365 days in one call, {of}; goal 20"),
    }
    if step == MINUTE:
        of = f"the whole database, a year of minutes of {STREAMS} households; goal 0.6"
        figures["bytes_per_sample"] = Figure(round(room, 3), "B", of)
    return figures


async def _fill(home: Home, step: int) -> tuple[list[str], float, float]:
    """Register the households and let them have their year; the sensors, samples taken in and folded a second."""
    store, vault, now = SqliteStore.open(home.database), Vault.open(home), int(time.time())
    try:
        account = await store.account(ACCOUNT)
        if account is None:
            raise RuntimeError("init makes the account")
        device, key, claim = secrets.token_hex(16), secrets.token_hex(16).encode(), secrets.token_bytes(32)
        made = await store.register(device, vault.seal(key, device), claim, now)
        plans = [SensorPlan(secrets.token_hex(16), "electricity", "analog", f"House {n}") for n in range(STREAMS)]
        await store.heartbeat(made.number, Heartbeat(now), plans)
        await store.claim(claim, account.number)
        count, began, folded = YEAR // step, 0.0, 0.0
        for number, plan in enumerate(plans):
            sensor = await store.sensor(plan.id)
            if sensor is None:
                raise RuntimeError("the heartbeat makes the sensor")
            instants, values = times(count, step, START, number).tolist(), counters(count, step, number).tolist()
            samples = list(map(Sample, instants, values))
            started = time.monotonic()
            for first in range(0, count, AT_ONCE):
                await store.append(sensor, samples[first : first + AT_ONCE], now)
            began += time.monotonic() - started
        started = time.monotonic()
        done = await fold_all(store, now)
        folded = time.monotonic() - started
    finally:
        await store.close()
    return [plan.id for plan in plans], STREAMS * count / began, done / folded


def _asked(server: Server, token: str, sensors: list[str], asks: int, **query: object) -> float:
    """Ask for a series again and again, over one connection; the median of the milliseconds it takes."""
    trust = ssl.create_default_context(cafile=server.home.ca_certificate)
    connection = http.client.HTTPSConnection("localhost", server.port, context=trust)
    path = "/api/v2/series?" + urlencode({"sensor": sensors, "zone": ZONE, **query}, doseq=True)
    took: list[float] = []
    for _ in range(asks + 1):
        began = time.perf_counter()
        connection.request("GET", path, headers={"X-Token": token})
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"the cloud answers {answer.status}: {body[:200]!r}")
    connection.close()
    return median(took[1:])


def _room(home: Home) -> int:
    """Return the bytes of the database, without pages that wait to be used again."""
    compact = home.database.with_name("compact.db")
    with closing(sqlite3.connect(home.database)) as database:
        database.execute("VACUUM INTO ?", (str(compact),))
    return compact.stat().st_size
