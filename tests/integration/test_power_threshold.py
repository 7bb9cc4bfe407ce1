"""Core's own triggers and condition on power, which take our entities by device, area, floor and label too."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import floor_registry as fr
from homeassistant.helpers import label_registry as lr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from tests.integration.automations import Household, automate, said
from tests.integration.fluksometer import MAIN, SOLAR, LoopbackFluksometer

ABOVE = {"threshold": {"type": "above", "value": {"number": 2, "unit_of_measurement": "kW"}}}
BY = ["entity", "device", "area", "floor", "label"]


@pytest.fixture
def targets(hass: HomeAssistant, loaded: MockConfigEntry, device_registry: dr.DeviceRegistry) -> dict[str, Any]:
    """Put the main clamp's device into an area on a floor, with a label; return the ways to mean it."""
    floor = fr.async_get(hass).async_create("Ground floor")
    area = ar.async_get(hass).async_create("Hall", floor_id=floor.floor_id)
    label = lr.async_get(hass).async_create("Whole house")
    device = device_registry.async_get_device_by_identifier((DOMAIN, MAIN), loaded.entry_id)
    assert device is not None
    device_registry.async_update_device(device.id, area_id=area.id, labels={label.label_id})
    return {
        "entity": {"entity_id": "sensor.main_power"},
        "device": {"device_id": device.id},
        "area": {"area_id": area.id},
        "floor": {"floor_id": floor.floor_id},
        "label": {"label_id": label.label_id},
    }


@pytest.mark.parametrize("by", BY)
async def test_power_crosses_a_threshold(
    hass: HomeAssistant, household: Household, targets: dict[str, Any], by: str
) -> None:
    told = await automate(
        hass,
        {"trigger": "power.crossed_threshold", "target": targets[by], "options": ABOVE},
        tells="{{ trigger.entity_id }}",
    )
    await household.show(SOLAR, gauge=5000)
    await household.show(MAIN, gauge=1999)
    assert not told
    await household.show(MAIN, gauge=2001)
    await household.show(MAIN, gauge=2500)
    assert said(told) == ["sensor.main_power"]
    await household.show(MAIN, gauge=100)
    await household.show(MAIN, gauge=3000)
    assert len(told) == 2


async def test_fluksometer_that_comes_back_is_no_crossing(
    hass: HomeAssistant, household: Household, targets: dict[str, Any], fluksometer: LoopbackFluksometer
) -> None:
    """P15: the power was above before, and is above again; nothing has crossed."""
    await household.show(MAIN, gauge=3000)
    told = await automate(hass, {"trigger": "power.crossed_threshold", "target": targets["area"], "options": ABOVE})
    await fluksometer.stop()
    await household.stand_still(20)
    assert hass.states.get("sensor.main_power").state == "unavailable"
    await fluksometer.start()
    await household.wait(1)
    assert hass.states.get("sensor.main_power").state == "3000"
    assert not told


@pytest.mark.parametrize("by", BY)
async def test_power_changed_and_condition(
    hass: HomeAssistant, household: Household, targets: dict[str, Any], by: str
) -> None:
    told = await automate(
        hass,
        {"trigger": "power.changed", "target": targets[by], "options": {"threshold": {"type": "any"}}},
        [{"condition": "power.is_value", "target": targets[by], "options": ABOVE}],
    )
    await household.show(SOLAR, gauge=4000)
    await household.show(MAIN, gauge=1500)
    assert not told
    await household.show(MAIN, gauge=2500)
    assert len(told) == 1
