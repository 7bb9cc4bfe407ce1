"""What all tests of the integration share."""

# First, so that the test package's own folder of custom components does not hide ours.
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from random import randrange
from time import monotonic

import pytest
from aiohttp import ClientSession
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion
from syrupy.filters import props

import custom_components.flukso  # noqa: F401
from custom_components.flukso.const import DOMAIN
from tests.integration.fluksometer import DEVICE, LoopbackFluksometer, running


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


type Poll = Callable[[], Awaitable[None]]


@pytest.fixture
def poll(hass: HomeAssistant, loaded: MockConfigEntry) -> Poll:
    """Poll now, and let Home Assistant act on it."""

    async def poll_now() -> None:
        await loaded.runtime_data.async_refresh()
        await hass.async_block_till_done()

    return poll_now
