"""Follows the flow of targeted meters, from before it began to look: the recorder knows."""

from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, cast

import probatio
from homeassistant.components.recorder.history import get_significant_states
from homeassistant.const import (
    CONF_FOR,
    CONF_OPTIONS,
    CONF_TARGET,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    EntityStateAttribute,
    UnitOfVolumeFlowRate,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.recorder import get_instance
from homeassistant.helpers.target import TargetStateChangedData, async_track_target_selector_state_change_event
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import VolumeFlowRateConverter
from sqlalchemy.exc import SQLAlchemyError

from .const import LOGGER
from .flow_run import FlowRun
from .watched import FLOW, watched

CONF_ABOVE: Final = "above"
CONF_PAUSE: Final = "pause"

FLOW_SCHEMA: Final = probatio.Schema(
    {
        probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
        probatio.Required(CONF_OPTIONS, default={}): {
            probatio.Optional(CONF_FOR, default={"hours": 2}): cv.positive_time_period,
            probatio.Optional(CONF_ABOVE, default=0.1): probatio.All(probatio.Coerce(float), probatio.Range(min=0)),
            probatio.Optional(CONF_PAUSE, default={"minutes": 2}): cv.positive_time_period,
        },
    }
)
"""What the trigger and the condition on flow are configured with: L/min, and how long."""


class FlowTracker:
    """The runs of all targeted meters."""

    def __init__(
        self,
        hass: HomeAssistant,
        target: Mapping[str, Any],
        options: Mapping[str, Any],
        on_change: Callable[[str], None] = lambda _entity_id: None,
    ) -> None:
        """Follow what FLOW_SCHEMA has validated, and tell of each entity whose run may have changed."""
        self._hass = hass
        self._target = dict(target)
        self._above: float = options[CONF_ABOVE]
        self._pause: timedelta = options[CONF_PAUSE]
        self._lookback: timedelta = options[CONF_FOR] + self._pause
        self._on_change = on_change
        self._targeted: set[str] = set()
        self._unsubscribe: CALLBACK_TYPE | None = None
        self.runs: dict[str, FlowRun] = {}
        """By entity; those that are targeted now and whose history is known."""

    async def start(self) -> None:
        """Follow from now on; returns when the history is known."""
        self._unsubscribe = await async_track_target_selector_state_change_event(
            self._hass, self._target, self._changed, partial(watched, self._hass, keys=FLOW), self._retargeted
        )

    @callback
    def stop(self) -> None:
        """Do not follow any longer."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self.runs.clear()

    @callback
    def _changed(self, data: TargetStateChangedData) -> None:
        entity_id = data.state_change_event.data["entity_id"]
        state = data.state_change_event.data["new_state"]
        if (run := self.runs.get(entity_id)) is None:
            return  # its history is being read, which ends with its state
        if state is None:
            run.observe(data.state_change_event.time_fired_timestamp, flowing=False)
        else:
            self._observe(run, state)
        self._on_change(entity_id)

    def _retargeted(
        self, added: set[str], removed: set[str], states: Mapping[str, State | None]
    ) -> Coroutine[Any, Any, None]:
        self._targeted = set(states)
        for entity_id in removed:
            if self.runs.pop(entity_id, None) is not None:
                self._on_change(entity_id)
        return self._take_up(added)

    async def _take_up(self, entities: set[str]) -> None:
        """Begin to follow meters with what the recorder knows of them."""
        history = await _history(self._hass, entities, dt_util.utcnow() - self._lookback)
        for entity_id in entities & self._targeted:
            run = self.runs[entity_id] = FlowRun(self._pause.total_seconds())
            for state in (*history.get(entity_id, ()), self._hass.states.get(entity_id)):
                if state is not None:
                    self._observe(run, state)
            self._on_change(entity_id)

    def _observe(self, run: FlowRun, state: State) -> None:
        run.observe(state.last_updated_timestamp, flowing=_flow(state) > self._above)


def _flow(state: State) -> float:
    """Return the flow in L/min, 0 while nobody knows it."""
    if state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
        return 0.0
    return VolumeFlowRateConverter.convert(
        float(state.state),
        state.attributes.get(EntityStateAttribute.UNIT_OF_MEASUREMENT),
        UnitOfVolumeFlowRate.LITERS_PER_MINUTE,
    )


async def _history(hass: HomeAssistant, entities: Collection[str], since: datetime) -> Mapping[str, list[State]]:
    """Return what the recorder has of the entities, nothing without a recorder that can be read."""
    if not entities or "recorder" not in hass.config.components:
        return {}
    read = partial(get_significant_states, hass, since, entity_ids=list(entities), significant_changes_only=False)
    try:
        return cast(Mapping[str, list[State]], await get_instance(hass).async_add_executor_job(read))
    except SQLAlchemyError as error:
        LOGGER.debug("No history of %s: %s", ", ".join(sorted(entities)), error)
        return {}
