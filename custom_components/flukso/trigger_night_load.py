"""Trigger: last night the house drew more than it usually does at night."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, cast, override

import probatio
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.const import ATTR_ENTITY_ID, CONF_OPTIONS, CONF_TARGET, UnitOfPower
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_track_time_change
from homeassistant.helpers.recorder import get_instance
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids
from homeassistant.helpers.trigger import (
    NotTriggeredInfo,
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
from homeassistant.util import dt as dt_util

from .night_load import judge_night, night_loads
from .watched import POWER, watched

CONF_NIGHTS: Final = "nights"
CONF_PERCENT: Final = "percent"
CONF_WATTS: Final = "watts"

TOLD_AT: Final = 6
"""Local hour. The night ends at five; in zones that are off by half an hour, its last hour of statistics ends later."""

_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
        probatio.Required(CONF_OPTIONS, default={}): {
            probatio.Optional(CONF_PERCENT, default=25): probatio.All(probatio.Coerce(float), probatio.Range(min=0)),
            probatio.Optional(CONF_WATTS, default=20): probatio.All(probatio.Coerce(float), probatio.Range(min=0)),
            probatio.Optional(CONF_NIGHTS, default=14): probatio.All(
                probatio.Coerce(int), probatio.Range(min=5, max=365)
            ),
        },
    }
)


class NightLoadAboveUsualTrigger(Trigger):
    """Fires in the morning, for each targeted sensor whose night was unusual. The recorder's statistics tell."""

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate target and options."""
        return cast(ConfigType, _SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Judge the nights of the sensors of a validated configuration."""
        super().__init__(hass, config)
        self._target = TargetSelection(config.target or {})
        self._options = config.options or {}

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Look each morning."""

        async def look(now: datetime) -> None:
            for entity_id in sorted(self._sensors()):
                self._report(entity_id, await self._hours(entity_id, now), now, run_action, did_not_trigger)

        return async_track_time_change(self._hass, look, hour=TOLD_AT, minute=0, second=0)

    def _sensors(self) -> set[str]:
        chosen = async_extract_referenced_entity_ids(self._hass, self._target, expand_group=False)
        return watched(self._hass, chosen.referenced | chosen.indirectly_referenced, POWER)

    async def _hours(self, entity_id: str, now: datetime) -> list[tuple[datetime, float]]:
        """Return the averages of the hours of all nights that count, in W, by the local start of the hour."""
        if "recorder" not in self._hass.config.components:
            return []
        rows = await get_instance(self._hass).async_add_executor_job(
            partial(
                statistics_during_period,
                self._hass,
                dt_util.start_of_local_day(now) - timedelta(days=self._options[CONF_NIGHTS]),
                None,
                {entity_id},
                "hour",
                {"power": UnitOfPower.WATT},
                {"mean"},
            )
        )
        return [
            (dt_util.as_local(dt_util.utc_from_timestamp(row["start"])), mean)
            for row in rows.get(entity_id, ())
            if (mean := row.get("mean")) is not None
        ]

    def _report(
        self,
        entity_id: str,
        hours: list[tuple[datetime, float]],
        now: datetime,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None,
    ) -> None:
        """Tell of the night that has just ended, or why there is nothing to tell."""
        judgement = judge_night(night_loads(hours), dt_util.as_local(now).date())
        told: dict[str, Any] = {ATTR_ENTITY_ID: entity_id}
        if judgement is None:
            reason = "too_few_nights_known"
        else:
            told |= {"load": round(judgement.load), "usual": round(judgement.usual)}
            if judgement.is_above(self._options[CONF_PERCENT] / 100, self._options[CONF_WATTS]):
                run_action(told, f"night load of {entity_id}")
                return
            reason = "night_load_not_above_usual"
        if did_not_trigger is not None:
            did_not_trigger(NotTriggeredInfo(reason, told))
