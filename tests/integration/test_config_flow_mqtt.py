"""Finding original Fluksometers by the broker that runs on them: a real one."""

from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from homeassistant.config_entries import SOURCE_DHCP, SOURCE_IGNORE, SOURCE_USER, SOURCE_ZEROCONF
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.const import DOMAIN
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, WATER, LoopbackFluksometer
from tests.integration.mosquitto import Mosquitto, no_mosquitto
from tests.integration.published import FLM02, Publisher, publishing

pytestmark = no_mosquitto

TITLE = "Fluksometer (a1b2c3)"
MINUTE = [[1310047446, 124]]


@pytest.fixture(autouse=True)
def setup_entry() -> Iterator[AsyncMock]:
    """Do not set up what the flows make."""
    with patch("custom_components.flukso.async_setup_entry", return_value=True) as mock:
        yield mock


@pytest.fixture(autouse=True)
def onboarded() -> Iterator[Any]:
    with patch("homeassistant.components.onboarding.async_is_onboarded", return_value=True) as mock:
        yield mock


@pytest.fixture
async def broker(broker_port: int) -> AsyncIterator[Mosquitto]:
    """Run a broker at the port where the flow looks for one."""
    async with Mosquitto(broker_port) as mosquitto:
        yield mosquitto


@pytest.fixture
async def flm02(broker: Mosquitto) -> AsyncIterator[Publisher]:
    """Let an FLM02 publish there."""
    async with publishing(broker.port) as publisher:
        await publisher.configure(FLM02)
        yield publisher


def announced(kind: str, port: int, hostname: str = "flukso-a1b2c3.local.", **properties: str) -> ZeroconfServiceInfo:
    address = ip_address("127.0.0.1")
    return ZeroconfServiceInfo(
        ip_address=address,
        ip_addresses=[address],
        port=port,
        hostname=hostname,
        type=f"{kind}._tcp.local.",
        name=f"Announced on flukso-a1b2c3.{kind}._tcp.local.",
        properties=properties,
    )


def entry_of(api: str, unique_id: str, port: int, host: str = "192.0.2.9", **more: Any) -> MockConfigEntry:
    data = {"host": host, "port": port, "device_id": unique_id, "api": api, **more}
    return MockConfigEntry(domain=DOMAIN, title=TITLE, unique_id=unique_id, data=data)


def original(fluksometer: LoopbackFluksometer) -> None:
    fluksometer.v2 = False
    fluksometer.minutes = {MAIN: MINUTE, WATER: MINUTE}


async def by_address(hass: HomeAssistant, host: str) -> Any:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    return await hass.config_entries.flow.async_configure(result["flow_id"], {"host": host})


async def discover(hass: HomeAssistant, info: ZeroconfServiceInfo) -> Any:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=info)


async def lease(hass: HomeAssistant, hostname: str = "flukso-a1b2c3") -> Any:
    info = DhcpServiceInfo(ip="127.0.0.1", hostname=hostname, macaddress="aabbcc123456")
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=info)


def published_data(broker: Mosquitto) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": broker.port, "device_id": DEVICE, "api": "mqtt"}


# By address


async def test_by_the_address_of_an_original(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher, setup_entry: AsyncMock
) -> None:
    """It speaks version 1 too, but has no counters there and does not say who it is: nobody has to type ids."""
    original(fluksometer)
    result = await by_address(hass, fluksometer.address)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == TITLE
    assert result["result"].unique_id == DEVICE
    assert result["data"] == published_data(broker)
    assert len(setup_entry.mock_calls) == 1


async def test_by_the_address_of_one_without_a_local_api(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher
) -> None:
    await fluksometer.stop()
    result = await by_address(hass, fluksometer.address)
    assert result["data"] == published_data(broker)


async def test_by_the_address_of_a_broker(hass: HomeAssistant) -> None:
    async with Mosquitto() as elsewhere, publishing(elsewhere.port) as flm02:
        await flm02.configure(FLM02)
        result = await by_address(hass, f"127.0.0.1:{elsewhere.port}")
        assert result["data"] == published_data(elsewhere)


async def test_by_the_address_of_a_broker_of_several(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher
) -> None:
    original(fluksometer)
    async with publishing(broker.port, OTHER_DEVICE) as other:
        await other.configure(FLM02)
    result = await by_address(hass, fluksometer.address)
    assert result["errors"] == {"base": "several_devices"}


async def test_ours_is_found_by_version_2_first(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher
) -> None:
    assert (await by_address(hass, fluksometer.address))["data"]["api"] == "v2"


async def test_a_broker_without_fluksometers_beside_an_original(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto
) -> None:
    original(fluksometer)
    assert (await by_address(hass, fluksometer.address))["step_id"] == "sensors"


@pytest.mark.parametrize("api", ["v1", "mqtt", "v2"])
async def test_known_by_any_api(hass: HomeAssistant, broker: Mosquitto, flm02: Publisher, api: str) -> None:
    """Its address is only taken over where it is that of the same API."""
    sensors = [{"id": MAIN, "index": 1, "type": "electricity"}]
    more = {"sensors": sensors} if api == "v1" else {}
    entry = entry_of(api, MAIN if api == "v1" else DEVICE, 1234, **more)
    entry.add_to_hass(hass)
    result = await by_address(hass, "127.0.0.1:1")
    assert result["reason"] == "already_configured"
    assert entry.data["port"] == (broker.port if api == "mqtt" else 1234)


async def test_version_1_of_one_that_is_known_by_mqtt(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    """Its broker is away for the moment."""
    original(fluksometer)
    entry = entry_of("mqtt", DEVICE, 1883)
    entry.add_to_hass(hass)
    info = announced("_flukso", fluksometer.port, id1=MAIN)
    assert (await discover(hass, info))["reason"] == "cannot_connect"
    assert entry.data["host"] == "192.0.2.9"


# By announcement


@pytest.mark.parametrize("kind", ["_flukso", "_mqtt"])
async def test_announced(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher, kind: str
) -> None:
    original(fluksometer)
    info = announced("_flukso", fluksometer.port, id1=MAIN) if kind == "_flukso" else announced("_mqtt", broker.port)
    result = await discover(hass, info)
    assert result["step_id"] == "zeroconf_confirm"
    assert result["description_placeholders"] == {"name": TITLE, "address": f"127.0.0.1:{broker.port}"}
    again = announced("_mqtt", broker.port) if kind == "_flukso" else announced("_flukso", fluksometer.port, id1=MAIN)
    assert (await discover(hass, again))["reason"] == "already_in_progress"
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == published_data(broker)


async def test_announced_during_onboarding(
    hass: HomeAssistant, broker: Mosquitto, flm02: Publisher, onboarded: Any
) -> None:
    onboarded.return_value = False
    assert (await discover(hass, announced("_mqtt", broker.port)))["type"] is FlowResultType.CREATE_ENTRY


async def test_announced_with_a_broker_of_another(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto
) -> None:
    """What is published there are not the announced sensors: it is shown by what it announces."""
    original(fluksometer)
    async with publishing(broker.port, OTHER_DEVICE) as other:
        await other.configure({"1": {**FLM02["1"], "id": "9" * 32}})
    result = await discover(hass, announced("_flukso", fluksometer.port, id1=MAIN))
    assert result["step_id"] == "sensor_types"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("stop", "cannot_connect"),
        ("nothing", "not_found"),
        ("another", "wrong_device"),
        ("garbage", "invalid_response"),
    ],
)
async def test_announced_broker_but_not_verified(
    hass: HomeAssistant, broker: Mosquitto, fault: str, reason: str
) -> None:
    async with publishing(broker.port, OTHER_DEVICE) as other:
        if fault == "another":
            await other.configure(FLM02)
        elif fault == "garbage":
            await other.configure([])
    if fault == "stop":
        broker.kill()
    assert (await discover(hass, announced("_mqtt", broker.port)))["reason"] == reason


@pytest.mark.parametrize("kind", ["_flukso", "_mqtt"])
async def test_announcement_updates_the_address(
    hass: HomeAssistant, broker: Mosquitto, flm02: Publisher, kind: str
) -> None:
    """The port that is announced for the local API is none of the broker."""
    entry = entry_of("mqtt", DEVICE, broker.port)
    entry.add_to_hass(hass)
    result = await discover(hass, announced(kind, broker.port if kind == "_mqtt" else 8080, id1=MAIN))
    assert result["reason"] == "already_configured"
    assert entry.data == published_data(broker)


async def test_announcement_of_another_broker_changes_nothing(hass: HomeAssistant, broker: Mosquitto) -> None:
    entry = entry_of("mqtt", DEVICE, broker.port)
    entry.add_to_hass(hass)
    async with publishing(broker.port, OTHER_DEVICE) as other:
        await other.configure(FLM02)
    assert (await discover(hass, announced("_mqtt", broker.port)))["reason"] == "wrong_device"
    assert entry.data["host"] == "192.0.2.9"


async def test_broker_of_one_that_is_known_by_version_1(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher
) -> None:
    """It is recognised by its host name, and else by its sensors."""
    original(fluksometer)
    sensors = [{"id": MAIN, "index": 1, "type": "electricity"}]
    entry = entry_of("v1", "flukso-a1b2c3", fluksometer.port, sensors=sensors)
    entry.add_to_hass(hass)
    assert (await discover(hass, announced("_mqtt", broker.port)))["reason"] == "already_configured"
    assert entry.data["host"] == "127.0.0.1"
    assert entry.data["port"] == fluksometer.port

    hass.config_entries.async_update_entry(entry, unique_id=MAIN)
    assert (await discover(hass, announced("_mqtt", broker.port)))["reason"] == "already_configured"


@pytest.mark.parametrize("unique_id", [DEVICE, "flukso-a1b2c3"])
async def test_ignored(hass: HomeAssistant, broker: Mosquitto, flm02: Publisher, unique_id: str) -> None:
    MockConfigEntry(domain=DOMAIN, unique_id=unique_id, source=SOURCE_IGNORE).add_to_hass(hass)
    assert (await discover(hass, announced("_mqtt", broker.port)))["reason"] == "already_configured"


# By DHCP


async def test_lease_updates_the_address(hass: HomeAssistant, broker: Mosquitto, flm02: Publisher) -> None:
    """The originals have the beginning of their id as host name."""
    entry = entry_of("mqtt", DEVICE, broker.port)
    entry.add_to_hass(hass)
    assert (await lease(hass))["reason"] == "already_configured"
    assert entry.data == published_data(broker)


async def test_lease_of_an_unknown_original(hass: HomeAssistant, broker: Mosquitto, flm02: Publisher) -> None:
    result = await lease(hass)
    assert result["step_id"] == "zeroconf_confirm"
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {})
    assert result["data"] == published_data(broker)


async def test_lease_of_something_else_with_such_a_name(hass: HomeAssistant) -> None:
    assert (await lease(hass))["reason"] == "cannot_connect"


# Reconfigure


async def test_reconfigure(hass: HomeAssistant, broker: Mosquitto, flm02: Publisher) -> None:
    entry = entry_of("mqtt", DEVICE, 1)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    assert result["description_placeholders"]["port"] == "1883"
    for host, errors in (("127.0.0.1:1", {"base": "cannot_connect"}), ("a b", {"host": "invalid_host"})):
        result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": host})
        assert result["errors"] == errors
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": f"127.0.0.1:{broker.port}"})
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == published_data(broker)


async def test_version_1_changes_to_mqtt(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher
) -> None:
    """An entry that could never be set up has no device yet."""
    original(fluksometer)
    entry = entry_of("v1", MAIN, 1, sensors=[{"id": MAIN, "index": 1, "type": "electricity"}])
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": fluksometer.address})
    assert result["reason"] == "reconfigure_successful"
    assert entry.unique_id == DEVICE
    assert entry.data == published_data(broker)


async def test_version_1_of_one_that_was_added_by_mqtt_too(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, broker: Mosquitto, flm02: Publisher
) -> None:
    original(fluksometer)
    entry_of("mqtt", DEVICE, broker.port).add_to_hass(hass)
    entry = entry_of("v1", MAIN, 1, sensors=[{"id": MAIN, "index": 1, "type": "electricity"}])
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": fluksometer.address})
    assert result["reason"] == "already_configured"
    assert entry.data["api"] == "v1"


@pytest.mark.parametrize("there", [True, False])
async def test_reconfigure_to_another(hass: HomeAssistant, broker: Mosquitto, there: bool) -> None:
    entry = entry_of("mqtt", DEVICE, 1)
    entry.add_to_hass(hass)
    async with publishing(broker.port, OTHER_DEVICE) as other:
        if there:
            await other.configure(FLM02)
    result = await entry.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {"host": f"127.0.0.1:{broker.port}"})
    assert result["errors"] == {"base": "wrong_device"}
