"""Quarter hours that are computed here, for Fluksometers that do not tell them: older daemons, and originals."""

from typing import Any

import pytest
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.demand import demand_store
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import MAIN, NOW, SOLAR, LoopbackFluksometer, sensor
from tests.integration.states import shown, shows
from tests.integration.waiting import until

QUARTER = 1795401900
"""The first quarter of an hour that begins after NOW."""

PULSES = "7" * 32


async def measure_until(
    fluksometer: LoopbackFluksometer, poll: Poll, clock: Clock, end: int, watt: float, step: int = 60
) -> None:
    """Let the main clamp count a steady load, polled every minute."""
    while (now := fluksometer.device["time"]) < end:
        seconds = min(step, end - now)
        counter = fluksometer.listed(MAIN)["reading"]["counter"]
        fluksometer.pass_time(seconds)
        clock.advance(seconds)
        fluksometer.measure(MAIN, counter=round(counter + watt * seconds / 3600, 3), gauge=watt)
        await poll()


@pytest.fixture
def fluksometer(fluksometer: LoopbackFluksometer) -> LoopbackFluksometer:
    """Have one sensor that counts what is drawn: it is the house's own."""
    fluksometer.listed(SOLAR)["direction"] = "export"
    return fluksometer


async def test_the_only_sensor_that_counts_what_is_drawn_has_them_enabled(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    enabled = {
        entity.unique_id.partition("_")[2]: entity.disabled_by is None
        for entity in er.async_entries_for_config_entry(entity_registry, loaded.entry_id)
        if entity.unique_id.startswith(MAIN)
    }
    assert enabled == {
        **dict.fromkeys(("power", "energy", "quarter_average", "quarter_projection", "month_peak"), True),
        **dict.fromkeys(("month_peak_time", "mean_month_peak"), False),
    }
    assert shown(hass, "sensor.main_quarter_hour_average") == STATE_UNKNOWN
    assert shown(hass, "sensor.main_month_peak") == STATE_UNKNOWN
    assert loaded.runtime_data.demands.of(SOLAR) is None


@pytest.mark.usefixtures("all_enabled")
async def test_from_quarter_to_quarter(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    await measure_until(fluksometer, poll, clock, QUARTER, 3600)
    assert shown(hass, "sensor.main_month_peak") == STATE_UNKNOWN, "that quarter was joined late"
    await measure_until(fluksometer, poll, clock, QUARTER + 300, 3600)
    assert shown(hass, "sensor.main_quarter_hour_average") == "3600"
    assert shown(hass, "sensor.main_quarter_hour_projection") == "3600"
    await measure_until(fluksometer, poll, clock, QUARTER + 600, 600)
    assert shown(hass, "sensor.main_quarter_hour_average") == "2100"
    assert shown(hass, "sensor.main_quarter_hour_projection") == "1600"
    await measure_until(fluksometer, poll, clock, QUARTER + 900, 600)
    assert shown(hass, "sensor.main_month_peak") == "1600"
    assert shown(hass, "sensor.main_month_peak_time") == "2026-11-23T02:45:00+00:00"
    assert shown(hass, "sensor.main_mean_month_peak") == "2500"


async def test_pushed_readings_count_at_once(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry
) -> None:
    await until(lambda: loaded.runtime_data.push.connected)
    await fluksometer.push(MAIN, time=NOW + 36, counter=4521357, gauge=2000)
    await until(shows(hass, "sensor.main_quarter_hour_average", "2000"))
    assert shown(hass, "sensor.main_quarter_hour_projection") == "2000"
    await fluksometer.push(MAIN, time=NOW + 72, counter=4521357, gauge=0)
    await until(shows(hass, "sensor.main_quarter_hour_average", "1000"))


async def test_peak_and_running_quarter_go_on_over_reload_and_restart(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
) -> None:
    await measure_until(fluksometer, poll, clock, QUARTER, 3600)
    await measure_until(fluksometer, poll, clock, QUARTER + 900, 5000)
    await measure_until(fluksometer, poll, clock, QUARTER + 1200, 1200)
    assert shown(hass, "sensor.main_month_peak") == "5000"
    assert await hass.config_entries.async_unload(loaded.entry_id)
    key = demand_store(hass, loaded.entry_id).key
    assert set(hass_storage[key]["data"]) == {MAIN}

    # The meter counts on while nobody looks.
    fluksometer.pass_time(300)
    fluksometer.measure(MAIN, counter=fluksometer.listed(MAIN)["reading"]["counter"] + 800)
    assert await hass.config_entries.async_setup(loaded.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_month_peak") == "5000"
    assert shown(hass, "sensor.main_quarter_hour_average") == "5400"  # 100 + 800 Wh in 10 minutes
    await measure_until(fluksometer, poll, clock, QUARTER + 1800, 6000)
    assert shown(hass, "sensor.main_month_peak") == "5600"


async def test_quarters_that_end_are_saved_before_home_assistant_is_killed(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.flukso.demand.SAVE_SECONDS", 0)
    await measure_until(fluksometer, poll, clock, QUARTER + 900, 3600)
    key = demand_store(hass, loaded.entry_id).key
    await until(lambda: [row[1:] for row in hass_storage.get(key, {"data": {}})["data"][MAIN]["peaks"]])
    assert hass_storage[key]["data"][MAIN]["peaks"][0][1:] == [3600, QUARTER]


@pytest.mark.parametrize("stored", [[], {}, {MAIN: 5}, {MAIN: {"peaks": "high"}}])
async def test_what_was_stored_otherwise_is_left_aside(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry, stored: Any
) -> None:
    key = demand_store(hass, entry.entry_id).key
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": stored}
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_month_peak") == STATE_UNKNOWN
    await hass.config_entries.async_unload(entry.entry_id)


async def test_removing_the_entry_removes_what_was_kept(
    hass: HomeAssistant, hass_storage: dict[str, Any], loaded: MockConfigEntry
) -> None:
    key = demand_store(hass, loaded.entry_id).key
    await hass.config_entries.async_unload(loaded.entry_id)
    assert key in hass_storage
    await hass.config_entries.async_remove(loaded.entry_id)
    assert key not in hass_storage


async def test_a_sensor_that_is_away_keeps_its_peak(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    await measure_until(fluksometer, poll, clock, QUARTER + 900, 4000)
    main = fluksometer.listed(MAIN)
    fluksometer.sensors.remove(main)
    await poll()
    assert shown(hass, "sensor.main_month_peak") == STATE_UNAVAILABLE
    assert loaded.runtime_data.demands.of(MAIN) is None
    await hass.config_entries.async_reload(loaded.entry_id)
    await hass.async_block_till_done()
    fluksometer.sensors.insert(0, main)
    await loaded.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_month_peak") == "4000"


async def test_register_at_0_and_clock_that_jumps_make_no_peak(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, loaded: MockConfigEntry, poll: Poll, clock: Clock
) -> None:
    await measure_until(fluksometer, poll, clock, QUARTER + 900, 4000)
    await measure_until(fluksometer, poll, clock, QUARTER + 1200, 4000)
    counter = fluksometer.listed(MAIN)["reading"]["counter"]
    fluksometer.measure(MAIN, counter=0, time=fluksometer.device["time"] + 1)
    await poll()
    assert shown(hass, "sensor.main_quarter_hour_average") == STATE_UNKNOWN
    fluksometer.measure(MAIN, counter=counter)
    await poll()
    await measure_until(fluksometer, poll, clock, QUARTER + 2400, 4000)
    # The device's clock goes back by half an hour, and ahead by a day.
    for jump in (-1800, 86400):
        fluksometer.pass_time(jump)
        await poll()
        await measure_until(fluksometer, poll, clock, fluksometer.device["time"] + 1200, 4000)
    assert shown(hass, "sensor.main_month_peak") == "4000"


@pytest.mark.usefixtures("all_enabled")
async def test_between_pulses_the_devices_clock_counts(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, clock: Clock
) -> None:
    """A pulse a minute apart from the next tells nothing of an edge; that there was none until then does."""
    pulses = sensor(PULSES, "Pulses", "electricity", "pulse", counter=1000, gauge=1200)
    fluksometer.sensors = [pulses]
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    for time, counter in ((QUARTER - 2, 1100), (QUARTER, None), (QUARTER + 450, 1200), (QUARTER + 900, None)):
        fluksometer.pass_time(time - fluksometer.device["time"])
        if counter is not None:
            fluksometer.measure(PULSES, time=time, counter=counter)
        await entry.runtime_data.async_refresh()
    await hass.async_block_till_done()
    assert shown(hass, "sensor.pulses_month_peak") == "400"
    # While the board is silent nobody knows.
    fluksometer.device["board"]["connected"] = False
    fluksometer.device["time"] += 20
    await entry.runtime_data.async_refresh()
    assert shown(hass, "sensor.pulses_quarter_hour_average") == STATE_UNKNOWN
    await hass.config_entries.async_unload(entry.entry_id)
