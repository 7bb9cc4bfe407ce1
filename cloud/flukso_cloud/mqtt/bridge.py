"""What devices publish at the cloud's broker, taken in: blocks, configurations, and the question what is missing.

The broker has seen to it that a device only writes for its own sensors. Nothing is acknowledged to a device: it sends a
block once when it is cut, and once more inside each larger one, so that what is lost here comes again by itself.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiomqtt
import msgspec

from flukso_cloud.blocks import Blocks
from flukso_cloud.clock import unix_now
from flukso_cloud.ids import is_id
from flukso_cloud.store import Store, StoreUnavailableError
from flukso_cloud.tmpo import BlockError, Place
from flukso_cloud.upload import MalformedError, read_config

from .broker_files import CLOUD

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
AT_ONCE = 32
"""Messages that are taken in together, and so committed together: devices cut their blocks in the same seconds."""
MOST_WAITING = 20_000
"""Messages: the newest blocks of so many sensors, 1 kB each. What comes beside them is lost, and comes again."""
_BLOCK = re.compile(r"/sensor/([^/]+)/tmpo/([0-9]{1,10})/([0-9]{1,2})/([0-9]{1,10})/gz")
_ASKED = re.compile(r"/device/([^/]+)/tmpo/sync")
_CONFIG = re.compile(r"/device/([^/]+)/config/sensor")
_TOPICS = ("/sensor/+/tmpo/+/+/+/gz", "/device/+/tmpo/sync", "/device/+/config/sensor")
_NONE = Place(0, 0, 0)


class Bridge:
    """Listens at the broker whose socket is `socket`, as the user who may hear everything."""

    def __init__(self, store: Store, blocks: Blocks, socket: Path, password: str) -> None:
        self._store = store
        self._blocks = blocks
        self._socket = socket
        self._password = password
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take in what comes until cancelled; come back when the connection is lost."""
        while True:
            try:
                async with aiomqtt.Client(
                    str(self._socket),
                    transport="unix",
                    username=CLOUD,
                    password=self._password,
                    identifier="flukso-cloud",
                    max_queued_incoming_messages=MOST_WAITING,
                ) as client:
                    for topic in _TOPICS:
                        await client.subscribe(topic, qos=1)
                    log.info("listening for tmpo blocks")
                    async for message in client.messages:
                        await self._places.acquire()
                        task = asyncio.create_task(self._take(client, message))
                        self._tasks.add(task)
                        task.add_done_callback(self._done)
            except aiomqtt.MqttError as error:
                log.warning("the broker is not there (%s); trying again", error)
                await asyncio.sleep(RETRY_SECONDS)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._places.release()

    async def _take(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        topic, payload = message.topic.value, message.payload
        if not isinstance(payload, bytes):
            return
        try:
            if found := _BLOCK.fullmatch(topic):
                await self._take_block(found[1], Place(*map(int, found.groups()[1:])), payload)
            elif found := _ASKED.fullmatch(topic):
                await self._answer(client, topic, found[1])
            elif found := _CONFIG.fullmatch(topic):
                await self._take_config(found[1], payload)
        except (BlockError, MalformedError) as error:
            log.warning("refused %s: %s", topic, error)
        except StoreUnavailableError as error:
            log.error("cannot store %s: %s", topic, error)  # noqa: TRY400 - where it happened is no news
        except Exception as error:  # noqa: BLE001 - the last line of defence
            # its message may quote the payload; whoever sent it must not stop the blocks of others
            log.error("%s at %s", type(error).__name__, topic)  # noqa: TRY400

    async def _take_block(self, sensor_id: str, place: Place, data: bytes) -> None:
        sensor = await self._store.sensor(sensor_id) if is_id(sensor_id) else None
        if sensor is not None:
            await self._blocks.take(sensor, place, data, unix_now())

    async def _answer(self, client: aiomqtt.Client, topic: str, device_id: str) -> None:
        """Tell a device that asks at `topic` the last block here of each enabled sensor, zeros where there is none."""
        told: list[dict[str, Any]] = []
        for sensor in await self._store.sensors_of(device_id):
            if sensor.enabled:
                place = await self._store.last_block(sensor.number) or _NONE
                told.append({"sid": sensor.id, **place._asdict()})
        if told:
            await client.publish(f"/d{topic}", msgspec.json.encode(told))

    async def _take_config(self, device_id: str, payload: bytes) -> None:
        """Note the configuration of those sensors of a device that are registered (section 3.4)."""
        try:
            sections: Any = msgspec.json.decode(payload)
        except (msgspec.DecodeError, RecursionError, ValueError):
            raise MalformedError("the configuration is no JSON") from None
        if not isinstance(sections, Mapping):
            raise MalformedError("the configuration is an object")
        mine = {sensor.id: sensor for sensor in await self._store.sensors_of(device_id)}
        for section in sections.values():
            name = section.get("id") if isinstance(section, dict) else None
            if isinstance(name, str) and name in mine and "enable" in section:
                await self._store.configure(mine[name].number, read_config(section, unix_now()))
