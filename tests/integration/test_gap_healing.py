"""Hours that Home Assistant missed, filled on its real recorder: each within 1 Wh of the meter."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.tasks import PurgeTask
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from tests.integration.fluksometer import LoopbackFluksometer
from tests.integration.recorded_house import (
    DAY,
    HOUR,
    NOON,
    compile_period,
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
