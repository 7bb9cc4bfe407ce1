"""Trigger: a meter is no longer measured, or its Fluksometer cannot be reached."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, override

import probatio
from homeassistant.const import ATTR_ENTITY_ID, CONF_FOR, CONF_OPTIONS, CONF_TARGET, STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.target import TargetStateChangedData, async_track_target_selector_state_change_event
from homeassistant.helpers.trigger import TriggerActionRunner, TriggerNotTriggeredReporter
from homeassistant.util import dt as dt_util

from .targeted_trigger import TargetedTrigger
from .watched import FLOW, POWER, watched

SHORTEST: Final = timedelta(minutes=1)
"""While Home Assistant starts or reloads the integration, all meters are silent for some seconds."""

SILENT_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
        probatio.Required(CONF_OPTIONS, default={}): {
            probatio.Optional(CONF_FOR, default={"minutes": 5}): probatio.All(
                cv.positive_time_period, probatio.Range(min=SHORTEST)
            ),
        },
    }
)


class MeterSilentTrigger(TargetedTrigger):
    """Fires for each targeted meter, once in each silence that lasts so long.

    A silence that is under way when the automation is loaded counts too, unless it has lasted too long to be news.
    """

    schema = SILENT_SCHEMA

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Wait in each silence whether it lasts."""
        lasting: timedelta = self._options[CONF_FOR]
        waiting: dict[str, CALLBACK_TYPE] = {}

        @callback
        def look(entity_id: str, state: State | None) -> None:
            silent = state is not None and state.state == STATE_UNAVAILABLE
            if not silent and entity_id in waiting:
                waiting.pop(entity_id)()
            elif state is not None and silent and entity_id not in waiting:
                due = state.last_changed + lasting
                if due >= dt_util.utcnow():
                    waiting[entity_id] = async_track_point_in_utc_time(
                        self._hass, partial(lasted, entity_id, state), due
                    )

        @callback
        def lasted(entity_id: str, state: State, _now: datetime) -> None:
            del waiting[entity_id]
            run_action(
                {ATTR_ENTITY_ID: entity_id, "to_state": state, "since": state.last_changed, "for": lasting},
                f"silence of {entity_id}",
            )

        @callback
        def changed(data: TargetStateChangedData) -> None:
            event = data.state_change_event
            look(event.data["entity_id"], event.data["new_state"])

        @callback
        def retargeted(added: set[str], removed: set[str], states: Mapping[str, State | None]) -> None:
            for entity_id in removed:
                look(entity_id, None)
            for entity_id in added:
                look(entity_id, states[entity_id])

        unsubscribe = await async_track_target_selector_state_change_event(
            self._hass, self._target, changed, partial(watched, self._hass, keys=POWER | FLOW), retargeted
        )

        @callback
        def detach() -> None:
            unsubscribe()
            for cancel in waiting.values():
                cancel()
            waiting.clear()

        return detach
