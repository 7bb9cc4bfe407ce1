"""No example of hypothesis is timed: on a busy machine any may take its time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])


def take_your_time() -> None:
    """Let the tests of a suite take as long as they need."""
    settings.load_profile("unhurried")
