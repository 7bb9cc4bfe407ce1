"""The firmware of a Fluksometer's boards, where they are wired so that fluksod can write it."""

import asyncio
from typing import Any, Final, override

from homeassistant.components.update import UpdateDeviceClass, UpdateEntity, UpdateEntityFeature
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .client import FluksoError, FluksometerV2, FluksoRefusedError, FluksoTokenError, UpdatableBoard
from .const import DOMAIN
from .coordinator import FluksoConfigEntry, FluksoCoordinator
from .firmware import FAILED, UPDATING, FirmwareCoordinator
from .links import UNNAMED

PARALLEL_UPDATES = 1

PATIENCE: Final = 900.0
"""Seconds until the end of an update is no longer waited for: fluksod gives each of its few steps three minutes."""

_SHOWN: Final = 12
"""Digits of a SHA-256 that are shown as the version: images have no other."""


async def async_setup_entry(
    hass: HomeAssistant, entry: FluksoConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entity for each board that can be updated."""
    coordinator = entry.runtime_data
    if not isinstance(coordinator.client, FluksometerV2):
        return
    firmware = FirmwareCoordinator(hass, entry, coordinator.client)
    added: set[str] = set()

    @callback
    def follow() -> None:
        """Add those that are new."""
        boards = () if firmware.data is None else firmware.data.boards
        new = [board for board in boards if board.name not in added]
        added.update(board.name for board in new)
        async_add_entities(FluksoFirmware(coordinator, firmware, board.name) for board in new)

    await firmware.async_refresh()
    follow()
    entry.async_on_unload(firmware.async_add_listener(follow))


class FluksoFirmware(CoordinatorEntity[FirmwareCoordinator], UpdateEntity):
    """The firmware of one board."""

    _attr_has_entity_name = True
    _attr_device_class = UpdateDeviceClass.FIRMWARE
    _attr_supported_features = UpdateEntityFeature.INSTALL | UpdateEntityFeature.PROGRESS

    def __init__(self, hub: FluksoCoordinator, coordinator: FirmwareCoordinator, board: str) -> None:
        """Show the firmware of the board with this name."""
        super().__init__(coordinator)
        self._board = board
        self._attr_unique_id = f"{hub.device_id}_board_{board}_firmware"
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, hub.device_id)})
        self._attr_translation_key = "board" if board == UNNAMED else "named_board"
        if board != UNNAMED:
            self._attr_translation_placeholders = {"name": board}

    @property
    def _told(self) -> UpdatableBoard | None:
        return next((board for board in self.coordinator.data.boards if board.name == self._board), None)

    @property
    @override
    def available(self) -> bool:
        """Tell whether the Fluksometer still has the board."""
        return super().available and self._told is not None

    @property
    @override
    def title(self) -> str | None:
        """Return which board the firmware is for."""
        return None if (board := self._told) is None else f"Flukso board {board.model}"

    @property
    @override
    def installed_version(self) -> str | None:
        """Return what was written last; None when nobody knows what runs there."""
        return None if (board := self._told) is None or board.written is None else board.written[:_SHOWN]

    @property
    @override
    def latest_version(self) -> str | None:
        """Return what would be written, or what runs there when nothing is offered."""
        board = self._told
        return self.installed_version if board is None or board.offered is None else board.offered[:_SHOWN]

    @property
    @override
    def in_progress(self) -> bool:
        """Tell whether it is being written."""
        firmware = self.coordinator.data
        return firmware.state == UPDATING and firmware.board == self._board

    @property
    @override
    def update_percentage(self) -> int | None:
        """Return how far it is."""
        return self.coordinator.data.percent if self.in_progress else None

    @override
    def version_is_newer(self, latest_version: str, installed_version: str) -> bool:
        """Take each other image for a newer one: digests have no order, and fluksod ships the one it wants."""
        return latest_version != installed_version

    @override
    async def async_install(self, version: str | None, backup: bool, **kwargs: Any) -> None:
        """Write the firmware that is offered, and wait for the end."""
        try:
            await self.coordinator.async_begin(self._board)
        except FluksoTokenError as error:
            self.coordinator.config_entry.async_start_reauth(self.hass)
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="token_needed") from error
        except FluksoRefusedError as error:
            raise self._failed(str(error)) from error
        except FluksoError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="cannot_connect",
                translation_placeholders={"error": str(error)},
            ) from error
        ended = asyncio.Event()

        @callback
        def look() -> None:
            if self.coordinator.last_update_success and not self.in_progress:
                ended.set()

        stop = self.coordinator.async_add_listener(look)
        try:
            look()
            async with asyncio.timeout(PATIENCE):
                await ended.wait()
        except TimeoutError as error:
            raise self._failed("it did not end") from error
        finally:
            stop()
        if self.coordinator.data.state == FAILED:
            raise self._failed(self.coordinator.data.error or "")

    def _failed(self, error: str) -> HomeAssistantError:
        return HomeAssistantError(
            translation_domain=DOMAIN, translation_key="update_failed", translation_placeholders={"error": error}
        )
