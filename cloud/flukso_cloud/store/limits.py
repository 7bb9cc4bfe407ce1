"""How much of something there may be, whatever the engine."""

from __future__ import annotations

MOST_SENSORS = 128
"""Of one device, as the largest original had."""
MOST_TOKENS = 200
"""With a name, of one account."""
MOST_OFFERS = 500
"""Grants in one list: those of its last sensor may not all be among them."""
MOST_MEMBERS = 1000
"""Of one group; invited people count too."""
MOST_REQUESTS = 100
"""Of one account, that nobody has answered."""
MOST_TARIFFS = 1000
"""Of one account."""
