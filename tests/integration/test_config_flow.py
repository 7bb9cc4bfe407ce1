"""Finding a Fluksometer: every step, every error, and the way back from it."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from aiohttp import web
from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_USER, SOURCE_ZEROCONF
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.flukso.announcement import parse_announcement
from custom_components.flukso.client import Address
from custom_components.flukso.const import DOMAIN
from tests.integration.fluksometer import DEVICE, GAS, MAIN, OTHER_DEVICE, SOLAR, WATER, LoopbackFluksometer

TITLE = "Fluksometer (a1b2c3)"
MINUTE = [[1310047446, 124], [1310047447, 125]]


@pytest.fixture(autouse=True)
def setup_entry() -> Iterator[AsyncMock]:
    """Do not set up what the flows make: other tests do."""
    with patch("custom_components.flukso.async_setup_entry", return_value=True) as mock:
        yield mock


@pytest.fixture(autouse=True)
def onboarded() -> Iterator[Any]:
    """Be a Home Assistant that has been set up long ago."""
    with patch("homeassistant.components.onboarding.async_is_onboarded", return_value=True) as mock:
        yield mock


def announced(port: int, *addresses: str, **properties: str) -> ZeroconfServiceInfo:
    """Return an announcement; of ours unless properties say otherwise."""
    ips = [ip_address(address) for address in addresses or ("127.0.0.1",)]
    return ZeroconfServiceInfo(
        ip_address=ips[0],
        ip_addresses=ips,
        port=port,
        hostname="flukso-a1b2c3.local.",
        type="_flukso._tcp.local.",
        name="Flukso RESTful API on flukso-a1b2c3._flukso._tcp.local.",
        properties=properties
        or {"id1": MAIN, "id2": SOLAR, "path": "/sensor", "version": "1.0", "device": DEVICE, "api": "2.0"},
    )


ORIGINAL = {"id1": MAIN, "id2": SOLAR, "id4": WATER, "id5": GAS, "path": "/sensor", "version": "1.0"}


def original(fluksometer: LoopbackFluksometer) -> None:
    """Make it one of the originals, which know version 1 only."""
    fluksometer.v2 = False
    fluksometer.minutes = dict.fromkeys((MAIN, SOLAR, WATER, GAS), MINUTE)


async def start(hass: HomeAssistant) -> Any:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})


async def discover(hass: HomeAssistant, info: ZeroconfServiceInfo) -> Any:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_ZEROCONF}, data=info)


async def answer(hass: HomeAssistant, result: Any, **user_input: Any) -> Any:
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


# By address


async def test_by_address(hass: HomeAssistant, fluksometer: LoopbackFluksometer, setup_entry: AsyncMock) -> None:
    result = await start(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "user"
    assert not result["errors"]

    result = await answer(hass, result, host=f" http://{fluksometer.address}/ ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == TITLE
    assert result["data"] == {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2"}
    assert result["result"].unique_id == DEVICE
    assert len(setup_entry.mock_calls) == 1


async def test_nameless_device_has_a_title(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.device["name"] = ""
    assert (await answer(hass, await start(hass), host=fluksometer.address))["title"] == TITLE


@pytest.mark.parametrize(
    ("fault", "field", "error"),
    [
        ("unreachable", "base", "cannot_connect"),
        ("malformed address", "host", "invalid_host"),
        ("web server", "base", "invalid_response"),
        ("newer api", "base", "unsupported_version"),
        ("garbage sensors", "base", "invalid_response"),
    ],
)
async def test_by_address_with_an_error_and_recovery(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, fault: str, field: str, error: str
) -> None:
    host = fluksometer.address
    match fault:
        case "unreachable":
            await fluksometer.stop()
        case "malformed address":
            host = "not an address"
        case "web server":
            fluksometer.replies["/api/v2/device"] = web.Response(text="<html>")
        case "newer api":
            fluksometer.device["api"] = "3.0"
        case _:
            fluksometer.replies["/api/v2/sensors"] = web.json_response([])
    result = await answer(hass, await start(hass), host=host)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == {field: error}

    if fault == "unreachable":
        await fluksometer.start()
    fluksometer.replies.clear()
    fluksometer.device["api"] = "2.0"
    result = await answer(hass, result, host=fluksometer.address)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_by_address_already_configured(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    """The address is taken over: the user knows where it is now."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "192.0.2.9"})
    result = await answer(hass, await start(hass), host=fluksometer.address)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert entry.data["host"] == "127.0.0.1"


async def test_by_address_while_discovered(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    found = await discover(hass, announced(fluksometer.port))
    assert found["type"] is FlowResultType.FORM
    result = await answer(hass, await start(hass), host=fluksometer.address)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not hass.config_entries.flow.async_progress()


async def test_original_by_address(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    original(fluksometer)
    result = await answer(hass, await start(hass), host=fluksometer.address)
    assert result["step_id"] == "sensors"
    assert result["description_placeholders"]["address"] == fluksometer.address

    result = await answer(hass, result, sensor_ids=[f" {MAIN} ", WATER, MAIN, ""])
    assert result["step_id"] == "sensor_types"
    result = await answer(hass, result, water_sensors=[WATER])

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Fluksometer (111111)"
    assert result["result"].unique_id == MAIN
    assert result["data"] == {
        "host": "127.0.0.1",
        "port": fluksometer.port,
        "device_id": MAIN,
        "api": "v1",
        "sensors": [
            {"id": MAIN, "index": None, "type": "electricity"},
            {"id": WATER, "index": None, "type": "water"},
        ],
    }


@pytest.mark.parametrize(
    ("ids", "fault", "errors"),
    [
        (["main"], None, {"sensor_ids": "invalid_sensor_id"}),
        ([" "], None, {"sensor_ids": "invalid_sensor_id"}),
        ([MAIN, "5" * 32, "6" * 32], None, {"sensor_ids": "unknown_sensor"}),
        ([MAIN], "stop", {"base": "cannot_connect"}),
        ([MAIN], "garbage", {"base": "invalid_response"}),
    ],
)
async def test_sensors_of_an_original_with_an_error_and_recovery(
    hass: HomeAssistant,
    fluksometer: LoopbackFluksometer,
    ids: list[str],
    fault: str | None,
    errors: dict[str, str],
) -> None:
    original(fluksometer)
    fluksometer.minutes["6" * 32] = []
    result = await answer(hass, await start(hass), host=fluksometer.address)
    if fault == "stop":
        await fluksometer.stop()
    elif fault == "garbage":
        fluksometer.replies[f"/sensor/{MAIN}"] = web.Response(text="hello")

    result = await answer(hass, result, sensor_ids=ids)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    if errors == {"sensor_ids": "unknown_sensor"}:
        assert result["description_placeholders"]["unknown"] == f"{'5' * 32}, {'6' * 32}"

    if fault == "stop":
        await fluksometer.start()
    fluksometer.replies.clear()
    result = await answer(hass, result, sensor_ids=[MAIN])
    assert result["step_id"] == "sensor_types"
    result = await answer(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_sensor_of_two_types(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    original(fluksometer)
    result = await discover(hass, announced(fluksometer.port, **ORIGINAL))
    result = await answer(hass, result, water_sensors=[WATER, GAS], gas_sensors=[GAS])
    assert result["errors"] == {"base": "water_and_gas"}
    result = await answer(hass, result, water_sensors=[WATER], gas_sensors=[GAS])
    assert result["type"] is FlowResultType.CREATE_ENTRY


# By announcement


async def test_announced(hass: HomeAssistant, fluksometer: LoopbackFluksometer, setup_entry: AsyncMock) -> None:
    result = await discover(hass, announced(fluksometer.port))
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "zeroconf_confirm"
    assert result["description_placeholders"] == {"name": TITLE, "address": fluksometer.address}
    progress = hass.config_entries.flow.async_progress()
    assert progress[0]["context"]["title_placeholders"] == {"name": TITLE}

    result = await answer(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == TITLE
    assert result["data"] == {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2"}
    assert result["result"].unique_id == DEVICE
    assert len(setup_entry.mock_calls) == 1


async def test_announced_during_onboarding(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, onboarded: Any
) -> None:
    onboarded.return_value = False
    result = await discover(hass, announced(fluksometer.port))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_announced_twice(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    await discover(hass, announced(fluksometer.port))
    result = await discover(hass, announced(fluksometer.port))
    assert result["reason"] == "already_in_progress"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("stop", "cannot_connect"),
        ("web server", "invalid_response"),
        ("newer api", "unsupported_version"),
        ("no api", "not_found"),
        ("another device", "wrong_device"),
    ],
)
async def test_announced_but_not_verified(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, fault: str, reason: str
) -> None:
    match fault:
        case "stop":
            await fluksometer.stop()
        case "web server":
            fluksometer.replies["/api/v2/device"] = web.Response(text="<html>")
        case "newer api":
            fluksometer.device["api"] = "3.0"
        case "no api":
            fluksometer.v2 = False
        case _:
            fluksometer.device["id"] = OTHER_DEVICE
    result = await discover(hass, announced(fluksometer.port))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason


@pytest.mark.parametrize("addresses", [["fe80::1"], ["0.0.0.0"], ["::"]])
async def test_announced_without_usable_address(hass: HomeAssistant, addresses: list[str]) -> None:
    result = await discover(hass, announced(8080, *addresses))
    assert result["reason"] == "no_address"


async def test_ipv4_is_preferred_and_each_address_is_tried(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer
) -> None:
    """P11: mDNS lists IPv6 first, and addresses that do not work."""
    info = announced(fluksometer.port, "fe80::1", "::1", "127.0.0.1")
    assert parse_announcement(info).addresses == (
        Address("127.0.0.1", fluksometer.port),
        Address("::1", fluksometer.port),
    )
    result = await discover(hass, announced(fluksometer.port, "::1", "127.0.0.1"))
    assert result["description_placeholders"]["address"] == fluksometer.address


async def test_discovery_updates_the_address(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    """P11: the id is the Fluksometer's, so a new address is only a new address."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "127.0.0.1", "port": 9})
    result = await discover(hass, announced(fluksometer.port))
    assert result["reason"] == "already_configured"
    assert entry.data == {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2"}


async def test_discovery_at_the_known_address_asks_nothing(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    entry.add_to_hass(hass)
    result = await discover(hass, announced(fluksometer.port))
    assert result["reason"] == "already_configured"
    assert fluksometer.requests == []


@pytest.mark.parametrize("fault", ["stop", "another device"])
async def test_discovery_of_a_wrong_address_changes_nothing(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, fault: str
) -> None:
    """An announcement may be older than the lease of its address."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "192.0.2.9"})
    if fault == "stop":
        await fluksometer.stop()
    else:
        fluksometer.device["id"] = OTHER_DEVICE
    result = await discover(hass, announced(fluksometer.port))
    assert result["type"] is FlowResultType.ABORT
    assert entry.data["host"] == "192.0.2.9"


@pytest.mark.parametrize("properties", [{}, ORIGINAL])
async def test_ignored_fluksometers_are_left_alone(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, properties: dict[str, str]
) -> None:
    unique_id = "flukso-a1b2c3" if properties else DEVICE
    MockConfigEntry(domain=DOMAIN, unique_id=unique_id, source=SOURCE_IGNORE).add_to_hass(hass)
    result = await discover(hass, announced(fluksometer.port, **properties))
    assert result["reason"] == "already_configured"
    assert fluksometer.requests == []


async def test_announced_original(hass: HomeAssistant, fluksometer: LoopbackFluksometer, onboarded: Any) -> None:
    """It is known by its host name, and its owner says what its sensors measure, during onboarding too."""
    onboarded.return_value = False
    original(fluksometer)
    result = await discover(hass, announced(fluksometer.port, **ORIGINAL))
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "sensor_types"
    assert hass.config_entries.flow.async_progress()[0]["context"]["title_placeholders"] == {"name": TITLE}

    result = await answer(hass, result, water_sensors=[WATER], gas_sensors=[GAS])
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == TITLE
    assert result["result"].unique_id == "flukso-a1b2c3"
    assert result["data"]["api"] == "v1"
    assert result["data"]["sensors"] == [
        {"id": MAIN, "index": 1, "type": "electricity"},
        {"id": SOLAR, "index": 2, "type": "electricity"},
        {"id": WATER, "index": 4, "type": "water"},
        {"id": GAS, "index": 5, "type": "gas"},
    ]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("stop", "cannot_connect"), ("404", "not_found"), ("empty", "not_found"), ("garbage", "invalid_response")],
)
async def test_announced_original_but_not_verified(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, fault: str, reason: str
) -> None:
    original(fluksometer)
    match fault:
        case "stop":
            await fluksometer.stop()
        case "404":
            fluksometer.minutes = {}
        case "empty":
            fluksometer.minutes = {sensor_id: [] for sensor_id in fluksometer.minutes}
        case _:
            fluksometer.replies[f"/sensor/{MAIN}"] = web.Response(text="[[1]]")
    result = await discover(hass, announced(fluksometer.port, **ORIGINAL))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == reason


async def test_announced_without_sensors(hass: HomeAssistant) -> None:
    result = await discover(hass, announced(8080, path="/sensor", version="1.0", id1="x", idle=MAIN, id0=SOLAR))
    assert result["reason"] == "no_sensors"


async def test_announced_original_under_another_name(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    original(fluksometer)
    info = announced(fluksometer.port, **ORIGINAL)
    info.hostname = "cellar.local."
    result = await discover(hass, info)
    result = await answer(hass, result)
    assert result["result"].unique_id == MAIN


def original_entry(fluksometer: LoopbackFluksometer, host: str = "192.0.2.9") -> MockConfigEntry:
    return MockConfigEntry(
        domain=DOMAIN,
        title=TITLE,
        unique_id=MAIN,
        data={
            "host": host,
            "port": fluksometer.port,
            "device_id": MAIN,
            "api": "v1",
            "sensors": [
                {"id": MAIN, "index": None, "type": "electricity"},
                {"id": WATER, "index": None, "type": "water"},
            ],
        },
    )


@pytest.mark.parametrize("host", ["192.0.2.9", "127.0.0.1"])
async def test_discovery_of_a_known_original(hass: HomeAssistant, fluksometer: LoopbackFluksometer, host: str) -> None:
    """One that was added by address is recognised by its sensors; the list is brought up to date, the types stay."""
    original(fluksometer)
    entry = original_entry(fluksometer, host)
    entry.add_to_hass(hass)
    properties = {"id1": MAIN, "id4": WATER, "id5": GAS}
    result = await discover(hass, announced(fluksometer.port, **properties))
    assert result["reason"] == "already_configured"
    assert entry.unique_id == MAIN
    assert entry.data["host"] == "127.0.0.1"
    assert entry.data["sensors"] == [
        {"id": MAIN, "index": 1, "type": "electricity"},
        {"id": WATER, "index": 4, "type": "water"},
        {"id": GAS, "index": 5, "type": "electricity"},
    ]
    with patch.object(hass.config_entries, "async_schedule_reload") as reload:
        await discover(hass, announced(fluksometer.port, **properties))
    assert not reload.mock_calls, "nothing new, nothing to load"


async def test_known_original_by_address(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    original(fluksometer)
    entry = original_entry(fluksometer)
    entry.add_to_hass(hass)
    result = await answer(hass, await start(hass), host=fluksometer.address)
    result = await answer(hass, result, sensor_ids=[WATER])
    assert result["reason"] == "already_configured"
    assert entry.data["host"] == "127.0.0.1"


# Reconfigure


async def test_reconfigure(hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry) -> None:
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "192.0.2.9", "port": 80})
    result = await entry.start_reconfigure_flow(hass)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "reconfigure"
    suggested = {str(key): key.description for key in result["data_schema"].schema}
    assert suggested == {"host": {"suggested_value": "192.0.2.9:80"}}

    result = await answer(hass, result, host=fluksometer.address)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == {"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("stop", {"base": "cannot_connect"}),
        ("another device", {"base": "wrong_device"}),
        ("no api", {"base": "wrong_device"}),
        ("malformed address", {"host": "invalid_host"}),
    ],
)
async def test_reconfigure_with_an_error_and_recovery(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry, fault: str, error: dict[str, str]
) -> None:
    entry.add_to_hass(hass)
    before = dict(entry.data)
    host = fluksometer.address
    match fault:
        case "stop":
            await fluksometer.stop()
        case "another device":
            fluksometer.device["id"] = OTHER_DEVICE
        case "no api":
            fluksometer.v2 = False
        case _:
            host = "127.0.0.1:0"
    result = await answer(hass, await entry.start_reconfigure_flow(hass), host=host)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == error
    assert entry.data == before

    if fault == "stop":
        await fluksometer.start()
    fluksometer.v2 = True
    fluksometer.device["id"] = DEVICE
    result = await answer(hass, result, host=fluksometer.address)
    assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_an_original(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    """Address and types can be changed; a box that serves none of the sensors is refused."""
    original(fluksometer)
    entry = original_entry(fluksometer)
    entry.add_to_hass(hass)
    fluksometer.minutes = {}
    result = await answer(hass, await entry.start_reconfigure_flow(hass), host=fluksometer.address)
    assert result["errors"] == {"base": "wrong_device"}

    original(fluksometer)
    result = await answer(hass, result, host=fluksometer.address)
    assert result["step_id"] == "sensor_types"
    suggested = {str(key): key.description for key in result["data_schema"].schema}
    assert suggested["water_sensors"] == {"suggested_value": [WATER]}
    result = await answer(hass, result, gas_sensors=[WATER])
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["host"] == "127.0.0.1"
    assert entry.data["sensors"][1] == {"id": WATER, "index": None, "type": "gas"}


# The token


async def test_by_address_with_a_token(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    """A Fluksometer whose reading is closed."""
    fluksometer.token, fluksometer.closed = "0123456789abcdef", True
    result = await answer(hass, await start(hass), host=fluksometer.address)
    assert result["step_id"] == "token"
    for wrong in ("wrong", "two\nlines", "caf\u00e9"):
        result = await answer(hass, result, token=wrong)
        assert result["errors"] == {"base": "invalid_token"}
    result = await answer(hass, result, token=" 0123456789abcdef\n")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == TITLE
    assert result["data"]["token"] == "0123456789abcdef"
    assert result["result"].unique_id == DEVICE


async def test_announced_with_a_token(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    """It is not shown as ours before it has said who it is."""
    fluksometer.token, fluksometer.closed = "0123456789abcdef", True
    result = await discover(hass, announced(fluksometer.port))
    assert result["step_id"] == "token"
    fluksometer.device["id"] = OTHER_DEVICE
    result = await answer(hass, result, token="0123456789abcdef")
    assert result["errors"] == {"base": "wrong_device"}
    fluksometer.device["id"] = DEVICE
    result = await answer(hass, result, token="0123456789abcdef")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_known_token_is_not_sent_to_an_announced_address(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    """Anybody can announce anything."""
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "port": 9, "token": "0123456789abcdef"})
    result = await discover(hass, announced(fluksometer.port))
    assert result["reason"] == "token_not_sent"
    assert fluksometer.requests == []
    assert entry.data["port"] == 9


async def test_reading_that_was_closed_before_it_moved(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    fluksometer.token, fluksometer.closed = "0123456789abcdef", True
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "port": 9})
    result = await discover(hass, announced(fluksometer.port))
    assert result["reason"] == "token_not_sent"
    assert entry.data["port"] == 9


async def test_known_token_at_an_address_that_is_given(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, entry: MockConfigEntry
) -> None:
    fluksometer.token, fluksometer.closed = "0123456789abcdef", True
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, "port": 9, "token": "old"})
    result = await answer(hass, await entry.start_reconfigure_flow(hass), host=fluksometer.address)
    assert result["step_id"] == "token"
    assert entry.data["port"] == 9
    hass.config_entries.async_update_entry(entry, data={**entry.data, "token": "0123456789abcdef"})
    result = await answer(hass, await entry.start_reconfigure_flow(hass), host=fluksometer.address)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["token"] == "0123456789abcdef"


async def test_another_server_that_wants_a_password(hass: HomeAssistant, fluksometer: LoopbackFluksometer) -> None:
    fluksometer.replies["/api/v2/device"] = web.Response(
        status=401, headers={"WWW-Authenticate": 'Basic realm="Printer"'}
    )
    result = await answer(hass, await start(hass), host=fluksometer.address)
    assert result["errors"] == {"base": "invalid_response"}
