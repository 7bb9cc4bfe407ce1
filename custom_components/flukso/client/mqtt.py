"""MQTT to the broker that runs on a Fluksometer itself (FLM02 since firmware 2.4.6, FLM03). Nothing is published."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Final

from aiomqtt import Client, Message, MqttError, ProtocolVersion

from .address import Address
from .errors import FluksoConnectionError, FluksoPayloadError
from .models import SensorReading, Snapshot
from .mqtt_connection import AIOMQTT_LOGGER, opened
from .mqtt_topics import FILTERS, MqttTopics

DEFAULT_MQTT_PORT: Final = 1883
"""The port of the broker, without user and password."""

ANSWER_SECONDS: Final = 5.0
"""What the broker is given for each answer."""

KEEPALIVE_SECONDS: Final = 10
"""A broker that is silent for twice as long is gone."""

LONGEST_QUEUE: Final = 10_000
"""Messages that wait to be read. An FLM03 publishes some 60 a second."""

_NO_TOPIC: Final = "/flukso/nothing"
"""Nobody subscribes to it: giving it up again makes the broker answer, after all that it had to send before."""

_LOGGER: Final = logging.getLogger(__name__)


class FluksometerMqtt:
    """A Fluksometer that publishes on its own broker.

    `device_id` tells which is meant; None takes whichever is alone on the broker. `name` is what its owner calls it: it
    does not know.
    """

    def __init__(self, address: Address, device_id: str | None = None, name: str = "") -> None:
        """Make a client for the broker at an address."""
        self.address = address
        self._topics = MqttTopics(device_id, name)
        self._stream: Client | None = None

    async def fetch(self) -> Snapshot:
        """Return what was published until now.

        While the stream of readings is open this only makes sure that the broker answers; else all that it retains is
        read. Raises FluksoConnectionError when it does not answer, and what MqttTopics.snapshot raises.
        """
        if (stream := self._stream) is not None:
            with _translated(self.address):
                await stream.unsubscribe(_NO_TOPIC)
        else:
            async with self._connected():
                pass
        return self._topics.snapshot(monotonic())

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[SensorReading]]:
        """Open the stream of readings: first one for each sensor, then one for every message.

        The iteration raises FluksoConnectionError when the connection breaks.
        """
        async with self._connected() as client:
            self._stream = client
            try:
                yield self._readings(client)
            finally:
                self._stream = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        """Connect, and take all that the broker retains."""
        self._topics.begin()
        # Trap 26: the broker of an FLM02 may know MQTT 3.1 only, and every newer one still does.
        client = Client(
            self.address.host,
            self.address.port,
            protocol=ProtocolVersion.V31,
            keepalive=KEEPALIVE_SECONDS,
            timeout=ANSWER_SECONDS,
            max_queued_incoming_messages=LONGEST_QUEUE,
            logger=AIOMQTT_LOGGER,
        )
        with _translated(self.address):
            async with opened(client):
                for topic in FILTERS:
                    await client.subscribe(topic)
                await client.unsubscribe(_NO_TOPIC)
                while len(client.messages):
                    self._take(await anext(client.messages))
                yield client

    async def _readings(self, client: Client) -> AsyncIterator[SensorReading]:
        for known in tuple(self._topics.readings(monotonic())):
            yield known
        async for message in client.messages:
            if (reading := self._take(message)) is not None:
                yield reading

    def _take(self, message: Message) -> SensorReading | None:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        try:
            return self._topics.take(message.topic.value, payload, monotonic(), retained=message.retain)
        except FluksoPayloadError as error:
            _LOGGER.debug("%s publishes on %s: %s", self.address, message.topic, error)
            return None


@contextmanager
def _translated(address: Address) -> Iterator[None]:
    try:
        yield
    except MqttError as error:
        raise FluksoConnectionError(f"{address}: {error or type(error).__name__}") from error
