"""Hours that Home Assistant missed, filled on its real recorder: each within 1 Wh of the meter."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.tasks import PurgeTask
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from tests.integration.fluksometer import GAS, MAIN, SOLAR, WATER, LoopbackFluksometer
from tests.integration.kept_history import KeptHistory
from tests.integration.recorded_house import (
    DAY,
    HOUR,
    NOON,
    compile_period,
    findings,
    hours,
    measure,
    record,
    until_hours,
    used,
    wrong,
)
from tests.integration.states import shown

ENERGY = "sensor.main_energy"


def cut_off(house: LoopbackFluksometer) -> None:
    """Let nothing of the Fluksometer be heard any more."""
    house.replies["/api/v2/device"] = web.Response(status=503)


@pytest.mark.parametrize(
    ("away", "partial"), [(3 * HOUR, 1200), (3 * HOUR, 0), (3 * DAY, 2400), (30 * DAY, 1200)], ids=str
)
async def test_fluksometer_was_away(
    recorder_mock: Recorder,
    time_of_day: FrozenDateTimeFactory,
    house: LoopbackFluksometer,
    hass: HomeAssistant,
    loaded: MockConfigEntry,
    away: int,
    partial: int,
) -> None:
    """It goes in the middle of an hour, and comes back in the middle of another; Home Assistant is up all the while."""
    assert await async_setup_component(hass, "sensor", {})
    left = NOON + 3 * HOUR + partial
    back = left + away
    await record(hass, time_of_day, loaded, house, NOON, left)
    cut_off(house)
    time_of_day.tick(timedelta(seconds=60))
    await loaded.runtime_data.async_refresh()
    assert shown(hass, ENERGY) == STATE_UNAVAILABLE
    # An entity that is unavailable has no statistics: it is enough to make them now and then.
    for start in range(left // HOUR * HOUR, back // HOUR * HOUR, HOUR if away < DAY else 12 * HOUR):
        time_of_day.move_to(datetime.fromtimestamp(start + HOUR + 10, UTC))
        await compile_period(hass, start + HOUR - 300)
    time_of_day.move_to(datetime.fromtimestamp(back, UTC))
    get_instance(hass).queue_task(PurgeTask(datetime.fromtimestamp(back - 10 * DAY, UTC), False, False))
    await async_wait_recording_done(hass)

    del house.replies["/api/v2/device"]
    measure(house, back)
    await loaded.runtime_data.async_refresh()
    end = (back // HOUR + 2) * HOUR
    await record(hass, time_of_day, loaded, house, back, end)
    first = NOON + HOUR
    found = await until_hours(hass, ENERGY, lambda found: not wrong(found, first, end))
    assert wrong(found, first, end) == {}
    assert sum(found.values()) == pytest.approx(used(end) - used(NOON), abs=1)

    # It goes on as if nothing had been.
    await record(hass, time_of_day, loaded, house, end, end + 2 * HOUR)
    assert wrong(await hours(hass, ENERGY), first, end + 2 * HOUR) == {}
    assert await findings(hass, ENERGY) == []


async def recorded_with_a_gap(
    hass: HomeAssistant, time_of_day: FrozenDateTimeFactory, house: LoopbackFluksometer, entry: MockConfigEntry
) -> int:
    """Record with a gap of three hours and return the full hour after it."""
    left, back = NOON + 3 * HOUR, NOON + 6 * HOUR
    await record(hass, time_of_day, entry, house, NOON, left)
    cut_off(house)
    time_of_day.tick(timedelta(seconds=60))
    await entry.runtime_data.async_refresh()
    del house.replies["/api/v2/device"]
    time_of_day.move_to(datetime.fromtimestamp(back, UTC))
    await record(hass, time_of_day, entry, house, back, back + HOUR)
    return back + HOUR


async def test_history_that_cannot_be_had_yet(
    recorder_mock: Recorder,
    time_of_day: FrozenDateTimeFactory,
    hass: HomeAssistant,
    house: LoopbackFluksometer,
    loaded: MockConfigEntry,
) -> None:
    """It is asked for again at the next full hour."""
    assert await async_setup_component(hass, "sensor", {})
    path = f"/api/v2/sensors/{MAIN}/history"
    house.replies[path] = web.Response(status=503)
    end = await recorded_with_a_gap(hass, time_of_day, house, loaded)
    assert set(wrong(await hours(hass, ENERGY), NOON + HOUR, end)) != set()
    del house.replies[path]
    await record(hass, time_of_day, loaded, house, end, end + HOUR)
    found = await until_hours(hass, ENERGY, lambda found: not wrong(found, NOON + HOUR, end + HOUR))
    assert wrong(found, NOON + HOUR, end + HOUR) == {}


async def test_only_totals_that_are_recorded(
    recorder_mock: Recorder,
    time_of_day: FrozenDateTimeFactory,
    hass: HomeAssistant,
    house: LoopbackFluksometer,
    loaded: MockConfigEntry,
) -> None:
    """A total whose entity was removed, or that has no statistics, is left alone; the others are not."""
    assert await async_setup_component(hass, "sensor", {})
    for sensor_id in (SOLAR, WATER, GAS):
        house.kept[sensor_id] = KeptHistory(lambda time: (time - NOON) / 100, NOON)
    er.async_get(hass).async_remove("sensor.solar_energy")
    get_instance(hass).async_clear_statistics(["sensor.water_meter_volume"])
    end = await recorded_with_a_gap(hass, time_of_day, house, loaded)
    found = await until_hours(hass, ENERGY, lambda found: not wrong(found, NOON + HOUR, end))
    assert wrong(found, NOON + HOUR, end) == {}
    assert await hours(hass, "sensor.solar_energy") == {}


async def test_it_is_kept_until_when_all_is_right(
    recorder_mock: Recorder,
    time_of_day: FrozenDateTimeFactory,
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    house: LoopbackFluksometer,
    loaded: MockConfigEntry,
) -> None:
    """The next comparison begins there; nothing is left behind when the Fluksometer is removed."""
    assert await async_setup_component(hass, "sensor", {})
    await record(hass, time_of_day, loaded, house, NOON, NOON + 3 * HOUR)
    key = f"flukso.{loaded.entry_id}.settled"
    for _ in range(200):
        if key in hass_storage and hass_storage[key]["data"]:
            break
        await async_wait_recording_done(hass)
    assert hass_storage[key]["data"][MAIN] >= NOON + 2 * HOUR
    assert await hass.config_entries.async_remove(loaded.entry_id)
    assert key not in hass_storage
