"""A house under a scripted load, its Fluksometer, and a Home Assistant that records it on its real recorder."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import pi, sin
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.energy import async_get_manager
from homeassistant.components.energy.validate import async_validate
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.components.recorder.tasks import StatisticsTask
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from tests.integration.fluksometer import MAIN, SOLAR, LoopbackFluksometer
from tests.integration.kept_history import KeptHistory

HOUR = 3600
DAY = 24 * HOUR
NOON = 1_795_003_200
"""A full hour, and a noon in UTC."""
REGISTER = 4_521_337


def used(time: float) -> float:
    """Return Wh since NOON: 250 W all along, a swing over the day, and 3 kW for 20 minutes in every two hours."""
    since = time - NOON
    swing = 400 * (since / 3600 - 12 / pi * sin(since / 3600 * pi / 12))
    boils, boiling = divmod(since, 7200)
    return 250 * since / 3600 + swing + 1000 * boils + min(boiling, 1200) * 3000 / 3600


def register(time: float) -> int:
    """Return the meter's register: whole Wh."""
    return REGISTER + int(used(time))


def kept(begin: int) -> KeptHistory:
    """Return what the Fluksometer has kept."""
    return KeptHistory(lambda time: REGISTER + used(time), begin)


def measure(fluksometer: LoopbackFluksometer, time: float) -> None:
    """Let the Fluksometer measure."""
    fluksometer.device["time"] = fluksometer.device["board"]["last_line"] = int(time)
    for item in fluksometer.sensors:
        if item["reading"] is not None and item["class"] == "analog":
            item["reading"] = {**item["reading"], "time": int(time)}
    fluksometer.measure(MAIN, time=int(time), counter=register(time), gauge=500)
    fluksometer.measure(SOLAR, time=int(time), counter=0, gauge=0)


def wrong(found: dict[int, float], first: int, last: int) -> dict[str, tuple[float | None, float]]:
    """Return the hours from `first` to `last` in which more than 1 Wh is missing or too much: found and used."""
    return {
        datetime.fromtimestamp(start, UTC).isoformat(): (found.get(start), used(start + HOUR) - used(start))
        for start in range(first, last, HOUR)
        if abs(found.get(start, -1e9) - (used(start + HOUR) - used(start))) > 1
    }


async def record(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: ConfigEntry,
    fluksometer: LoopbackFluksometer,
    start: int,
    end: int,
) -> None:
    """Let time pass from one to another full five minutes, with a poll just before each and statistics after it."""
    for time in range(start + 300, end + 1, 300):
        freezer.move_to(datetime.fromtimestamp(time - 0.01, UTC))
        measure(fluksometer, time)
        await entry.runtime_data.async_refresh()
        freezer.move_to(datetime.fromtimestamp(time + 10, UTC))
        await compile_period(hass, time - 300)


async def compile_period(hass: HomeAssistant, start: int) -> None:
    """Make the statistics of five minutes, and of the hour if it is over with them, and tell as the recorder does."""
    await async_wait_recording_done(hass)
    get_instance(hass).queue_task(StatisticsTask(datetime.fromtimestamp(start, UTC), True))
    await async_wait_recording_done(hass)


async def hours(hass: HomeAssistant, entity_id: str, start: int = 0) -> dict[int, float]:
    """Return what the energy dashboard shows of each hour by its start, in Wh or L."""
    await async_wait_recording_done(hass)
    found = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        hass,
        datetime.fromtimestamp(start, UTC),
        None,
        {entity_id},
        "hour",
        {"energy": "Wh", "volume": "L"},
        {"change"},
    )
    return {int(row["start"]): row["change"] or 0.0 for row in found.get(entity_id, [])}


async def until_hours(
    hass: HomeAssistant, entity_id: str, enough: Callable[[dict[int, float]], bool]
) -> dict[int, float]:
    """Wait until the hours are as expected, and return them; as they are in the end if that does not happen."""
    for _ in range(200):
        shown = await hours(hass, entity_id)
        if enough(shown):
            break
    return shown


async def findings(hass: HomeAssistant, *statistics: str) -> list[Any]:
    """Put statistics into the energy dashboard and return what its own validation finds wrong."""
    assert await async_setup_component(hass, "energy", {})
    sources = [{"type": "solar", "stat_energy_from": id_, "config_entry_solar_forecast": None} for id_ in statistics]
    await (await async_get_manager(hass)).async_update({"energy_sources": sources})
    validation = (await async_validate(hass)).as_dict()
    return [finding for source in validation["energy_sources"] for finding in source]
