"""A part that fails is started again and the others do not notice."""

from __future__ import annotations

import asyncio

import pytest

from fluksod.supervision import keep_running


async def test_a_part_that_fails_is_logged_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    starts = 0

    async def part() -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise ZeroDivisionError("unforeseen")

    await asyncio.wait_for(keep_running("uplink", part, pause=0.01), 5)
    assert starts == 3
    assert caplog.text.count("uplink failed") == 2
    assert "ZeroDivisionError: unforeseen" in caplog.text


async def test_a_part_can_be_cancelled() -> None:
    task = asyncio.create_task(keep_running("link", asyncio.Event().wait))  # type: ignore[arg-type]  # never returns
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
