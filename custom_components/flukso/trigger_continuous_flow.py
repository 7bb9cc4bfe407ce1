"""Trigger: water or gas has been flowing for long without a stop, as from a leak."""

from datetime import datetime, timedelta
from functools import partial
from typing import override

from homeassistant.const import ATTR_ENTITY_ID, CONF_FOR
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.helpers.trigger import TriggerActionRunner, TriggerNotTriggeredReporter
from homeassistant.util import dt as dt_util

from .flow_tracker import FLOW_SCHEMA, FlowTracker
from .targeted_trigger import TargetedTrigger


class ContinuousFlowTrigger(TargetedTrigger):
    """Fires for each targeted meter, once in each run that lasts so long."""

    schema = FLOW_SCHEMA

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Follow the runs of all meters, and wait for the end of the time in each."""
        lasting: timedelta = self._options[CONF_FOR]
        waiting: dict[str, CALLBACK_TYPE] = {}
        told: dict[str, float] = {}

        @callback
        def changed(entity_id: str) -> None:
            if entity_id in waiting:
                waiting.pop(entity_id)()
            run = tracker.runs.get(entity_id)
            if run is None or run.began is None or told.get(entity_id) == run.began:
                return
            due = dt_util.utc_from_timestamp(run.began) + lasting
            waiting[entity_id] = async_track_point_in_utc_time(
                self._hass, partial(lasted, entity_id, run.began), max(due, dt_util.utcnow())
            )

        @callback
        def lasted(entity_id: str, began: float, _now: datetime) -> None:
            del waiting[entity_id]
            told[entity_id] = began
            run_action(
                {
                    ATTR_ENTITY_ID: entity_id,
                    "to_state": self._hass.states.get(entity_id),
                    "since": dt_util.utc_from_timestamp(began),
                    "for": lasting,
                },
                f"flow of {entity_id} without a stop",
            )

        tracker = FlowTracker(self._hass, self._target, self._options, changed)
        await tracker.start()

        @callback
        def detach() -> None:
            tracker.stop()
            for cancel in waiting.values():
                cancel()
            waiting.clear()

        return detach
