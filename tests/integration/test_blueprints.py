"""The blueprints: loaded by Home Assistant's own loader, made into automations with the inputs of an owner, and run."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint.importer import _get_github_import_url
from homeassistant.components.persistent_notification import _async_get_or_create_notifications
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_mock_service

from tests.documented import Page
from tests.integration.automations import Household, load_automation
from tests.integration.fluksometer import MAIN, SOLAR, WATER
from tests.integration.states import shown
from tests.integration.test_trigger_peak import next_quarter

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "blueprints" / "automation" / "flukso"
NAMES = sorted(path.name for path in FOLDER.glob("*.yaml"))

type Make = Callable[..., Awaitable[None]]


@pytest.fixture
async def make(hass: HomeAssistant, household: Household, tmp_path: Path) -> Make:
    """Make an automation of a blueprint, in a configuration folder that has all of them."""
    (tmp_path / "blueprints").symlink_to(ROOT / "blueprints")
    hass.config.config_dir = str(tmp_path)
    for component in ("homeassistant", "persistent_notification"):
        assert await async_setup_component(hass, component, {})
    boxes = {name: {"initial": name == "boiler"} for name in ("boiler", "car")}
    assert await async_setup_component(hass, "input_boolean", {"input_boolean": boxes})

    async def automation(blueprint: str, **inputs: Any) -> None:
        await load_automation(hass, {"use_blueprint": {"path": f"flukso/{blueprint}.yaml", "input": inputs}})

    return automation


def notifications(hass: HomeAssistant) -> list[str]:
    return [said["message"] for said in _async_get_or_create_notifications(hass).values()]


def test_these_are_the_blueprints() -> None:
    assert NAMES == [
        "appliance_done.yaml",
        "avoid_peak.yaml",
        "power_threshold.yaml",
        "use_solar.yaml",
        "water_leak.yaml",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_documented_with_its_address(name: str) -> None:
    """Home Assistant imports from the address, and shows it as the source."""
    page = Page("docs/home-assistant.md").text
    text = (FOLDER / name).read_text()
    url = text.split("source_url: ")[1].split("\n")[0]
    assert url.endswith(f"/blob/main/blueprints/automation/flukso/{name}")
    assert url in page
    assert text.split("  name: ")[1].split("\n")[0] in page
    assert _get_github_import_url(url).endswith(f"/main/blueprints/automation/flukso/{name}")


async def test_loader_takes_all(hass: HomeAssistant, make: Make) -> None:
    assert await async_setup_component(hass, "automation", {})
    loaded = await async_get_blueprints(hass).async_get_blueprints()
    assert sorted(loaded) == [f"flukso/{name}" for name in NAMES]
    for blueprint in loaded.values():
        assert not isinstance(blueprint, Exception), blueprint
        assert blueprint.validate() is None, "made for this release"
        for name, said in blueprint.inputs.items():
            assert said["name"], name
            assert said["selector"], name


async def test_appliance_done(hass: HomeAssistant, household: Household, make: Make) -> None:
    await household.show(MAIN, gauge=2)
    await make("appliance_done", power="sensor.main_power")
    household.automation_waits = True
    await household.show(MAIN, gauge=2000)
    await household.wait(30)
    await household.show(MAIN, gauge=2)  # somebody has opened the door
    await household.wait(600)
    await household.show(MAIN, gauge=2000)
    await household.wait(61)
    await household.show(MAIN, gauge=3)
    await household.wait(240)
    await household.show(MAIN, gauge=300)
    await household.wait(240)
    await household.show(MAIN, gauge=3)
    await household.wait(240)
    assert notifications(hass) == []
    await household.wait(61)
    assert notifications(hass) == ["Main is done."]
    await household.wait(3600)
    assert len(notifications(hass)) == 1


async def test_power_threshold(hass: HomeAssistant, household: Household, make: Make) -> None:
    household.place(MAIN, "cellar")
    told = async_mock_service(hass, "notify", "send_message")
    await make(
        "power_threshold",
        sensors={"area_id": "cellar"},
        then=[{"action": "notify.send_message", "data": {"message": "{{ message }}"}}],
    )
    await household.show(MAIN, gauge=6000)
    await household.show(SOLAR, gauge=9000)
    await household.wait(30)
    await household.show(MAIN, gauge=400)
    await household.wait(60)
    assert not told
    await household.show(MAIN, gauge=6000)
    await household.wait(61)
    assert [call.data["message"] for call in told] == ["Main Power: 6000 W"]


async def test_power_below_a_threshold(hass: HomeAssistant, household: Household, make: Make) -> None:
    threshold = {"type": "below", "value": {"number": 50, "unit_of_measurement": "W"}}
    await make("power_threshold", sensors={"entity_id": "sensor.main_power"}, threshold=threshold, lasting="00:10:00")
    await household.show(MAIN, gauge=10)
    await household.wait(560)
    assert notifications(hass) == []
    await household.wait(41)
    assert notifications(hass) == ["Main Power: 10 W"]


async def test_water_leak(hass: HomeAssistant, household: Household, make: Make) -> None:
    closed = async_mock_service(hass, "valve", "close_valve")
    await household.show(WATER, gauge=0)
    await make(
        "water_leak", meters={"entity_id": "sensor.water_meter_flow"}, lasting={"hours": 1}, valves=["valve.main"]
    )
    await household.show(WATER, gauge=0.5)
    await household.wait(3500)
    assert notifications(hass) == []
    await household.wait(100)
    (message,) = notifications(hass)
    assert message.startswith("Water meter has been running since ")
    assert message.endswith(" without a stop, now at 0.5 L/min.")
    assert [call.data["entity_id"] for call in closed] == [["valve.main"]]


async def test_water_leak_without_a_valve(hass: HomeAssistant, household: Household, make: Make) -> None:
    closed = async_mock_service(hass, "valve", "close_valve")
    await make("water_leak", meters={"entity_id": "sensor.water_meter_flow"})
    await household.wait(7200)
    assert len(notifications(hass)) == 1
    assert not closed


async def test_avoid_the_peak(hass: HomeAssistant, household: Household, make: Make) -> None:
    """What was on goes off, and on again with the next quarter; what was off stays off."""
    loads = ["input_boolean.boiler", "input_boolean.car"]
    await household.show(MAIN, gauge=400)
    await make("avoid_peak", connection=["sensor.main_power"], loads=loads)
    household.automation_waits = True
    await next_quarter(household)
    await household.show(MAIN, gauge=2400)
    await household.wait(200)
    assert [shown(hass, load) for load in loads] == ["on", "off"]
    await household.show(MAIN, gauge=4000)
    await household.wait(61)
    assert [shown(hass, load) for load in loads] == ["off", "off"]
    await household.show(MAIN, gauge=400)
    await household.wait(300)
    assert [shown(hass, load) for load in loads] == ["off", "off"]
    await next_quarter(household)
    await household.wait(2)
    assert [shown(hass, load) for load in loads] == ["on", "off"]


async def test_peak_so_far_is_an_input(hass: HomeAssistant, household: Household, make: Make) -> None:
    hass.states.async_set("sensor.month_peak", "5", {"unit_of_measurement": "kW"})
    await household.show(MAIN, gauge=400)
    await make(
        "avoid_peak",
        connection=["sensor.main_power"],
        loads=["input_boolean.boiler"],
        peak="sensor.month_peak",
        then=[{"action": "persistent_notification.create", "data": {"message": "{{ message }}"}}],
    )
    household.automation_waits = True
    await next_quarter(household)
    await household.show(MAIN, gauge=4900)
    await household.wait(120)
    assert shown(hass, "input_boolean.boiler") == "on"
    await household.show(MAIN, gauge=6000)
    await household.wait(61)
    assert shown(hass, "input_boolean.boiler") == "off"
    (message,) = notifications(hass)
    assert message.startswith("This quarter of an hour would average 5.")
    assert message.endswith("kW, more than 5.0 kW.")


@pytest.mark.parametrize(
    ("thresholds", "much", "little"),
    [
        ({}, -2000, 500),
        (
            {
                "switch_on": {"type": "above", "value": {"number": 2, "unit_of_measurement": "kW"}},
                "switch_off": {"type": "below", "value": {"number": 1, "unit_of_measurement": "kW"}},
            },
            2500,
            400,
        ),
    ],
)
async def test_use_my_solar(
    hass: HomeAssistant, household: Household, make: Make, thresholds: dict[str, Any], much: float, little: float
) -> None:
    car = "input_boolean.car"
    await household.show(SOLAR, gauge=little)
    await make("use_solar", power="sensor.solar_power", loads={"entity_id": car}, **thresholds)
    await household.show(SOLAR, gauge=much)
    await household.wait(140)
    assert shown(hass, car) == "off"
    await household.wait(41)
    assert shown(hass, car) == "on"
    await household.show(SOLAR, gauge=little)  # a cloud
    await household.wait(200)
    await household.show(SOLAR, gauge=much)
    await household.wait(200)
    assert shown(hass, car) == "on"
    await household.show(SOLAR, gauge=little)
    await household.wait(301)
    assert shown(hass, car) == "off"
