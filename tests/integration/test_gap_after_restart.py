"""Home Assistant itself was down: two of them, one after the other, on the same database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant import loader
from homeassistant.core import HomeAssistant
from homeassistant.helpers import frame
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant
from pytest_homeassistant_custom_component.components.recorder.common import async_wait_recording_done
from pytest_homeassistant_custom_component.typing import RecorderInstanceContextManager

from custom_components.flukso.const import DOMAIN
from tests.integration.fluksometer import DEVICE, LoopbackFluksometer
from tests.integration.recorded_house import DAY, HOUR, NOON, hours, measure, record, until_hours, wrong

ENERGY = "sensor.main_energy"


@pytest.fixture
def persistent_database() -> bool:
    """Keep the database in a file, over a restart."""
    return True


@pytest.fixture
def enable_missing_statistics() -> bool:
    """Let the recorder make up for statistics that it has missed, as it does at each start."""
    return True


@asynccontextmanager
async def home_assistant(
    recorder: RecorderInstanceContextManager, house: LoopbackFluksometer, folder: Path
) -> AsyncIterator[tuple[HomeAssistant, MockConfigEntry]]:
    """Run a Home Assistant with its recorder and our entry; what it stores is left for the next one."""
    async with async_test_home_assistant(config_dir=str(folder)) as hass, recorder(hass):
        frame.async_setup(hass)
        hass.data.pop(loader.DATA_CUSTOM_COMPONENTS, None)
        assert await async_setup_component(hass, "sensor", {})
        entry = MockConfigEntry(
            domain=DOMAIN,
            unique_id=DEVICE,
            data={"host": "127.0.0.1", "port": house.port, "device_id": DEVICE, "api": "v2"},
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        try:
            yield hass, entry
            await async_wait_recording_done(hass)
        finally:
            await hass.config_entries.async_unload(entry.entry_id)
            await hass.async_stop()


@pytest.mark.parametrize("away", [3 * HOUR, 3 * DAY, 30 * DAY], ids=str)
async def test_home_assistant_was_down(
    async_test_recorder: RecorderInstanceContextManager,
    time_of_day: FrozenDateTimeFactory,
    house: LoopbackFluksometer,
    tmp_path: Path,
    away: int,
) -> None:
    """The recorder makes up for the missed statistics with rows that stand still; those are put right too."""
    left = NOON + 3 * HOUR + 1200
    back = left + away
    async with home_assistant(async_test_recorder, house, tmp_path) as (hass, entry):
        await record(hass, time_of_day, entry, house, NOON, left)
        assert len(await hours(hass, ENERGY)) == 3

    time_of_day.move_to(datetime.fromtimestamp(back, UTC))
    measure(house, back)
    async with home_assistant(async_test_recorder, house, tmp_path) as (hass, entry):
        await async_wait_recording_done(hass)
        assert wrong(await hours(hass, ENERGY), NOON + HOUR, back // HOUR * HOUR) != {}
        end = (back // HOUR + 2) * HOUR
        await record(hass, time_of_day, entry, house, back, end)
        found = await until_hours(hass, ENERGY, lambda found: not wrong(found, NOON + HOUR, end))
        assert wrong(found, NOON + HOUR, end) == {}
