"""Follows how the firmware of a Fluksometer's boards stands: seldom, and every second while one is written."""

from datetime import timedelta
from typing import Final, override

from homeassistant.core import HomeAssistant
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .client import Firmware, FluksoError, FluksometerV2, FluksoNotFoundError
from .const import DOMAIN, LOGGER
from .coordinator import FluksoConfigEntry

SELDOM: Final = timedelta(minutes=5)
"""What is offered changes when the daemon is updated."""

OFTEN: Final = timedelta(seconds=1)
"""Writing and verifying takes half a minute."""

UPDATING: Final = "updating"
FAILED: Final = "failed"


class FirmwareCoordinator(DataUpdateCoordinator[Firmware]):
    """How the firmware of the boards of one Fluksometer stands."""

    config_entry: FluksoConfigEntry

    def __init__(self, hass: HomeAssistant, entry: FluksoConfigEntry, client: FluksometerV2) -> None:
        """Follow the Fluksometer that the client reaches."""
        super().__init__(hass, LOGGER, config_entry=entry, name=f"{entry.title} firmware", update_interval=SELDOM)
        self._client = client

    async def async_begin(self, board: str) -> None:
        """Begin to write what is offered for a board, and follow it. Raises FluksoError."""
        self._take(await self._client.update_firmware(board))

    @override
    async def _async_update_data(self) -> Firmware:
        """Ask the Fluksometer."""
        try:
            firmware = await self._client.firmware()
        except FluksoNotFoundError:
            # A daemon that cannot do it.
            firmware = Firmware("idle", None, 0, None, ())
        except FluksoError as error:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="cannot_connect",
                translation_placeholders={"error": str(error)},
            ) from error
        self._follow(firmware)
        return firmware

    def _take(self, firmware: Firmware) -> None:
        self._follow(firmware)
        self.async_set_updated_data(firmware)

    def _follow(self, firmware: Firmware) -> None:
        self.update_interval = OFTEN if firmware.state == UPDATING else SELDOM
