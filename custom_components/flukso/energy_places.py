"""What the last step of the set-up says about the energy dashboard: which sensors have totals that belong there."""

import re
from collections.abc import Iterable
from typing import Final

from .client import Sensor, SensorType

DASHBOARD: Final = "/config/energy"

_MARKDOWN: Final = re.compile(r"([\\`*_\[\]<>#|~])")


def energy_places(sensors: Iterable[Sensor]) -> dict[str, str]:
    """Return the placeholders of the text: the names of the sensors by what they measure, and where the dashboard is.

    Names are the owner's own words and stay as they are, whatever they would mean in Markdown.
    """
    names: dict[SensorType, list[str]] = {kind: [] for kind in SensorType}
    for sensor in sensors:
        names[sensor.type].append(_MARKDOWN.sub(r"\\\1", sensor.name or sensor.id[:6]))
    return {
        "dashboard": DASHBOARD,
        **{str(kind): ", ".join(sorted(listed)) or "\N{EN DASH}" for kind, listed in names.items()},
    }
