"""Home Assistant's own reading of triggers.yaml, conditions.yaml and services.yaml, as its editor shows them."""

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, service, trigger
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.condition import CONDITIONS
from custom_components.flukso.trigger import TRIGGERS


@pytest.fixture
async def automation(hass: HomeAssistant, loaded: MockConfigEntry) -> None:
    assert await async_setup_component(hass, "automation", {})
    await hass.async_block_till_done()


@pytest.mark.usefixtures("automation")
async def test_triggers_and_conditions(hass: HomeAssistant) -> None:
    """All are read without an error, with a target of our own sensors and the fields that their schemas take."""
    for described, names in (
        (await trigger.async_get_all_descriptions(hass), TRIGGERS),
        (await condition.async_get_all_descriptions(hass), CONDITIONS),
    ):
        ours = {key: said for key, said in described.items() if key.startswith("flukso.")}
        assert set(ours) == {f"flukso.{name}" for name in names}
        for said in ours.values():
            assert said is not None
            assert said["target"]["entity"][0]["integration"] == "flukso"


@pytest.mark.parametrize("names", [TRIGGERS, CONDITIONS])
@pytest.mark.usefixtures("automation")
async def test_defaults_are_those_of_the_schemas(hass: HomeAssistant, names: dict[str, Any]) -> None:
    """What the editor fills in is what holds when it is left out, and all that it offers is taken."""
    described = {
        **await trigger.async_get_all_descriptions(hass),
        **await condition.async_get_all_descriptions(hass),
    }
    for name, kind in names.items():
        fields = described[f"flukso.{name}"]["fields"]
        target = {"target": {"entity_id": ["sensor.main_power"]}}
        filled = {key: field["default"] for key, field in fields.items() if "default" in field}
        explicit = await kind.async_validate_config(hass, {**target, "options": filled})
        silent = await kind.async_validate_config(hass, dict(target))
        zero = {"for": None} if name == "meter_is_silent" else {}
        assert {**zero, **silent["options"]} == {**explicit["options"], **zero}, name


@pytest.mark.usefixtures("automation")
async def test_action(hass: HomeAssistant) -> None:
    described = (await service.async_get_all_descriptions(hass))["flukso"]["add_to_energy_dashboard"]
    assert described["response"] == {"optional": True}
    assert set(described["fields"]) == {"dry_run", "grid", "grid_return", "solar", "home", "devices", "gas", "water"}


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
@pytest.mark.parametrize("category", ["triggers", "conditions", "services"])
async def test_texts_reach_the_editor(
    hass: HomeAssistant, loaded: MockConfigEntry, language: str, category: str
) -> None:
    texts = await async_get_translations(hass, language, category, ["flukso"])
    assert len([key for key in texts if key.endswith(".name")]) > 5
