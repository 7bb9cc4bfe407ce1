"""What the owner is subscribed to at the cloud: other people's sensors, live, in a store of their own.

A claimed device asks for a token, signed with its key, and then uses the routes that any client of the cloud uses
(docs/protocol.md, "Peers"). Nothing of it is kept on the disk and nothing is uploaded.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from fluksod.config import CloudConfig
from fluksod.identity import Identity
from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor, SensorClass, SensorType, is_id
from fluksod.store import Store
from fluksod.trust import trust
from fluksod.uplink.backoff import Backoff
from fluksod.uplink.connection import Answered, CloudError, failures_told, open_session, post_signed, read_answer
from fluksod.uplink.server_sent import EventReader
from fluksod.uplink.signature import digest_is_right

_LOG = logging.getLogger(__name__)

ASK_EVERY = 300.0
"""Seconds between looks at the subscriptions while there is none; a stream is ended by the cloud when they change."""
SILENCE = 60.0
"""Seconds without a byte after which a stream is dead: the cloud sends a comment every 15 s."""
MOST_PEERS = 200


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody else's sensor; `resolution` is the cloud's word for the finest that its owner lets us hear."""

    sensor: Sensor
    owner: str
    resolution: str


@dataclass(slots=True)
class PeersState:
    """How the subscriptions stand; `error` in words, None when all is well."""

    error: str | None = None


class Peers:
    """Holds the subscriptions of the device's owner in `store`, as sensors of class `peer`.

    `is_claimed` tells what the cloud last said; nothing is asked before. `is_own` tells our own sensors, which are
    left out. `version` is the software's. Raises `ConfigError` when the authority's file is unreadable.
    """

    def __init__(
        self,
        config: CloudConfig,
        identity: Identity,
        store: Store,
        *,
        version: str,
        is_claimed: Callable[[], bool],
        is_own: Callable[[str], bool],
    ) -> None:
        self.state = PeersState()
        self._config = config
        self._identity = identity
        self._store = store
        self._version = version
        self._is_claimed = is_claimed
        self._is_own = is_own
        self._trusted = trust(config.ca, "cloud")
        self._peers: dict[str, Peer] = {}
        self._token: str | None = None
        self._backoff = Backoff()

    @property
    def peers(self) -> list[Peer]:
        """The subscriptions, in the cloud's order."""
        return list(self._peers.values())

    def peer(self, sensor: str) -> Peer | None:
        """The subscription of that sensor id."""
        return self._peers.get(sensor)

    async def run(self) -> None:
        """Hold the subscriptions until cancelled."""
        async with open_session(self._config, self._trusted, f"fluksod/{self._version}", limit=2) as session:
            while True:
                pause = ASK_EVERY
                if self._is_claimed():
                    try:
                        with failures_told(self._config.url):
                            pause = await self._hold(session)
                        self._backoff.succeeded()
                        self._tell(None)
                    except CloudError as error:
                        pause = self._backoff.failed(time.monotonic(), error.retry_after)
                        self._tell(str(error))
                else:
                    self._take([])
                    pause = 5.0
                await asyncio.sleep(pause)

    async def _hold(self, session: aiohttp.ClientSession) -> float:
        """Look at the subscriptions and listen to them; returns when to look again, in s."""
        if self._token is None:
            self._token = await self._ask_for_token(session)
            if self._token is None:  # a cloud that knows no peers
                self._take([])
                return 12 * ASK_EVERY
        answered = await self._get(session, "/api/v2/subscriptions")
        if answered.status == 401:
            self._token = None
            return 1.0
        if answered.status != 200:
            raise _unexpected(answered)
        self._take(_subscriptions(answered.body))
        self._tell(None)
        if not self._peers:
            return ASK_EVERY
        await self._listen(session)
        return 1.0

    async def _ask_for_token(self, session: aiohttp.ClientSession) -> str | None:
        body = json.dumps({"time": int(time.time())}).encode()
        path, key = f"/device/{self._identity.device}/token", self._identity.key
        answered = await post_signed(session, self._config.url, path, key, body)
        if answered.status in (404, 405):
            return None
        if answered.status != 200:
            raise _unexpected(answered)
        if not digest_is_right(key, answered.body, answered.digest):
            raise CloudError("refused", "the answer with the token is not signed with our key; it is discarded")
        token = _members(answered.body).get("token")
        if not isinstance(token, str) or not is_id(token):
            raise CloudError("refused", "the cloud's answer holds no token")
        return token

    async def _get(self, session: aiohttp.ClientSession, path: str) -> Answered:
        async with session.get(self._config.url + path, headers=self._headers(), allow_redirects=False) as response:
            return await read_answer(response)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Take readings until the cloud ends the stream, as it does when a subscription changes."""
        query = [("sensor", sensor) for sensor in self._peers]
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE)
        url = self._config.url + "/api/v2/live"
        sent = session.get(url, params=query, headers=self._headers(), timeout=timeout, allow_redirects=False)
        async with sent as response:
            if response.status == 401:
                return
            if response.status != 200:
                raise _unexpected(await read_answer(response))
            reader = EventReader("reading")
            async for piece in response.content.iter_any():
                try:
                    events = reader.feed(piece)
                except ValueError as error:
                    raise CloudError("unreachable", f"the cloud's stream cannot be read: {error}") from error
                for event in events:
                    self._take_event(event)

    def _headers(self) -> dict[str, str]:
        return {} if self._token is None else {"X-Token": self._token}

    def _take(self, members: list[Any]) -> None:
        """Make the store hold exactly these subscriptions; what is no sensor that we know is left out."""
        found = [peer for peer in map(_peer, members[:MOST_PEERS]) if peer is not None]
        self._peers = {peer.sensor.id: peer for peer in found if not self._is_own(peer.sensor.id)}
        for sensor in [known for known in self._store.streams if known not in self._peers]:
            self._store.drop_sensor(sensor)
        for peer in self._peers.values():
            stream = self._store.streams.get(peer.sensor.id)
            if stream is None or stream.sensor != peer.sensor:
                self._store.put_sensor(peer.sensor)
        for item in members[:MOST_PEERS]:
            if isinstance(item, dict):
                measurement, gauge = item.get("measurement") or {}, item.get("gauge") or {}
                times = [value["time"] for value in (measurement, gauge) if isinstance(value.get("time"), int)]
                if times:
                    self._put(item.get("sensor"), max(times), measurement.get("counter"), gauge.get("value"))

    def _take_event(self, data: str) -> None:
        members = _members(data.encode())
        self._put(members.get("sensor"), members.get("time"), members.get("counter"), members.get("gauge"))

    def _put(self, sensor: Any, at: Any, counter: Any, gauge: Any) -> None:
        """Take what is newer than what we have; a value that is missing stays as it was."""
        stream = self._store.streams.get(sensor) if isinstance(sensor, str) else None
        if stream is None or type(at) is not int:
            return
        before = stream.reading
        if before is not None and at < before.time:
            return
        counter = counter if type(counter) is int else None
        gauge = float(gauge) if isinstance(gauge, int | float) and not isinstance(gauge, bool) else None
        if before is not None:
            counter = before.counter if counter is None else counter
            gauge = before.gauge if gauge is None else gauge
        reading = Reading(stream.sensor.id, at, counter, gauge, measured=False)
        if reading != before:
            self._store.put(reading)

    def _tell(self, error: str | None) -> None:
        if error is not None and error != self.state.error:
            _LOG.warning("peers: %s", error)
        self.state.error = error


def _subscriptions(body: bytes) -> list[Any]:
    found = _members(body).get("subscriptions")
    if not isinstance(found, list):
        raise CloudError("unreachable", "the cloud's list of subscriptions cannot be read")
    return found


def _peer(members: Any) -> Peer | None:
    if not isinstance(members, dict):
        return None
    sensor, name, owner, resolution = (members.get(key) for key in ("sensor", "name", "owner", "resolution"))
    if not all(isinstance(text, str) for text in (sensor, name, owner, resolution)) or not is_id(str(sensor)):
        return None
    if members.get("type") not in [kind.value for kind in SensorType]:
        return None
    shown = f"{name} ({owner})" if name else str(owner)
    kind = SensorType(members["type"])
    return Peer(Sensor(str(sensor), shown[:64], kind, SensorClass.PEER), str(owner), str(resolution))


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    return members if isinstance(members, dict) else {}


def _unexpected(answered: Answered) -> CloudError:
    return CloudError("unreachable", f"the cloud answered {answered.reason} about peers", answered.retry_after)
