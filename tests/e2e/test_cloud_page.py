"""A person logs into the cloud and sees the chart move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from .conftest import Demo

Screenshot = Callable[[Page, str], Path]


def test_chart_follows_the_kettle(demo: Demo, browser: Browser, screenshot: Screenshot) -> None:
    """Log in, see the house's sensors, switch the kettle on, see the chart move."""
