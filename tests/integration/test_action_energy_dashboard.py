"""The action that adds to the energy dashboard, with Home Assistant's own energy, recorder and validation."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Any

import probatio
import pytest
from homeassistant.auth.models import User
from homeassistant.components.energy import async_get_manager
from homeassistant.components.energy import data as energy_data
from homeassistant.components.recorder import Recorder
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from tests.integration.conftest import Poll
from tests.integration.fluksometer import SOLAR, LoopbackFluksometer
from tests.integration.test_energy_dashboard import this_period

HAS_HOME = hasattr(energy_data, "HOME_SOURCE_SCHEMA")
MAIN, SUN = "sensor.main_energy", "sensor.solar_energy"
WATER, GAS = "sensor.water_meter_volume", "sensor.gas_meter_volume"

type Add = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def energy(recorder_mock: Recorder, hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    """Set up the energy dashboard, and let the recorder make statistics of our entities."""
    assert await async_setup_component(hass, "sensor", {})
    assert await async_setup_component(hass, "energy", {})
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=this_period())
    await async_wait_recording_done(hass)


@pytest.fixture
def add(hass: HomeAssistant) -> Add:
    """Call the action and return its answer."""

    async def call(*, dry_run: bool = False, **places: Any) -> dict[str, Any]:
        answer = await hass.services.async_call(
            "flukso", "add_to_energy_dashboard", {"dry_run": dry_run, **places}, blocking=True, return_response=True
        )
        assert isinstance(answer, dict)
        return answer

    return call


async def preferences(hass: HomeAssistant) -> Any:
    return deepcopy((await async_get_manager(hass)).data)


async def save(hass_ws_client: WebSocketGenerator, **update: Any) -> None:
    """Save preferences as the front end does."""
    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "energy/save_prefs", **update})
    answer = await client.receive_json()
    assert answer["success"], answer


GRID = {
    "type": "grid",
    "stat_energy_from": MAIN,
    "stat_energy_to": None,
    "stat_cost": None,
    "entity_energy_price": None,
    "number_energy_price": None,
    "stat_compensation": None,
    "entity_energy_price_export": None,
    "number_energy_price_export": None,
    "cost_adjustment_day": 0.0,
    "stat_rate": "sensor.main_power",
}
SOLAR_SOURCE = {
    "type": "solar",
    "stat_energy_from": SUN,
    "stat_rate": "sensor.solar_power",
    "config_entry_solar_forecast": None,
}


def volume(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "stat_energy_from": f"sensor.{kind}_meter_volume",
        "stat_cost": None,
        "entity_energy_price": None,
        "number_energy_price": None,
        "stat_rate": f"sensor.{kind}_meter_flow",
    }


@pytest.mark.usefixtures("energy")
async def test_all_places_at_once(hass: HomeAssistant, add: Add, hass_ws_client: WebSocketGenerator) -> None:
    """Whatever is added is complete, and valid by Home Assistant's own judgement."""
    places: dict[str, Any] = {"grid": MAIN, "solar": [SUN], "devices": [SUN], "gas": GAS, "water": WATER}
    would = await add(dry_run=True, **places)
    assert await preferences(hass) is None, "a dry run writes nothing"
    assert would["already_there"] == []
    answer = await add(**places)
    assert answer == {"added": would["would_add"], "already_there": [], "findings": []}
    stored = await preferences(hass)
    assert stored["energy_sources"] == answer["added"]["energy_sources"]
    assert stored["energy_sources"] == [GRID, SOLAR_SOURCE, volume("gas"), volume("water")]
    assert stored["device_consumption"] == [{"stat_consumption": SUN, "stat_rate": "sensor.solar_power"}]

    client = await hass_ws_client()
    await client.send_json_auto_id({"type": "energy/validate"})
    found = (await client.receive_json())["result"]
    assert [finding for issues in (*found["energy_sources"], *found["device_consumption"]) for finding in issues] == []
    await save(hass_ws_client, **stored)  # the front end can save again what we have written


@pytest.mark.usefixtures("energy")
@pytest.mark.skipif(not HAS_HOME, reason="this release has no place for the whole house")
async def test_home(hass: HomeAssistant, add: Add) -> None:
    answer = await add(home=MAIN)
    assert answer["added"]["energy_sources"] == [
        {"type": "home", "stat_energy_to": MAIN, "stat_rate": "sensor.main_power"}
    ]
    assert answer["findings"] == []
    with pytest.raises(ServiceValidationError, match="Only one home source") as raised:
        await add(home=SUN)
    assert raised.value.translation_key == "refused_by_energy"


@pytest.mark.usefixtures("energy")
@pytest.mark.skipif(HAS_HOME, reason="this release has a place for the whole house")
async def test_no_home_yet(hass: HomeAssistant, add: Add) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await add(home=MAIN)
    assert raised.value.translation_key == "no_place_for_home"


@pytest.mark.usefixtures("energy")
async def test_only_adds(hass: HomeAssistant, add: Add, hass_ws_client: WebSocketGenerator) -> None:
    """What the owner has set up stays as it is, to the last member and in its order."""
    own = {
        "energy_sources": [
            {
                **GRID,
                "stat_energy_from": "sensor.old_meter",
                "stat_rate": "sensor.old_power",
                "name": "Old",
                "number_energy_price": 0.31,
            },
            {
                "type": "battery",
                "stat_energy_from": "sensor.battery_out",
                "stat_energy_to": "sensor.battery_in",
                "power_config": {"stat_rate_from": "sensor.discharge", "stat_rate_to": "sensor.charge"},
            },
            {**SOLAR_SOURCE, "name": "Roof", "config_entry_solar_forecast": ["abc"]},
        ],
        "device_consumption": [{"stat_consumption": "sensor.fridge", "name": "Fridge", "included_in_stat": MAIN}],
        "device_consumption_water": [{"stat_consumption": "sensor.shower"}],
    }
    await save(hass_ws_client, **own)
    before = await preferences(hass)
    answer = await add(grid=MAIN, solar=SUN, devices=SUN, water=WATER)
    after = await preferences(hass)
    assert after["energy_sources"][:3] == before["energy_sources"]
    assert after["energy_sources"][3:] == [GRID, volume("water")] == answer["added"]["energy_sources"]
    assert after["device_consumption"][:1] == before["device_consumption"]
    assert after["device_consumption_water"] == before["device_consumption_water"]
    assert answer["already_there"] == [SUN]
    assert answer["findings"] == [], "the owner's own faults are not ours"


@pytest.mark.usefixtures("energy")
async def test_twice_is_once(hass: HomeAssistant, add: Add) -> None:
    places: dict[str, Any] = {"grid": [MAIN, MAIN], "solar": SUN, "devices": SUN, "gas": GAS, "water": WATER}
    await add(**places)
    before = await preferences(hass)
    answer = await add(**places)
    assert answer["added"] == {"energy_sources": [], "device_consumption": []}
    assert answer["already_there"] == sorted({MAIN, SUN, GAS, WATER})
    assert answer["findings"] == []
    assert await preferences(hass) == before


@pytest.mark.usefixtures("energy")
async def test_what_was_saved_a_moment_ago_is_kept(
    hass: HomeAssistant, add: Add, hass_ws_client: WebSocketGenerator
) -> None:
    """The preferences are read anew: a dry run before the owner's change does not bring the old ones back."""
    await add(dry_run=True, water=WATER)
    await save(hass_ws_client, energy_sources=[volume("gas")])
    await add(water=WATER)
    assert [source["type"] for source in (await preferences(hass))["energy_sources"]] == ["gas", "water"]


@pytest.mark.usefixtures("energy")
async def test_import_and_export(hass: HomeAssistant, add: Add) -> None:
    """Two clamps make one connection; Home Assistant makes its power of both."""
    answer = await add(grid=MAIN, grid_return=SUN)
    (source,) = (await preferences(hass))["energy_sources"]
    assert (source["stat_energy_from"], source["stat_energy_to"]) == (MAIN, SUN)
    assert source["power_config"] == {"stat_rate_from": "sensor.main_power", "stat_rate_to": "sensor.solar_power"}
    assert answer["added"]["energy_sources"] == [{key: source[key] for key in source if key != "stat_rate"}]
    await hass.async_block_till_done()
    assert float(hass.states.get(source["stat_rate"]).state) == 463 - -250.5


@pytest.mark.usefixtures("energy")
async def test_rate_that_shows_nothing_is_left_out(
    hass: HomeAssistant, add: Add, fluksometer: LoopbackFluksometer, poll: Poll, entity_registry: er.EntityRegistry
) -> None:
    fluksometer.measure(SOLAR, gauge=None)
    await poll()
    entity_registry.async_update_entity("sensor.water_meter_flow", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done()
    answer = await add(solar=SUN, water=WATER)
    assert all("stat_rate" not in source for source in answer["added"]["energy_sources"])
    assert answer["findings"] == []


@pytest.mark.usefixtures("energy")
async def test_fluksometer_that_is_not_loaded(hass: HomeAssistant, add: Add, loaded: MockConfigEntry) -> None:
    """Home Assistant finds what is not available, and we pass that on."""
    await hass.config_entries.async_unload(loaded.entry_id)
    answer = await add(water=WATER)
    assert answer["findings"] == [{"problem": "entity_unavailable", "entities": [WATER]}]


@pytest.mark.usefixtures("energy")
@pytest.mark.parametrize(
    "places",
    [
        {"grid": "sensor.main_power"},
        {"solar": WATER},
        {"gas": WATER},
        {"water": GAS},
        {"devices": "sensor.somebody_elses"},
        {"grid": [MAIN, "sensor.nobodys"]},
    ],
)
async def test_what_does_not_belong_there(hass: HomeAssistant, add: Add, places: dict[str, Any]) -> None:
    er.async_get(hass).async_get_or_create(
        "sensor", "other", "1_energy", suggested_object_id="somebody_elses", original_device_class="energy"
    )
    with pytest.raises(ServiceValidationError) as raised:
        await add(**places)
    assert raised.value.translation_key == "does_not_belong_there"
    assert raised.value.translation_placeholders["place"] == next(iter(places))
    assert await preferences(hass) is None


@pytest.mark.usefixtures("energy")
async def test_same_power_in_two_connections_is_refused(
    hass: HomeAssistant, add: Add, hass_ws_client: WebSocketGenerator
) -> None:
    await save(hass_ws_client, energy_sources=[{**GRID, "stat_energy_from": "sensor.old_meter"}])
    before = await preferences(hass)
    with pytest.raises(ServiceValidationError, match="multiple grid connections") as raised:
        await add(grid=MAIN)
    assert raised.value.translation_key == "refused_by_energy"
    assert await preferences(hass) == before


@pytest.mark.usefixtures("energy")
@pytest.mark.parametrize(
    "broken",
    [
        {"energy_sources": [{"type": "wind", "stat_energy_from": "sensor.mill"}], "device_consumption": []},
        {"energy_sources": [{"stat_energy_from": "sensor.mill"}], "device_consumption": []},
        {"energy_sources": [], "device_consumption": [{"statistic": "sensor.fridge"}]},
    ],
)
async def test_preferences_of_another_shape_are_left_alone(
    hass: HomeAssistant, add: Add, broken: dict[str, Any]
) -> None:
    """P18: what a newer release, or another integration, has written is not for us to write around."""
    manager = await async_get_manager(hass)
    manager.data = deepcopy(broken)
    for dry_run in (True, False):
        with pytest.raises(HomeAssistantError) as raised:
            await add(dry_run=dry_run, water=WATER)
        assert raised.value.translation_key == "preferences_not_understood"
    assert manager.data == broken
    manager.data = None


@pytest.mark.usefixtures("energy")
async def test_nothing_chosen(hass: HomeAssistant, add: Add) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await add(grid=[])
    assert raised.value.translation_key == "nothing_chosen"


async def test_without_the_dashboard(hass: HomeAssistant, loaded: MockConfigEntry, add: Add) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await add(water=WATER)
    assert raised.value.translation_key == "energy_not_set_up"


@pytest.mark.usefixtures("energy")
async def test_administrators_only(hass: HomeAssistant, hass_admin_user: User, hass_read_only_user: User) -> None:
    async def call(user: User) -> None:
        await hass.services.async_call(
            "flukso",
            "add_to_energy_dashboard",
            {"dry_run": False, "water": WATER},
            blocking=True,
            context=Context(user_id=user.id),
        )

    with pytest.raises(Unauthorized):
        await call(hass_read_only_user)
    assert await preferences(hass) is None
    await call(hass_admin_user)
    assert (await preferences(hass))["energy_sources"] == [volume("water")]


@pytest.mark.usefixtures("energy")
async def test_dry_run_has_to_be_said(hass: HomeAssistant) -> None:
    with pytest.raises(probatio.Invalid, match="dry_run"):
        await hass.services.async_call("flukso", "add_to_energy_dashboard", {"water": WATER}, blocking=True)
