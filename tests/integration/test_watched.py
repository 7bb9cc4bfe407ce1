"""Which entities the triggers and conditions watch."""

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.watched import FLOW, POWER, watched
from tests.integration.fluksometer import MAIN


@pytest.mark.parametrize(
    ("platform", "unique_id", "disabled", "is_watched"),
    [
        ("flukso", f"{MAIN}_power", None, True),
        ("flukso", f"{MAIN}_power", er.RegistryEntryDisabler.USER, False),
        ("flukso", f"{MAIN}_reactive_power", None, False),
        ("flukso", f"{MAIN}_power_l1", None, False),
        ("flukso", f"{MAIN}_energy", None, False),
        ("shelly", f"{MAIN}_power", None, False),
    ],
)
def test_one_of_each_sensor(
    entity_registry: er.EntityRegistry,
    hass: HomeAssistant,
    platform: str,
    unique_id: str,
    disabled: er.RegistryEntryDisabler | None,
    is_watched: bool,
) -> None:
    entity = entity_registry.async_get_or_create("sensor", platform, unique_id, disabled_by=disabled).entity_id
    assert watched(hass, [entity, "sensor.nobodys"], POWER) == ({entity} if is_watched else set())


def test_rates_of_a_fluksometer(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    every = hass.states.async_entity_ids()
    assert watched(hass, every, POWER) == {"sensor.main_power", "sensor.solar_power"}
    assert watched(hass, every, FLOW) == {"sensor.water_meter_flow", "sensor.gas_meter_flow"}
