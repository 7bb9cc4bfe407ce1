"""The connection to the user's broker: keeps retained topics told, delivers what comes, and comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from fluksod.config import MqttConfig
from fluksod.mqtt.retained import RetainedTopics
from fluksod.trust import trust

_LOG = logging.getLogger(__name__)

RETRY = 0.5
"""Seconds between attempts while the broker is away: it knows everything again within two seconds of being back."""
RETRY_REFUSED = 10.0
"""Seconds between attempts when the broker does not want us: somebody has to do something first."""
CONNECT = 5.0
"""Seconds that a connection may take."""
KEEP_ALIVE = 15
"""Seconds between signs of life; a broker that lost its power is missed after one and a half of them."""
WAITING = 4096
"""Messages for one time only that may wait in a broker's queue; the oldest goes first."""
RECEIVED = 100
"""Messages of the broker that may wait for us."""

ONLINE, OFFLINE = b"online", b"offline"


@dataclass(slots=True)
class BrokerState:
    """How the connection stands, for /api/v2/device; see docs/protocol.md for the words of `state`."""

    state: str = "connecting"
    error: str | None = None


class Broker:
    """Keeps a connection to the broker of `config` while `run` runs.

    `availability` is the retained topic that says "online", or "offline" once we are gone: the broker says that by
    itself when the connection breaks. Raises `ConfigError` when the authority's certificate cannot be read.
    """

    def __init__(self, config: MqttConfig, identifier: str, availability: str) -> None:
        self.state = BrokerState()
        self.availability = availability
        self._config = config
        self._identifier = identifier
        self._trusted = trust(config.ca, "mqtt") if config.tls else None
        self._retained = RetainedTopics()
        self._once: deque[tuple[str, Callable[[], bytes | None]]] = deque(maxlen=WAITING)
        self._handlers: dict[str, Callable[[bytes], None]] = {}
        self._on_connect: list[Callable[[], None]] = []
        self._news = asyncio.Event()

    def put(self, topic: str, payload: bytes) -> None:
        """Keep the broker told, now and whenever it comes back, that the newest payload of `topic` is this."""
        if self._retained.put(topic, payload):
            self._news.set()

    def send(self, topic: str, content: Callable[[], bytes | None]) -> None:
        """Send a message that is not retained, when its turn comes; nothing where `content` is None by then.

        It is dropped while there is no connection.
        """
        if self.state.state == "connected":
            self._once.append((topic, content))
            self._news.set()

    def subscribe(self, topic: str, handler: Callable[[bytes], None]) -> None:
        """Hand each payload that comes on `topic` to `handler`. To be called before `run`."""
        self._handlers[topic] = handler

    def on_connect(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever a connection is made."""
        self._on_connect.append(listener)

    def tell_all_again(self) -> None:
        """Publish every retained topic again."""
        self._retained.all_anew()
        self._news.set()

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say that we are gone."""
        while True:
            try:
                await self._converse()
            except (aiomqtt.MqttError, OSError) as error:
                state, reason = _why(error, self._config)
                self._trouble(state, reason)
            finally:
                self._once.clear()
            await asyncio.sleep(RETRY_REFUSED if self.state.state == "refused" else RETRY)

    async def _converse(self) -> None:
        """Connect and stay connected for as long as it lasts. Raises `MqttError` or `OSError` when it ends."""
        config = self._config
        client = aiomqtt.Client(
            config.host,
            config.port,
            username=config.username,
            password=config.password,
            identifier=self._identifier,
            will=aiomqtt.Will(self.availability, OFFLINE, retain=True),
            keepalive=KEEP_ALIVE,
            timeout=CONNECT,
            tls_context=self._trusted,
            max_queued_incoming_messages=RECEIVED,
        )
        await _reach(config.host, config.port)
        async with client:
            await self._serve(client)

    async def _serve(self, client: aiomqtt.Client) -> None:
        if self._handlers:
            await client.subscribe([(topic, 0) for topic in self._handlers])
        if self.state.state != "connected":
            _LOG.info("connected to the broker at %s:%d", self._config.host, self._config.port)
        self.state.state, self.state.error = "connected", None
        self._retained.all_anew()
        self._news.set()
        for listener in self._on_connect:
            listener()
        try:
            await client.publish(self.availability, ONLINE, retain=True)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(client))
                tasks.create_task(self._tell(client))
        except ExceptionGroup as group:  # our own faults first, they say more than a connection that broke
            raise min(group.exceptions, key=lambda error: isinstance(error, aiomqtt.MqttError)) from None
        except asyncio.CancelledError:
            with contextlib.suppress(aiomqtt.MqttError):
                await client.publish(self.availability, OFFLINE, retain=True)
            raise

    async def _tell(self, client: aiomqtt.Client) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while (newest := self._retained.take()) is not None:
                await client.publish(*newest, retain=True)
            while self._once:
                topic, content = self._once.popleft()
                if (payload := content()) is not None:
                    await client.publish(topic, payload)

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            handler = self._handlers.get(message.topic.value)
            if handler is not None and isinstance(message.payload, bytes):
                handler(message.payload)

    def _trouble(self, state: str, reason: str) -> None:
        if (self.state.state, self.state.error) != (state, reason):
            _LOG.warning("broker %s: %s; it is told everything when it is back", state, reason)
        self.state.state, self.state.error = state, reason


async def _reach(host: str, port: int) -> None:
    """See whether anybody listens there; the client connects in a thread, which cannot be stopped while it waits."""
    try:
        async with asyncio.timeout(CONNECT):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise OSError("it does not answer") from None
    writer.close()


def _why(error: Exception, config: MqttConfig) -> tuple[str, str]:
    """The word for `state` and what is wrong, with what to do about it."""
    if isinstance(error, MqttConnectError):
        return "refused", f"it answers {error}; correct username and password in [mqtt]"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "refused", f"its certificate is not trusted: {error}; correct host or ca in [mqtt]"
    return "unreachable", f"{config.host}:{config.port}: {error}"
