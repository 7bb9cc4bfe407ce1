"""Version 2 of the local API, spoken by fluksod: device, sensors with counters, and readings as they happen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from .address import Address
from .errors import FluksoPayloadError
from .history import Bucket, parse_history, parts
from .lan import Lan
from .models import Device, Firmware, Sensor, SensorReading, Snapshot
from .payload import parse_json
from .server_sent_events import EventParser
from .v2_payload import parse_device, parse_event, parse_firmware, parse_sensors

SILENCE_SECONDS: Final = 40.0
"""The stream carries at least a comment every 15 s; two missed ones mean that the connection is dead."""


class FluksometerV2:
    """A Fluksometer that speaks version 2."""

    def __init__(self, session: aiohttp.ClientSession, address: Address, token: str | None = None) -> None:
        """Make a client for the Fluksometer at an address, with the token that its owner has set, if any.

        Raises FluksoTokenError for what cannot be a token.
        """
        self._lan = Lan(session, address, token)

    @property
    def address(self) -> Address:
        """Return where it is asked."""
        return self._lan.address

    async def device(self) -> Device:
        """Ask what it is and how it is."""
        return parse_device(parse_json(await self._lan.get("/api/v2/device")))

    async def sensors(self) -> dict[str, Sensor]:
        """Ask for all sensors with their newest readings, by id."""
        return parse_sensors(parse_json(await self._lan.get("/api/v2/sensors")))

    async def firmware(self) -> Firmware:
        """Ask how the newest update of a board's firmware stands, and which boards can be updated."""
        return parse_firmware(parse_json(await self._lan.get("/api/v2/firmware")))

    async def update_firmware(self, board: str) -> Firmware:
        """Begin to write the firmware that is offered for a board.

        Raises FluksoTokenError without the right token, FluksoRefusedError where it cannot be begun.
        """
        return parse_firmware(parse_json(await self._lan.post("/api/v2/firmware", {"board": board})))

    async def fetch(self) -> Snapshot:
        """Ask for the device and its sensors."""
        device = await self.device()
        return Snapshot(device, await self.sensors())

    async def history(self, sensor_id: str, start: int, end: int, resolution: int) -> AsyncIterator[list[Bucket]]:
        """Ask for what is kept of a sensor from `start` to before `end` (unix seconds), in buckets of `resolution` s.

        The first bucket begins at `start`. They come in order, in lists of at most 2,000, one request each. Raises
        FluksoNotFoundError when there is no such sensor, or no history at all: an older daemon keeps none.
        """
        for begin, stop in parts(start, end, resolution):
            query = {"start": str(begin), "end": str(stop), "resolution": str(resolution)}
            answer = parse_json(await self._lan.get(f"/api/v2/sensors/{sensor_id}/history", query))
            yield parse_history(answer, sensor_id, begin, stop, resolution)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[SensorReading]]:
        """Open the stream of readings: first one for each sensor, then one for every change.

        The iteration ends when the other side closes, and raises FluksoConnectionError when the connection breaks or
        is silent for 40 s, FluksoPayloadError when something else than readings comes.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=SILENCE_SECONDS)
        async with self._lan.open("/api/v2/events", None, limits) as response:
            if response.content_type != "text/event-stream":
                raise FluksoPayloadError(f"{self.address} answers {response.content_type} instead of events")
            yield _readings(response.content)


async def _readings(content: aiohttp.StreamReader) -> AsyncIterator[SensorReading]:
    parser = EventParser()
    async for part in content.iter_any():
        for event in parser.feed(part):
            # Other kinds of event may come with a later minor version.
            if event.name == "reading":
                yield parse_event(parse_json(event.data))
