"""Condition: water or gas has been flowing for long without a stop, as from a leak."""

from datetime import timedelta
from typing import Unpack, cast, override

from homeassistant.const import CONF_FOR
from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import Condition, ConditionCheckParams, ConditionConfig
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .flow_tracker import FLOW_SCHEMA, FlowTracker


class FlowIsContinuousCondition(Condition):
    """Holds while at least one targeted meter is in such a run."""

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate target and options."""
        return cast(ConfigType, FLOW_SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Watch the meters of a validated configuration."""
        super().__init__(hass, config)
        options = config.options or {}
        self._lasting: timedelta = options[CONF_FOR]
        self._tracker = FlowTracker(hass, config.target or {}, options)

    @override
    async def _async_setup(self) -> None:
        await self._tracker.start()

    @override
    def _async_unload(self) -> None:
        self._tracker.stop()

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        now = dt_util.utcnow().timestamp()
        return any(
            run.began is not None and run.lasted(now) >= self._lasting.total_seconds()
            for run in self._tracker.runs.values()
        )
