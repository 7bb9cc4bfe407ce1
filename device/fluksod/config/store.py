"""The table [store]: how long what was measured is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from fluksod.config import values


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """How long what was measured is kept: every second of it for `seconds`, every minute for `days`."""

    seconds: int
    days: int


SCHEMA = {
    vol.Optional("seconds", default=3600): values.whole(600, 86400, "seconds"),
    vol.Optional("days", default=400): values.whole(1, 10000, "days"),
}


def store_config(table: dict[str, Any]) -> StoreConfig:
    """Build it from the checked table."""
    return StoreConfig(table["seconds"], table["days"])
