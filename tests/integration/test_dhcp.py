"""Following a Fluksometer that gets another address from the router: it is recognised by its MAC address."""

from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_DHCP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.loader import async_get_dhcp
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_socket import socket_allow_hosts

from custom_components.flukso.const import DOMAIN
from custom_components.flukso.devices import async_learn_mac
from custom_components.flukso.neighbours import ARP_TABLE, mac_address
from tests.integration.fluksometer import DEVICE, MAIN, OTHER_DEVICE, LoopbackFluksometer
from tests.integration.states import shown
from tests.integration.test_config_flow import original, original_entry
from tests.integration.waiting import until

MAC = "b8:27:eb:12:34:56"
GONE = "127.0.0.9"

TABLE = f"""\
IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         aa:bb:cc:00:00:01     *        eth0
192.168.1.51     0x1         0x0         00:00:00:00:00:00     *        eth0
192.168.1.52     0x1         0x2         00:00:00:00:00:00     *        tun0
192.168.1.53     0x1         0x0         aa:bb:cc:00:00:03     *        eth0
192.168.1.54     0x20        0x2         80:00:00:48:fe:80     *        ib0
192.168.1.55
127.0.0.1        0x1         0x2         {MAC.upper()}     *        eth0
"""


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be on a network where loopback has a MAC address, in the kernel's words."""
    table = tmp_path / "arp"
    table.write_text(TABLE)
    monkeypatch.setattr("custom_components.flukso.devices.ARP_TABLE", table)
    return table


@pytest.mark.parametrize(
    ("ip", "mac"),
    [
        ("192.168.1.1", "aa:bb:cc:00:00:01"),
        ("127.0.0.1", MAC),
        ("192.168.1.51", None),
        ("192.168.1.52", None),
        ("192.168.1.53", None),
        ("192.168.1.55", None),
        ("192.168.1.99", None),
    ],
)
def test_the_kernels_table(table: Path, ip: str, mac: str | None) -> None:
    assert mac_address(ip, table) == mac


def test_no_table(tmp_path: Path) -> None:
    """Another system than Linux, or something that is no table."""
    assert mac_address("192.168.1.1", tmp_path / "none") is None
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\xff\xfe\n\xff")
    assert mac_address("192.168.1.1", garbage) is None


def test_the_table_of_this_machine() -> None:
    assert mac_address("240.0.0.1", ARP_TABLE) is None


def macs(hass: HomeAssistant, entry: MockConfigEntry) -> set[tuple[str, str]]:
    hub = dr.async_get(hass).async_get_device_by_identifier((DOMAIN, DEVICE), entry.entry_id)
    assert hub is not None
    return hub.connections


async def lease(hass: HomeAssistant, mac: str = MAC, hostname: str = "raspberrypi", ip: str = "127.0.0.1") -> Any:
    info = DhcpServiceInfo(ip=ip, hostname=hostname, macaddress=mac.replace(":", ""))
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_DHCP}, data=info)


@pytest.fixture
async def moved(hass: HomeAssistant, loaded: MockConfigEntry) -> MockConfigEntry:
    """Have known the Fluksometer's MAC address, before it moved from an address where nobody answers now."""
    socket_allow_hosts(["127.0.0.1", GONE])
    await until(lambda: macs(hass, loaded) == {(dr.CONNECTION_NETWORK_MAC, MAC)})
    hass.config_entries.async_update_entry(loaded, data={**loaded.data, "host": GONE})
    return loaded


async def test_follows_to_the_new_address(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, moved: MockConfigEntry
) -> None:
    fluksometer.measure(MAIN, gauge=470)
    assert (await lease(hass))["reason"] == "already_configured"
    assert moved.data["host"] == "127.0.0.1"
    await hass.async_block_till_done()
    assert shown(hass, "sensor.main_power") == "470"


async def test_home_assistant_knows_what_to_tell_us(hass: HomeAssistant) -> None:
    """Its own part for DHCP is not here; it asks the loader for this."""
    ours = [matcher for matcher in await async_get_dhcp(hass) if matcher["domain"] == DOMAIN]
    assert ours == [{"domain": DOMAIN, "hostname": "flukso-*"}, {"domain": DOMAIN, "registered_devices": True}]


async def test_the_known_address_asks_nothing(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, moved: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(moved, data={**moved.data, "host": "127.0.0.1"})
    asked = list(fluksometer.requests)
    assert (await lease(hass))["reason"] == "already_configured"
    assert fluksometer.requests == asked


@pytest.mark.parametrize(
    ("fault", "reason"), [("another", "wrong_device"), ("404", "wrong_device"), ("stop", "cannot_connect")]
)
async def test_another_device_with_the_lease_changes_nothing(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, moved: MockConfigEntry, fault: str, reason: str
) -> None:
    if fault == "another":
        fluksometer.device["id"] = OTHER_DEVICE
    elif fault == "404":
        fluksometer.v2 = False
    else:
        await fluksometer.stop()
    assert (await lease(hass))["reason"] == reason
    assert moved.data["host"] == GONE


async def test_the_token_is_not_sent_to_whoever_has_the_lease(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, moved: MockConfigEntry
) -> None:
    """A MAC address is easily taken over, and whoever is at the address of the entry is given its token."""
    hass.config_entries.async_update_entry(moved, data={**moved.data, "token": "0123456789abcdef"})
    asked = list(fluksometer.requests)
    assert (await lease(hass))["reason"] == "token_not_sent"
    assert fluksometer.requests == asked
    assert moved.data["host"] == GONE


async def test_a_second_address_of_one_that_did_not_move(
    hass: HomeAssistant, fluksometer: LoopbackFluksometer, moved: MockConfigEntry
) -> None:
    """It has two, and stays where it is known; nobody speaks of two devices."""
    await fluksometer.answer_at(GONE)
    assert (await lease(hass))["reason"] == "already_configured"
    assert moved.data["host"] == GONE
    assert not [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]


async def test_a_stranger_is_no_fluksometer(hass: HomeAssistant, moved: MockConfigEntry) -> None:
    assert (await lease(hass, "aa:bb:cc:00:00:09"))["reason"] == "wrong_device"
    assert moved.data["host"] == GONE


@pytest.mark.parametrize("there", [True, False])
async def test_an_original_by_version_1(hass: HomeAssistant, fluksometer: LoopbackFluksometer, there: bool) -> None:
    """Known by its host name, and verified by its sensors."""
    original(fluksometer)
    if not there:
        fluksometer.minutes = {}
    entry = original_entry(fluksometer)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, unique_id="flukso-a1b2c3")
    reason = "already_configured" if there else "wrong_device"
    assert (await lease(hass, hostname="flukso-a1b2c3"))["reason"] == reason
    assert entry.data["host"] == ("127.0.0.1" if there else "192.0.2.9")


async def test_a_name_as_address_needs_no_mac(hass: HomeAssistant, table: Path, loaded: MockConfigEntry) -> None:
    table.write_text(table.read_text().replace(MAC.upper(), "aa:bb:cc:00:00:08"))
    hass.config_entries.async_update_entry(loaded, data={**loaded.data, "host": "localhost"})
    await async_learn_mac(hass, loaded, loaded.runtime_data)
    assert macs(hass, loaded) == {(dr.CONNECTION_NETWORK_MAC, MAC)}


async def test_without_a_mac_it_works_too(hass: HomeAssistant, table: Path, entry: MockConfigEntry) -> None:
    table.unlink()
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert macs(hass, entry) == set()
    await hass.config_entries.async_unload(entry.entry_id)


async def test_a_mac_that_another_device_of_ours_has(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not followed then, but it works."""
    caplog.set_level("DEBUG", logger="custom_components.flukso")
    entry.add_to_hass(hass)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, MAIN)},
        connections={(dr.CONNECTION_NETWORK_MAC, MAC)},
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(lambda: "is not followed by its MAC address" in caplog.text)
    assert macs(hass, entry) == set()
    assert shown(hass, "sensor.main_power") == "463"
    await hass.config_entries.async_unload(entry.entry_id)
