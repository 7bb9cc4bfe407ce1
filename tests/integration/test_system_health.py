"""What System information says."""

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.flukso.const import DOMAIN
from tests.integration.conftest import Clock, Poll
from tests.integration.fluksometer import NOW, OTHER_DEVICE, LoopbackFluksometer
from tests.integration.waiting import until


async def test_system_health(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
    poll: Poll,
    clock: Clock,
    hass_ws_client: WebSocketGenerator,
) -> None:
    assert await async_setup_component(hass, "system_health", {})
    push = loaded.runtime_data.push
    await until(lambda: push.connected)
    fluksometer.device["time"] = NOW + 31
    clock.advance(31)
    await poll()
    data = {**loaded.data, "device_id": OTHER_DEVICE}
    MockConfigEntry(domain=DOMAIN, unique_id=OTHER_DEVICE, data=data).add_to_hass(hass)

    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "system_health/info"})
    assert (await client.receive_json())["success"]
    event = (await client.receive_json())["event"]
    assert event["type"] == "initial"
    assert event["data"][DOMAIN]["info"] == {
        "fluksometers": 2,
        "reachable": 1,
        "pushing": 1,
        "sensors": 4,
        "silent_sensors": 2,
    }
