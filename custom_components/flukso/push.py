"""Feeds a Fluksometer's pushed readings to its coordinator. Losing them costs nothing: the poll goes on."""

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .client import FluksoError, Pushing, ReadingStream
from .const import LOGGER

if TYPE_CHECKING:
    from .coordinator import FluksoCoordinator


class Push:
    """The stream of one Fluksometer and how it goes."""

    def __init__(self, coordinator: FluksoCoordinator, client: Pushing) -> None:
        """Feed this coordinator from this client."""
        self._coordinator = coordinator
        self._stream = ReadingStream(
            client, on_open=self._opened, on_reading=coordinator.async_take_pushed, on_lost=self._lost
        )
        self.connected = False
        self.times_opened = 0
        self.last_loss: str | None = None

    @callback
    def start(self) -> None:
        """Follow the stream until the entry is unloaded."""
        self._coordinator.config_entry.async_create_background_task(
            self._coordinator.hass, self._stream.run(), f"{self._coordinator.name} push"
        )

    @callback
    def retry_now(self) -> None:
        """Do not wait any longer with the next attempt: the Fluksometer is back."""
        self._stream.retry_now()

    def _opened(self) -> None:
        self.connected = True
        self.times_opened += 1
        LOGGER.debug("%s pushes its readings", self._coordinator.name)

    def _lost(self, reason: FluksoError) -> None:
        if self.connected or self.last_loss is None:
            LOGGER.debug("%s no longer pushes its readings: %s", self._coordinator.name, reason)
        self.connected = False
        self.last_loss = str(reason)
