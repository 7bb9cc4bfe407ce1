"""The trigger on a quarter-hour that becomes a peak, in real automations."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from tests.integration.automations import Household, automate, forget, said
from tests.integration.fluksometer import MAIN, SOLAR, LoopbackFluksometer

POWER = "sensor.main_power"
PEAK: dict[str, Any] = {
    "trigger": "flukso.peak_about_to_be_exceeded",
    "target": {"entity_id": POWER},
    "options": {"limit": 2.5},
}
TELLS = "{{ trigger.entity_id | join(' ') }}: {{ trigger.projected }} of {{ trigger.limit }} W"


async def next_quarter(household: Household) -> None:
    """Wait until a quarter has just begun."""
    now = dt_util.utcnow().timestamp()
    await household.until(dt_util.utc_from_timestamp(now - now % 900 + 901))


async def test_peak_is_told_in_time_and_once_a_quarter(hass: HomeAssistant, household: Household) -> None:
    await household.show(MAIN, gauge=400)
    told = await automate(
        hass,
        PEAK,
        tells="{{ trigger.projected < 4600 and trigger.limit == 2500 and 480 < trigger.seconds_left < 541 }}",
    )
    await next_quarter(household)
    await household.wait(300)
    await household.show(MAIN, gauge=6000)
    assert not told, "a moment is no peak"
    await household.wait(60)
    assert said(told) == [True]
    await household.show(MAIN, gauge=6500)
    await household.wait(500)
    assert len(told) == 1
    await next_quarter(household)
    await household.wait(30)
    assert len(told) == 1
    await household.wait(31)
    assert len(told) == 2


async def test_kettle_is_no_peak(hass: HomeAssistant, household: Household) -> None:
    """Much power, but not for long enough to lift the quarter above the limit."""
    await household.show(MAIN, gauge=400)
    told = await automate(hass, PEAK)
    await next_quarter(household)
    await household.wait(700)
    await household.show(MAIN, gauge=8000)
    await household.wait(180)
    await household.show(MAIN, gauge=400)
    await next_quarter(household)
    await household.show(MAIN, gauge=6000)
    await household.wait(30)
    await household.show(MAIN, gauge=400)
    await household.wait(600)
    assert not told


async def test_wait_does_not_reach_into_the_next_quarter(hass: HomeAssistant, household: Household) -> None:
    await household.show(MAIN, gauge=2000)
    told = await automate(hass, PEAK)
    await next_quarter(household)
    await household.wait(850)
    await household.show(MAIN, gauge=12000)
    await next_quarter(household)
    await household.show(MAIN, gauge=2000)
    await household.wait(100)
    assert not told


async def test_peak_so_far_raises_the_limit(hass: HomeAssistant, household: Household) -> None:
    hass.states.async_set("sensor.month_peak", "3.2", {"unit_of_measurement": "kW"})
    await household.show(MAIN, gauge=400)
    told = await automate(hass, {**PEAK, "options": {"limit": 2.5, "peak": "sensor.month_peak"}}, tells=TELLS)
    await next_quarter(household)
    await household.show(MAIN, gauge=3000)
    await household.wait(100)
    assert not told
    hass.states.async_set("sensor.month_peak", "1900", {"unit_of_measurement": "W"})
    await household.show(MAIN, gauge=3001)
    await household.wait(100)
    assert len(told) == 1
    assert said(told)[0].endswith("of 2500 W")


async def test_limit_that_is_raised_in_time(hass: HomeAssistant, household: Household) -> None:
    hass.states.async_set("sensor.month_peak", "2.6", {"unit_of_measurement": "kW"})
    await household.show(MAIN, gauge=400)
    told = await automate(hass, {**PEAK, "options": {"limit": 2.5, "peak": "sensor.month_peak"}})
    await next_quarter(household)
    await household.show(MAIN, gauge=3000)
    hass.states.async_set("sensor.month_peak", "3.2", {"unit_of_measurement": "kW"})
    await household.wait(100)
    assert not told


async def test_deleted_while_it_waits(hass: HomeAssistant, household: Household) -> None:
    told = await automate(hass, PEAK)
    await next_quarter(household)
    await household.show(MAIN, gauge=3000)
    await forget(hass)
    await household.wait(100)
    assert not told


async def test_disabled_phase_does_not_matter(
    hass: HomeAssistant, household: Household, entity_registry: er.EntityRegistry
) -> None:
    for sensor_id in (MAIN, SOLAR):
        household.place(sensor_id, "cupboard")
    entity_registry.async_update_entity("sensor.solar_power", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    told = await automate(hass, {**PEAK, "target": {"area_id": "cupboard"}}, tells="{{ trigger.entity_id }}")
    await next_quarter(household)
    await household.show(MAIN, gauge=3000)
    await household.wait(100)
    assert said(told) == [[POWER]]


@pytest.mark.parametrize("state", ["unknown", "12", None])
async def test_peak_that_is_not_known(hass: HomeAssistant, household: Household, state: str | None) -> None:
    if state is not None:
        hass.states.async_set("sensor.month_peak", state)
    await household.show(MAIN, gauge=400)
    told = await automate(hass, {**PEAK, "options": {"peak": "sensor.month_peak"}}, tells=TELLS)
    await next_quarter(household)
    await household.show(MAIN, gauge=5000)
    await household.wait(100)
    assert said(told)[0].endswith("of 2500 W")


async def test_phases_are_added_up(
    hass: HomeAssistant, household: Household, device_registry: dr.DeviceRegistry, loaded: MockConfigEntry
) -> None:
    """With what one phase feeds in, as the grid operator's meter does it."""
    area = ar.async_get(hass).async_create("Meter cupboard")
    for sensor_id in (MAIN, SOLAR):
        device = device_registry.async_get_device_by_identifier((DOMAIN, sensor_id), loaded.entry_id)
        device_registry.async_update_device(device.id, area_id=area.id)
    await household.show(MAIN, gauge=1500)
    await household.show(SOLAR, gauge=-500)
    told = await automate(hass, {**PEAK, "target": {"area_id": area.id}}, tells=TELLS)
    await next_quarter(household)
    await household.show(MAIN, gauge=2900)
    await household.wait(100)
    assert not told
    await household.show(SOLAR, gauge=1500)
    await household.wait(61)
    assert len(told) == 1
    assert said(told)[0].startswith(f"{POWER} sensor.solar_power: ")


async def test_unknown_power_is_no_peak(
    hass: HomeAssistant, household: Household, fluksometer: LoopbackFluksometer
) -> None:
    await household.show(MAIN, gauge=400)
    told = await automate(hass, PEAK)
    await next_quarter(household)
    await household.show(MAIN, gauge=5000)
    await fluksometer.stop()
    await household.stand_still(20)
    await household.stand_still(300)
    assert not told
    await fluksometer.start()
    await household.wait(1)
    await household.wait(61)
    assert len(told) == 1


@pytest.mark.parametrize("options", [{"limit": -1}, {"peak": "the month's"}, {"for": -5}])
async def test_options_are_checked(hass: HomeAssistant, household: Household, options: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="not valid"):
        await automate(hass, {**PEAK, "options": options})
