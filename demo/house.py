"""The simulated house: the sensor board's real firmware in simavr, and switches for its loads."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .processes import DemoError

# Where the meters of the simulated house stand when the demo begins: Wh, Wh, Wh and L, like meters of some years' age.
FIRST_COUNTERS = {"0": 24_318_250, "1": 6_120_480, "2": 9_874_310, "3": 3_406_120}


@dataclass
class House:
    """A client of the simulator's control socket."""

    socket: Path

    async def _ask(self, **command: Any) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            writer.write(json.dumps(command).encode() + b"\n")
            await writer.drain()
            answer = json.loads(await asyncio.wait_for(reader.readline(), 5))
        finally:
            writer.close()
        if not answer.get("ok"):
            raise DemoError(f"The simulated board refused {command}: {answer.get('error')}")
        return dict(answer)

    async def sensors(self) -> dict[str, dict[str, Any]]:
        """Return by sensor id what the firmware last sent: counter, watt, ms and line_at (unix seconds)."""
        return {row["id"]: row for row in (await self._ask(do="state"))["sensors"]}

    async def switch(self, load: str, *, on: bool) -> float:
        """Switch a load of the house and return the unix time at which it happened."""
        return float((await self._ask(do="set", load=load, on=on))["at"])
