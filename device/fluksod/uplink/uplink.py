"""Brings everything to the cloud: registers, sends heartbeats, uploads what is pending, and knows how it stands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fluksod.config import CloudConfig
from fluksod.config.boards import BoardModel
from fluksod.firmware.images import Image
from fluksod.identity import Identity
from fluksod.meter.metering import Reading
from fluksod.sensor import Sensor
from fluksod.state_file import write_state
from fluksod.store import Store, Stream
from fluksod.store.archive import Archive
from fluksod.trust import trust
from fluksod.uplink.backoff import Backoff
from fluksod.uplink.connection import Answered, CloudConnection, CloudError
from fluksod.uplink.heartbeat import Answer, AnswerError, heartbeat_body, memory_members, parse_answer, wire_version
from fluksod.uplink.offers import OfferError, offered, question
from fluksod.uplink.pending import Batch, Pending
from fluksod.uplink.signature import digest_is_right

_LOG = logging.getLogger(__name__)

HEARTBEAT_EVERY = 3600.0
HEARTBEAT_UNCLAIMED = 30.0
"""Seconds between heartbeats until somebody has claimed the device: its owner waits for the page to say so."""
OFFERS_EVERY = 86400.0
CLOCK_TOLERANCE = 60
"""Seconds by which our clock may differ from the cloud's before it is logged."""


@dataclass(slots=True)
class UplinkState:
    """How the uplink stands, for /api/v2/device; see docs/protocol.md for the words of `state`."""

    state: str = "connecting"
    error: str | None = None
    last_upload: int | None = None


class TakesFirmware(Protocol):
    """Where firmware from the cloud goes."""

    def written(self) -> dict[BoardModel, str | None]:
        """The models of the boards that can be updated, with the SHA-256 of what was written to them last."""

    def take(self, model: BoardModel, image: Image) -> None:
        """Begin to write an image to the boards of a model."""


class Uplink:
    """Uploads what `archive` keeps as `identity` to the cloud of `config`; gauges come from `store` as they are shown.

    `registered_file` remembers which cloud has our key, so that it is sent only once. `address` tells where the local
    API can be reached, for the heartbeat. `version` is the software's. `firmware` is where images from the cloud go if
    the owner allows that. Raises `ConfigError` when `ca` is unreadable.
    """

    def __init__(
        self,
        config: CloudConfig,
        identity: Identity,
        store: Store,
        archive: Archive,
        *,
        version: str,
        registered_file: Path,
        address: Callable[[], tuple[str | None, int]],
        firmware: TakesFirmware | None = None,
    ) -> None:
        self.state = UplinkState()
        self._config = config
        self._identity = identity
        self._store = store
        self._archive = archive
        self._version = version
        self._registered_file = registered_file
        self._address = address
        self._firmware = firmware
        self._next_offer = 0.0
        self._send_key = _registered_at(registered_file) != config.url
        self._trusted = trust(config.ca, "cloud")
        self._connection: CloudConnection | None = None
        self._pending: dict[str, Pending] = {}
        self._backoff = Backoff()
        self._heartbeat_backoff = Backoff()
        self._heartbeat_error: CloudError | None = None
        self._answer: Answer | None = None
        self._known: set[Sensor] = set()
        self._next_heartbeat = 0.0
        self._wake = asyncio.Event()
        store.on_reading(self._take_reading)
        store.on_sensor(lambda _sensor: self._wake.set())

    @property
    def claimed(self) -> bool | None:
        """Whether somebody has claimed the device at the cloud; None while unknown."""
        return None if self._answer is None else self._answer.claimed

    @property
    def pending(self) -> int:
        """How many measurements the cloud has not acknowledged."""
        return sum(len(pending) for pending in self._pending.values())

    async def run(self) -> None:
        """Upload until cancelled."""
        if self._connection is not None:
            await self._connection.close()
        self._connection = CloudConnection(self._config, self._trusted, self._identity.key, f"fluksod/{self._version}")
        next_upload = time.monotonic()
        while True:
            self._wake.clear()
            now = time.monotonic()
            if now >= self._backoff.until:
                try:
                    if now >= self._next_heartbeat or self._news_to_register(now):
                        await self._heartbeat_or_later(self._connection)
                    if now >= next_upload:
                        late = now - next_upload > self._config.interval
                        next_upload = (now if late else next_upload) + self._config.interval
                        await self._upload_all(self._connection)
                        await self._upload_backlog(self._connection, next_upload)
                except CloudError as error:
                    self._trouble(error, self._backoff.failed(time.monotonic(), error.retry_after))
                for pending in list(self._pending.values()):
                    await pending.count()
            wait_until = max(self._backoff.until, min(next_upload, self._next_heartbeat))
            try:
                async with asyncio.timeout(max(wait_until - time.monotonic(), 0.05)):
                    await self._wake.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(0.2)  # the board names its sensors one after the other: register them together

    async def close(self, patience: float) -> None:
        """Upload what is pending for at most `patience` seconds, then close the connection."""
        if self._connection is None:
            return
        try:
            async with asyncio.timeout(patience):
                if self.pending and self.state.state == "connected":
                    await self._upload_all(self._connection)
        except (TimeoutError, CloudError) as error:
            _LOG.warning("%d measurements were not uploaded any more: %s", self.pending, str(error) or "no time left")
        finally:
            await self._connection.close()

    def _take_reading(self, stream: Stream, reading: Reading) -> None:
        pending = self._of(stream.sensor)
        if reading.gauge is not None:
            pending.put_gauge(reading.time if reading.measured else int(time.time()), round(reading.gauge, 3))

    def _of(self, sensor: Sensor) -> Pending:
        pending = self._pending.get(sensor.id)
        if pending is None:
            pending = self._pending[sensor.id] = Pending(self._archive, sensor.id, thinning=self._config.thinning)
        return pending

    def _news_to_register(self, now: float) -> bool:
        if now < self._heartbeat_backoff.until:
            return False
        return any(stream.sensor not in self._known for stream in self._store.streams.values())

    async def _heartbeat_or_later(self, connection: CloudConnection) -> None:
        """Send a heartbeat. Once registered, a refused one is tried again later and does not keep uploads back."""
        try:
            await self._heartbeat(connection)
        except _AnsweredError as error:
            if self._answer is None:
                raise
            self._heartbeat_error = error
            delay = self._heartbeat_backoff.failed(time.monotonic(), error.retry_after)
            self._next_heartbeat = time.monotonic() + delay
            self._trouble(error, delay)

    async def _heartbeat(self, connection: CloudConnection) -> None:
        sensors = [stream.sensor for stream in self._store.streams.values()]
        address, port = self._address()
        body = heartbeat_body(
            key=self._identity.key if self._send_key else None,
            sensors=sensors,
            reset=self._answer is None,
            version=wire_version(self._version),
            time=int(time.time()),
            uptime=int(time.clock_gettime(time.CLOCK_BOOTTIME)),
            memory=memory_members(),
            address=address,
            port=port,
        )
        answered = await connection.post(f"/device/{self._identity.device}", body)
        if answered.status == 401 and not self._send_key:
            self._send_key = True  # the cloud does not know us any more: register again
        if answered.status != 200:
            raise _refusal(answered, "this device")
        if not digest_is_right(self._identity.key, answered.body, answered.digest):
            raise _AnsweredError("refused", "the heartbeat's answer is not signed with our key; it is discarded")
        try:
            answer = parse_answer(answered.body)
        except AnswerError as error:
            raise _AnsweredError("refused", str(error)) from error
        if self._send_key:  # another cloud, or one that has forgotten us: it gets all there is
            await self._archive.forget_cursors()
        self._accept(answer, sensors)
        if self._firmware is not None and time.monotonic() >= self._next_offer:
            self._next_offer = time.monotonic() + OFFERS_EVERY
            await self._ask_for_firmware(connection, self._firmware)

    async def _ask_for_firmware(self, connection: CloudConnection, firmware: TakesFirmware) -> None:
        """Take what the cloud offers for our boards; what is wrong with an offer is told and changes nothing."""
        written = firmware.written()
        if not written:
            return
        asked = int(time.time())
        answered = await connection.post(f"/device/{self._identity.device}/firmware", question(written, asked))
        if answered.status != 200:
            return  # a cloud that offers none
        try:
            images = offered(self._identity.key, answered.body, answered.digest, asked, written, self._config.url)
        except OfferError as error:
            _LOG.warning("%s", error)
            return
        for model, image in images.items():
            firmware.take(model, image)

    def _accept(self, answer: Answer, sensors: list[Sensor]) -> None:
        if self._send_key:
            self._send_key = False
            _LOG.info("registered at %s", self._config.url)
            try:
                write_state(self._registered_file, self._config.url + "\n")
            except OSError as error:
                _LOG.warning("%s cannot be written: %s; we register again next time", self._registered_file, error)
        if answer.upgrade > wire_version(self._version):
            _LOG.info("the cloud offers software %d; fluksod is updated by its package only", answer.upgrade)
        if answer.timestamp is not None and abs(answer.timestamp - time.time()) > CLOCK_TOLERANCE:
            _LOG.warning("this machine's clock differs from the cloud's by %+d s", time.time() - answer.timestamp)
        for sensor in sensors:
            if sensor.id in answer.refused and (self._answer is None or sensor.id not in self._answer.refused):
                _LOG.warning("the cloud refuses %s (%s): it belongs to another device", sensor.id, sensor.name)
        self._answer = answer
        self._known = set(sensors)
        waits_for_owner = answer.claimed is False  # None: a cloud that does not tell
        self._next_heartbeat = time.monotonic() + (HEARTBEAT_UNCLAIMED if waits_for_owner else HEARTBEAT_EVERY)
        self._heartbeat_backoff.succeeded()
        self._heartbeat_error = None
        self._connected()

    async def _upload_all(self, connection: CloudConnection) -> None:
        failure: CloudError | None = self._heartbeat_error
        asked = False
        for sensor, pending in self._uploadable():
            if time.monotonic() >= pending.backoff.until:
                with self._noting_refusal(pending):
                    asked |= await self._upload_live(connection, sensor, pending)
            failure = failure or pending.error
        if failure is not None:
            self._trouble(failure, None)
        elif asked:
            self._connected()

    async def _upload_backlog(self, connection: CloudConnection, until: float) -> None:
        """Upload backlogs, the sensors in turn, until `until` (monotonic seconds), when what is live is due again."""
        waiting = [(sensor, pending) for sensor, pending in self._uploadable() if pending.has_backlog]
        while waiting and time.monotonic() < until:
            for sensor, pending in list(waiting):
                more = False
                if time.monotonic() >= pending.backoff.until:
                    with self._noting_refusal(pending):
                        batch = await pending.backlog()
                        more = batch is not None and await self._post(connection, sensor, pending, batch, None)
                if not more:
                    waiting.remove((sensor, pending))
                if time.monotonic() >= until:
                    break

    def _uploadable(self) -> list[tuple[Sensor, Pending]]:
        if self._answer is None:
            return []
        sensors = [stream.sensor for stream in self._store.streams.values()]
        return [
            (sensor, self._of(sensor))
            for sensor in sensors
            if sensor in self._known and sensor.id not in self._answer.refused
        ]

    @contextlib.contextmanager
    def _noting_refusal(self, pending: Pending) -> Iterator[None]:
        """A refusal of one sensor does not keep the others back."""
        try:
            yield
        except _AnsweredError as error:
            pending.error = error
            pending.backoff.failed(time.monotonic(), self._config.interval)

    async def _upload_live(self, connection: CloudConnection, sensor: Sensor, pending: Pending) -> bool:
        """Upload what is newest of one sensor; False when there was nothing."""
        gauge = pending.gauge if self._answer is not None and self._answer.live else None
        asked = False
        while True:
            batch = await pending.live()
            if batch is None and gauge is None:
                return asked
            asked = True
            if await self._post(connection, sensor, pending, batch, gauge):
                gauge = None
                if pending.has_backlog:
                    return asked

    async def _post(
        self,
        connection: CloudConnection,
        sensor: Sensor,
        pending: Pending,
        batch: Batch | None,
        gauge: tuple[int, float] | None,
    ) -> bool:
        """Send a batch and a gauge; False when they were too large and go again in halves. Raises `CloudError`."""
        members: dict[str, list[tuple[int, float]] | list[tuple[int, int]]] = {
            "measurements": [] if batch is None else batch.on_the_wire()
        }
        if gauge is not None:
            members["gauges"] = [gauge]
        answered = await connection.post(f"/sensor/{sensor.id}", _json(members))
        if answered.status != 200:  # only this is an acknowledgement (trap 4)
            self._handle_refusal(answered, sensor, pending)
            return False
        if gauge is not None:
            pending.gauge_is_told(gauge)
        pending.error = None
        if batch is not None:
            pending.acknowledge(batch)
            self.state.last_upload = int(time.time())
        return True

    def _handle_refusal(self, answered: Answered, sensor: Sensor, pending: Pending) -> None:
        if answered.status == 413 and pending.batch > 1:
            pending.batch //= 2
            return
        error = _refusal(answered, f"sensor {sensor.name} ({sensor.id})")
        if answered.status in (429, 503):
            raise CloudError(error.trouble, str(error), error.retry_after)  # it is busy: leave it alone altogether
        if answered.status == 401:
            self._next_heartbeat = min(self._next_heartbeat, time.monotonic() + 1.0)
        raise error

    def _connected(self) -> None:
        if self.state.state != "connected":
            _LOG.info("connected to the cloud at %s, %d measurements pending", self._config.url, self.pending)
        self.state.state = "connected"
        self.state.error = self._refused_sensors()
        self._backoff.succeeded()

    def _refused_sensors(self) -> str | None:
        refused = self._answer.refused if self._answer is not None else frozenset()
        names = [stream.sensor.name for stream in self._store.streams.values() if stream.sensor.id in refused]
        return f"belongs to another device at the cloud and is not uploaded: {', '.join(names)}" if names else None

    def _trouble(self, error: CloudError, delay: float | None) -> None:
        if (self.state.state, self.state.error) != (error.trouble, str(error)):
            again = "" if delay is None else f"; trying again in {delay:.0f} s, nothing is lost meanwhile"
            _LOG.warning("cloud %s: %s%s", error.trouble, error, again)
        self.state.state = error.trouble
        self.state.error = str(error)


class _AnsweredError(CloudError):
    """The cloud answered, but not as it should; other requests may do better."""


def _refusal(answered: Answered, what: str) -> _AnsweredError:
    if answered.status >= 500 or answered.status == 429:
        reason = f"the cloud could not take {what}: it answered {answered.reason}"
        return _AnsweredError("unreachable", reason, answered.retry_after)
    return _AnsweredError("refused", f"the cloud refused {what}: it answered {answered.reason}", answered.retry_after)


def _json(members: object) -> bytes:
    return json.dumps(members, separators=(",", ":")).encode()


def _registered_at(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
