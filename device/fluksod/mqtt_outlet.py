"""The broker of the configuration as an outlet of the daemon: all that is published there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any

from fluksod.config import Config, MqttConfig
from fluksod.identity import Identity
from fluksod.mqtt.broker import Broker
from fluksod.mqtt.home_assistant import DeviceFacts, HomeAssistantDiscovery
from fluksod.mqtt.sensor_topics import SensorTopics
from fluksod.mqtt.tmpo_topics import TmpoTopics
from fluksod.store import Store
from fluksod.tmpo.blocks import Blocks
from fluksod.url import http_url


class MqttOutlet:
    """Publishes the readings of `store`, the tmpo `blocks` and, where it is wanted, what Home Assistant looks for.

    `address` tells where the local API is now. Raises `ConfigError` when the authority's certificate cannot be read.
    """

    def __init__(
        self,
        config: Config,
        mqtt: MqttConfig,
        identity: Identity,
        store: Store,
        blocks: Blocks,
        address: Callable[[], tuple[str | None, int]],
    ) -> None:
        device, cloud = identity.device, config.cloud
        self._config = mqtt
        self._broker = Broker(mqtt, identity.hostname, f"/device/{device}/availability")
        self._tmpo = TmpoTopics(self._broker, device, blocks)
        SensorTopics(self._broker, device, store, None if cloud is None else cloud.url)
        if mqtt.home_assistant:
            HomeAssistantDiscovery(self._broker, store, lambda: _facts(device, config.name, *address()))

    def parts(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What has to be kept running, by name for the log."""
        return {"MQTT": self._broker.run, "tmpo": self._tmpo.run}

    def describe(self) -> dict[str, Any]:
        """The member `mqtt` of /api/v2/device (docs/protocol.md)."""
        state = self._broker.state
        return {"host": self._config.host, "port": self._config.port, "state": state.state, "error": state.error}


def _facts(device: str, name: str, address: str | None, port: int) -> DeviceFacts:
    url = None if address is None else f"{http_url(address, port)}/"
    return DeviceFacts(device, name, version("fluksod"), url)
