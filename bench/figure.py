"""What a benchmark measures, and how thoroughly."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


class Effort(enum.Enum):
    """How long to measure. FULL: as long as the figure deserves; SHORT: all of it within 45 s; GLANCE: for tests."""

    FULL = "full"
    SHORT = "short"
    GLANCE = "glance"


@dataclass(frozen=True)
class Figure:
    """One figure. `against`: what it is compared with or measured on, in the same run."""

    value: float
    unit: str
    against: str


Figures = dict[str, Figure]


def as_json(bench: str, figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Return the object that `scripts/bench --json` prints."""
    return {"bench": bench, "figures": {key: asdict(figure) for key, figure in figures.items()}}
