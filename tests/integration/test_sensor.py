"""Entities: what they show, and that one snapshot serves both releases of Home Assistant."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, snapshot_platform
from syrupy.assertion import SnapshotAssertion

from tests.integration.fluksometer import MAIN, LoopbackFluksometer


async def test_platform(
    hass: HomeAssistant, loaded: MockConfigEntry, entity_registry: er.EntityRegistry, snapshot: SnapshotAssertion
) -> None:
    await snapshot_platform(hass, entity_registry, snapshot, loaded.entry_id)
