"""tmpo over MQTT as FLM02 does it: blocks as they are cut, and those that a cloud lacks (section 3.3)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from fluksod.mqtt.broker import Broker
from fluksod.sensor import is_id
from fluksod.tmpo.blocks import RID, Blocks
from fluksod.tmpo.spans import GRACE, SHORTEST, Span, just_cut, missing

_LOG = logging.getLogger(__name__)

MOST_SENSORS = 256
_SYNC = "tmpo/sync"
PAUSE = 0.05
"""Seconds between two blocks of a past that somebody asks for, so that what is measured now goes on beside."""


class TmpoTopics:
    """Publishes the blocks of `device` at `broker`, none of them retained."""

    def __init__(self, broker: Broker, device: str, blocks: Blocks) -> None:
        self._broker = broker
        self._device = device
        self._blocks = blocks
        self._asked: dict[str, tuple[int, int]] = {}
        self._news = asyncio.Event()
        broker.subscribe(f"/d/device/{device}/{_SYNC}", self._take_list)
        broker.on_connect(self._ask)

    async def run(self) -> None:
        """Publish what is cut, and what is asked for, until cancelled."""
        while True:
            now = time.time()
            cut_next = (now - GRACE) // SHORTEST * SHORTEST + SHORTEST + GRACE
            try:
                async with asyncio.timeout(cut_next - now + 0.1):
                    await self._news.wait()
            except TimeoutError:
                for span in just_cut(int(time.time())):
                    for sensor in self._blocks.sensors():
                        await self._publish(sensor, span)
                continue
            self._news.clear()
            await self._answer()

    def _ask(self) -> None:
        """Ask for the list of what the other side has, as the original does when it starts."""
        self._broker.send(f"/device/{self._device}/{_SYNC}", lambda: b"")

    def _take_list(self, payload: bytes) -> None:
        try:
            members: Any = json.loads(payload)
        except ValueError:
            members = None
        if not isinstance(members, list) or len(members) > MOST_SENSORS:
            _LOG.warning("a list of tmpo blocks that cannot be read is ignored")
            return
        for member in members:
            if isinstance(member, dict):
                sensor, level, start = (member.get(name) for name in ("sid", "lvl", "bid"))
                if isinstance(sensor, str) and is_id(sensor) and type(level) is type(start) is int:
                    self._asked[sensor] = (level, start)
        self._news.set()

    async def _answer(self) -> None:
        while self._asked:
            sensor, (level, start) = self._asked.popitem()
            if not 0 <= level <= 62 or start < 0:
                continue
            for span in missing(await self._blocks.spans(sensor), level, start):
                await self._publish(sensor, span)
                await asyncio.sleep(PAUSE)

    async def _publish(self, sensor: str, span: Span) -> None:
        content = await self._blocks.read(sensor, span)
        if content is not None:
            place = f"tmpo/{RID}/{span.level}/{span.start}"
            self._broker.send(f"/sensor/{sensor}/{place}/gz", lambda: content)
