"""Hours that Home Assistant missed, filled on its real recorder: each within 1 Wh of the meter."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from freezegun.api import FrozenDateTimeFactory, freeze_time, real_monotonic
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.tasks import PurgeTask
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done

from tests.integration.fluksometer import MAIN, LoopbackFluksometer
from tests.integration.recorded_house import HOUR, NOON, compile_period, hours, kept, measure, record, until_hours, used
from tests.integration.states import shown

ENERGY = "sensor.main_energy"
DAY = 24 * HOUR


@pytest.fixture
async def freezer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FrozenDateTimeFactory]:
    """Put the time of day into our hands, and leave sockets and sleeps their own."""
    with freeze_time() as frozen:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", real_monotonic)
        yield frozen


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Do not write down each query."""
    caplog.set_level(logging.WARNING, "sqlalchemy.engine")


@pytest.fixture
def begun(freezer: FrozenDateTimeFactory, fluksometer: LoopbackFluksometer) -> None:
    """Begin at noon, with a Fluksometer that has kept the day before too."""
    freezer.move_to(datetime.fromtimestamp(NOON, UTC))
    fluksometer.kept[MAIN] = kept(NOON - DAY)
    # Polls alone: a stream would be silent for weeks within a second.
    fluksometer.replies["/api/v2/events"] = web.Response(status=503)
    measure(fluksometer, NOON)


def cut_off(fluksometer: LoopbackFluksometer) -> None:
    """Let nothing of the Fluksometer be heard any more."""
    fluksometer.replies["/api/v2/device"] = web.Response(status=503)


def wrong(found: dict[int, float], first: int, last: int) -> dict[str, tuple[float | None, float]]:
    """Return the hours in which more than 1 Wh is missing or too much."""
    return {
        datetime.fromtimestamp(start, UTC).isoformat(): (found.get(start), used(start + HOUR) - used(start))
        for start in range(first, last, HOUR)
        if abs(found.get(start, -1e9) - (used(start + HOUR) - used(start))) > 1
    }


@pytest.mark.parametrize(
    ("away", "partial"), [(3 * HOUR, 1200), (3 * HOUR, 0), (3 * DAY, 2400), (30 * DAY, 1200)], ids=str
)
async def test_fluksometer_was_away(
    recorder_mock: Recorder,
    freezer: FrozenDateTimeFactory,
    begun: None,
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    away: int,
    partial: int,
) -> None:
    """It goes in the middle of an hour, and comes back in the middle of another; Home Assistant is up all the while."""
    assert await async_setup_component(hass, "sensor", {})
    left = NOON + 3 * HOUR + partial
    back = left + away
    await record(hass, freezer, loaded, fluksometer, NOON, left)
    cut_off(fluksometer)
    freezer.tick(timedelta(seconds=60))
    await loaded.runtime_data.async_refresh()
    assert shown(hass, ENERGY) == STATE_UNAVAILABLE
    # An entity that is unavailable has no statistics: it is enough to make them now and then.
    for start in range(left // HOUR * HOUR, back // HOUR * HOUR, HOUR if away < DAY else 12 * HOUR):
        freezer.move_to(datetime.fromtimestamp(start + HOUR + 10, UTC))
        await compile_period(hass, start + HOUR - 300)
    freezer.move_to(datetime.fromtimestamp(back, UTC))
    get_instance(hass).queue_task(PurgeTask(datetime.fromtimestamp(back - 10 * DAY, UTC), False, False))
    await async_wait_recording_done(hass)

    del fluksometer.replies["/api/v2/device"]
    measure(fluksometer, back)
    await loaded.runtime_data.async_refresh()
    end = (back // HOUR + 2) * HOUR
    await record(hass, freezer, loaded, fluksometer, back, end)
    first = NOON + HOUR
    found = await until_hours(hass, ENERGY, lambda found: not wrong(found, first, end))
    assert wrong(found, first, end) == {}
    assert sum(found.values()) == pytest.approx(used(end) - used(NOON), abs=1)

    # It goes on as if nothing had been.
    await record(hass, freezer, loaded, fluksometer, end, end + 2 * HOUR)
    assert wrong(await hours(hass, ENERGY), first, end + 2 * HOUR) == {}
