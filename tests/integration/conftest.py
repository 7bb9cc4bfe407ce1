"""What all tests of the integration share."""

# First, so that the test package's own folder of custom components does not hide ours.
import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from random import randrange
from time import monotonic

import pytest
from aiohttp import ClientSession, web
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory, TickingDateTimeFactory, real_monotonic
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

import custom_components.flukso  # noqa: F401
from custom_components.flukso.const import DOMAIN
from tests.integration.automations import Household, forget
from tests.integration.fluksometer import DEVICE, MAIN, LoopbackFluksometer, running
from tests.integration.recorded_house import DAY, NOON, kept, measure
from tests.integration.repairing import Fix

# Home Assistant's test package writes the log to the terminal, each query of a recorder too, wherever pytest does not
# capture: its threads go on between tests. What is logged within a test is captured all the same.
logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
for _handler in [each for each in logging.root.handlers if type(each) is logging.StreamHandler]:
    logging.root.removeHandler(_handler)


class Clock:
    """A clock that tests put forward; it goes on by itself in between."""

    def __init__(self, base: Callable[[], float]) -> None:
        """Start at the time of another clock."""
        self._base = base
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self._base() + self.ahead

    def advance(self, seconds: float) -> None:
        """Put the clock forward."""
        self.ahead += seconds


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Allow sockets: the test package goes on refusing connections to anything but 127.0.0.1."""


@pytest.fixture(autouse=True)
def _custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant load our integration; the recorder must come up before it."""
    if "hass" not in request.fixturenames:
        return
    if "passing_time" in request.fixturenames:
        request.getfixturevalue("passing_time")
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    request.getfixturevalue("enable_custom_integrations")


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Serialise Home Assistant's objects without what differs from run to run, or from release to release."""
    return snapshot.with_defaults(extension_class=HomeAssistantSnapshotExtension, exclude=props("compat_name"))


@pytest.fixture(autouse=True)
def broker_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Look for the brokers of Fluksometers where no other program has its own: at a port that nobody listens on.

    It is below those that the kernel gives to whoever asks for any.
    """
    while True:
        port = randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            break
    monkeypatch.setattr("custom_components.flukso.probing.DEFAULT_MQTT_PORT", port)
    return port


@pytest.fixture
def all_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable entities that are disabled by default too; ask for it before the entry."""
    monkeypatch.setattr("homeassistant.helpers.entity.Entity.entity_registry_enabled_default", True)


@pytest.fixture
def only_sensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up the platform of sensors alone; ask for it before the entry."""
    monkeypatch.setattr("custom_components.flukso.PLATFORMS", [Platform.SENSOR])


@pytest.fixture
async def fluksometer() -> AsyncIterator[LoopbackFluksometer]:
    """Run a Fluksometer on loopback."""
    async with running() as device:
        yield device


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    """Open a session of our own, as any program may."""
    async with ClientSession() as own:
        yield own


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Put the coordinator's clock into our hands."""
    clock = Clock(monotonic)
    monkeypatch.setattr("custom_components.flukso.coordinator.monotonic", clock)
    return clock


@pytest.fixture
async def time_of_day(
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[FrozenDateTimeFactory]:
    """Put the time of day into our hands, and leave sockets and sleeps their own."""
    with freeze_time() as frozen:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", real_monotonic)
        yield frozen


@pytest.fixture
def house(time_of_day: FrozenDateTimeFactory, fluksometer: LoopbackFluksometer) -> LoopbackFluksometer:
    """Begin at a noon, with a Fluksometer that has kept the three days before."""
    time_of_day.move_to(datetime.fromtimestamp(NOON, UTC))
    fluksometer.kept[MAIN] = kept(NOON - 3 * DAY)
    # Polls alone: a stream would be silent for weeks within a second.
    fluksometer.replies["/api/v2/events"] = web.Response(status=503)
    measure(fluksometer, NOON)
    return fluksometer


@pytest.fixture
def entry(fluksometer: LoopbackFluksometer) -> MockConfigEntry:
    """Make an entry for the Fluksometer on loopback."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Fluksometer (a1b2c3)",
        unique_id=DEVICE,
        entry_id="01JFLUKSO0000000000000ENTRY",
        data={"host": "127.0.0.1", "port": fluksometer.port, "device_id": DEVICE, "api": "v2"},
    )


@pytest.fixture
async def loaded(hass: HomeAssistant, entry: MockConfigEntry) -> AsyncIterator[MockConfigEntry]:
    """Set the entry up, and unload it in the end."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    yield entry
    if hass.config_entries.async_get_entry(entry.entry_id) and entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def fix(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Fix:
    """Fix what stands under Repairs."""
    return Fix(hass, hass_client)


type Poll = Callable[[], Awaitable[None]]


@pytest.fixture
def poll(hass: HomeAssistant, loaded: MockConfigEntry) -> Poll:
    """Poll now, and let Home Assistant act on it."""

    async def poll_now() -> None:
        await loaded.runtime_data.async_refresh()
        await hass.async_block_till_done()

    return poll_now


@pytest.fixture
def passing_time() -> Iterator[TickingDateTimeFactory]:
    """Let time go on by itself, and by as much more as a test wants: all clocks together, the event loop's too."""
    with freeze_time("2026-11-20 12:00:00+00:00", tick=True) as time:
        yield time


@pytest.fixture
async def household(
    hass: HomeAssistant,
    passing_time: TickingDateTimeFactory,
    fluksometer: LoopbackFluksometer,
    loaded: MockConfigEntry,
) -> AsyncIterator[Household]:
    """Take the time of the Fluksometer and of Home Assistant into our hands; no automation stays in the end."""
    yield Household(hass, passing_time, fluksometer, loaded)
    if "automation" in hass.config.components:
        await forget(hass)
