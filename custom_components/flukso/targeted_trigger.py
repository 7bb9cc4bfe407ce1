"""What triggers with a target have in common: their configuration, validated by a schema of their own."""

from typing import ClassVar, cast, override

import probatio
from homeassistant.core import HomeAssistant
from homeassistant.helpers.trigger import Trigger, TriggerConfig
from homeassistant.helpers.typing import ConfigType


class TargetedTrigger(Trigger):
    """A trigger that watches its target's entities."""

    schema: ClassVar[probatio.Schema]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate target and options."""
        return cast(ConfigType, cls.schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Watch the target of a validated configuration."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._options = config.options or {}
