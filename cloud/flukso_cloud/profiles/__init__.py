"""Standard load profiles of electricity: what many homes, shops and farms together use in each quarter of an hour.

They are those of BDEW, the association of the German energy industry, as the library demandlib has them.
"""

from __future__ import annotations

from collections.abc import Mapping

PROFILES: Mapping[str, str] = {
    "h25": "household (2025)",
    "p25": "household with solar panels (2025)",
    "s25": "household with solar panels and a battery (2025)",
    "g25": "business (2025)",
    "l25": "farm (2025)",
    "h0": "household",
    "g0": "business",
    "g1": "business on workdays, 8 to 18 h",
    "g2": "business with much use in the evening",
    "g3": "business that runs through",
    "g4": "shop, hairdresser",
    "g5": "bakery",
    "g6": "business at weekends",
    "l0": "farm",
    "l1": "farm with dairy cattle",
    "l2": "farm without dairy cattle",
}
"""Names, and what each is of. Those without a year are of 1999."""
QUARTER = 900
"""Seconds for which a profile stays the same."""
