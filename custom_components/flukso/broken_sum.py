"""A sum that began again at zero after a long absence of which nobody knows the hours: its owner is asked."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict, override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .healing import Shift
from .long_term_statistics import Series, async_done, async_rows, async_series, async_shift

BROKEN_SUM: Final = "broken_sum"

_NEARLY: Final = 0.5
"""Wh or L by which a sum may be another than when the issue was raised."""


class BrokenSum(TypedDict):
    """What an issue holds: from the hour `start` (unix seconds) on, all sums lack `amount` Wh or L."""

    statistic_id: str
    unit_class: str
    start: int
    amount: float


@callback
def async_raise_broken_sum(hass: HomeAssistant, series: Series, shift: Shift) -> None:
    """Ask the owner whether a sum shall go on where it was before."""
    unit = "kWh" if series.unit_class == "energy" else "m³"
    data: dict[str, str | int | float | None] = {
        "statistic_id": series.id,
        "unit_class": series.unit_class,
        "start": shift.start,
        "amount": round(shift.amount, 3),
    }
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{BROKEN_SUM}_{series.id}_{shift.start}",
        data=data,
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=BROKEN_SUM,
        translation_placeholders={"entity": series.id, "amount": f"{shift.amount / 1000:.3f} {unit}"},
    )


class BrokenSumFlow(ConfirmRepairFlow):
    """Raises the sums when the owner has agreed."""

    def __init__(self, broken: BrokenSum) -> None:
        """Mend this sum."""
        self._broken = broken

    @override
    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Mend it, unless it was mended in another way meanwhile."""
        if user_input is not None:
            await self._mend()
        return await super().async_step_confirm(user_input)

    async def _mend(self) -> None:
        broken = self._broken
        series = await async_series(self.hass, broken["statistic_id"], broken["unit_class"])
        if series is None:
            return
        rows = await async_rows(self.hass, series, 0)
        before = [row for row in rows if row.start < broken["start"]]
        after = [row for row in rows if row.start >= broken["start"]]
        if before and after and after[0].start == broken["start"] and after[0].sum < before[-1].sum - _NEARLY:
            async_shift(self.hass, series, Shift(broken["start"], broken["amount"]))
            await async_done(self.hass)


def broken_sum_flow(data: Mapping[str, Any]) -> BrokenSumFlow:
    """Return the flow for an issue with this data."""
    return BrokenSumFlow(
        BrokenSum(
            statistic_id=str(data["statistic_id"]),
            unit_class=str(data["unit_class"]),
            start=int(data["start"]),
            amount=float(data["amount"]),
        )
    )
