"""Trigger: the running quarter of an hour is about to become a peak that is billed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, override

import probatio
from homeassistant.const import (
    ATTR_ENTITY_ID,
    CONF_FOR,
    CONF_OPTIONS,
    CONF_TARGET,
    EntityStateAttribute,
    UnitOfPower,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_call_later, async_track_utc_time_change
from homeassistant.helpers.target import TargetStateChangedData, async_track_target_selector_state_change_event
from homeassistant.helpers.trigger import TriggerActionRunner, TriggerNotTriggeredReporter
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import PowerConverter

from .quarter_projection import QuarterProjection
from .targeted_trigger import TargetedTrigger
from .watched import POWER, watched

CONF_LIMIT: Final = "limit"
CONF_PEAK: Final = "peak"

_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_TARGET): cv.TARGET_FIELDS,
        probatio.Required(CONF_OPTIONS, default={}): {
            probatio.Optional(CONF_LIMIT, default=2.5): probatio.All(probatio.Coerce(float), probatio.Range(min=0)),
            probatio.Optional(CONF_PEAK): probatio.Maybe(cv.entity_id),
            probatio.Optional(CONF_FOR, default={"minutes": 1}): cv.positive_time_period,
        },
    }
)


class PeakAboutToBeExceededTrigger(TargetedTrigger):
    """Fires once in each quarter whose projected average stays above the limit for so long.

    The targeted sensors are added up: they are the phases of one connection.
    """

    schema = _SCHEMA

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        """Project the quarter whenever the power changes, and when a quarter begins."""
        watch = _Watch(self._hass, self._options, run_action)
        unsubscribe = [
            await async_track_target_selector_state_change_event(
                self._hass, self._target, watch.changed, partial(watched, self._hass, keys=POWER), watch.retargeted
            ),
            async_track_utc_time_change(self._hass, watch.quarter_began, minute=(0, 15, 30, 45), second=0),
        ]

        @callback
        def detach() -> None:
            for end in unsubscribe:
                end()
            watch.calm()

        return detach


class _Watch:
    """The running quarter of one connection."""

    def __init__(self, hass: HomeAssistant, options: Mapping[str, Any], run_action: TriggerActionRunner) -> None:
        self._hass = hass
        self._limit_kw: float = options[CONF_LIMIT]
        self._peak: str | None = options.get(CONF_PEAK)
        self._lasting: timedelta = options[CONF_FOR]
        self._run_action = run_action
        self._projection = QuarterProjection()
        self._sensors: list[str] = []
        self._told: int | None = None
        self._waiting: CALLBACK_TYPE | None = None
        self._waiting_in: int | None = None

    @callback
    def changed(self, data: TargetStateChangedData) -> None:
        """Take a sensor's new power into account."""
        self._take(data.targeted_entity_states, data.state_change_event.time_fired_timestamp)

    @callback
    def retargeted(self, _added: set[str], _removed: set[str], states: Mapping[str, State | None]) -> None:
        """Take it into account that the connection consists of other sensors."""
        self._take(states, dt_util.utcnow().timestamp())

    @callback
    def quarter_began(self, now: datetime) -> None:
        """Look at the new quarter, which may begin without any news of the power."""
        self._look(now.timestamp())

    @callback
    def calm(self) -> None:
        """Wait no longer."""
        if self._waiting is not None:
            self._waiting()
            self._waiting = None

    def _take(self, states: Mapping[str, State | None], at: float) -> None:
        self._sensors = sorted(states)
        powers = [_watts(state) for state in states.values()]
        known = [power for power in powers if power is not None]
        self._projection.observe(at, sum(known) if powers and len(known) == len(powers) else None)
        self._look(at)

    def _look(self, at: float) -> None:
        projected, quarter = self._projection.projected(at), self._projection.quarter
        if quarter != self._waiting_in:
            self.calm()
        if projected is None or projected <= self._limit() or self._told == quarter:
            self.calm()
        elif self._waiting is None:
            self._waiting = async_call_later(self._hass, self._lasting, self._lasted)
            self._waiting_in = quarter

    @callback
    def _lasted(self, now: datetime) -> None:
        self._waiting = None
        at = now.timestamp()
        projected = self._projection.projected(at)
        if projected is None or projected <= self._limit() or self._projection.quarter != self._waiting_in:
            self._look(at)
            return
        self._told = self._projection.quarter
        self._run_action(
            {
                ATTR_ENTITY_ID: self._sensors,
                "projected": round(projected),
                "limit": round(self._limit()),
                "seconds_left": round(self._projection.left(at)),
            },
            f"projected peak of {', '.join(self._sensors)}",
        )

    def _limit(self) -> float:
        """Return the limit in W: the given one, or the peak so far when that is higher."""
        limit = self._limit_kw * 1000
        if self._peak is None or (state := self._hass.states.get(self._peak)) is None:
            return limit
        return max(limit, _watts(state) or 0.0)


def _watts(state: State | None) -> float | None:
    """Return the power that a state tells in W, None if it tells none."""
    if state is None:
        return None
    unit = state.attributes.get(EntityStateAttribute.UNIT_OF_MEASUREMENT)
    try:
        return PowerConverter.convert(float(state.state), unit, UnitOfPower.WATT)
    except ValueError, HomeAssistantError:
        return None
