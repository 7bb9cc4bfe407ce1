"""What a Fluksometer measures with: its boards and meters, made from the configuration, kept running together."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fluksod.config import BoardConfig, BoardLink, BoardSensorConfig, Config
from fluksod.link.lines import Line
from fluksod.link.link_state import LinkState
from fluksod.link.spi import SpiBoard, SpiLink, SpiPort
from fluksod.link.uart import UartLink
from fluksod.sensor import Sensor, derived_id

TakeLine = Callable[[Line, str], None]
"""Takes a line and the name of the board or meter that it comes from."""


class Link(Protocol):
    """A board or meter as the daemon sees it."""

    @property
    def state(self) -> LinkState:
        """Whether it is heard."""

    @property
    def is_open(self) -> bool:
        """Whether its port is open."""

    def open(self) -> None:
        """Open its port. Raises `PortInUseError`."""

    async def run(self) -> None:
        """Read it until cancelled."""

    def close(self) -> None:
        """Release its port."""


@dataclass(frozen=True, slots=True)
class Input:
    """A board or meter: its name, its link, and what the configuration says of it, for the API."""

    name: str
    link: Link
    description: Mapping[str, Any]

    def describe(self) -> dict[str, Any]:
        """Its entry in the API."""
        return {**self.description, **_state(self.link.state)}


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where the inputs tell what they measure: lines with their source, and the sensors that meters name."""

    line: TakeLine
    sensor: Callable[[Sensor], None]


class Inputs:
    """All boards and meters of the configuration. `device` is our id."""

    def __init__(self, config: Config, device: str, outlets: Outlets) -> None:
        self.sensors: tuple[Sensor, ...] = (
            *config.sensors,
            *(board_sensor(device, sensor) for sensor in config.board_sensors),
        )
        self.details: list[Mapping[str, Any]] = []
        self.demands: list[Mapping[str, Mapping[str, Any]]] = []
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: dict[str, asyncio.Future[None]] = {}
        self._boards = [_board_input(board, config, device, outlets) for board in config.boards]
        self._meters: list[Input] = []
        if config.p1:
            # dsmr-parser takes 15 MiB and a fifth of a second: only for those who have such a meter.
            from fluksod.p1_input import p1_input

            links = {one.name: one.link for one in self._boards}
            for meter in config.p1:
                one, streams = p1_input(meter, device, outlets, links)
                self._meters.append(one)
                self.details.append(streams.details)
                self.demands.append(streams.demands)

        self._buses: list[tuple[str, Link]] = []
        if config.modbus:
            from fluksod.modbus_input import modbus_inputs  # 40 ms and 1 MiB: for those who have such a meter

            made = modbus_inputs(config.modbus, device, outlets)
            self._buses += made.buses
            self._meters += made.meters
            self.details += made.details

    def open(self) -> None:
        """Open all ports. Raises `PortInUseError` when another program holds one; then none stays open."""
        try:
            for link in self._links:
                link.open()
        except BaseException:
            self.close()
            raise

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to be kept running, by name for the log."""
        for one in self._all:
            yield f"the link to {one.name}", partial(self._run, one)
        for port, bus in self._buses:
            yield f"the bus on {port}", bus.run

    @asynccontextmanager
    async def without(self, name: str, why: str) -> AsyncIterator[None]:
        """Keep off the port of a board for a while, so that something else can use it; its state tells `why`."""
        if (running := self._running.get(name)) is not None:
            running.cancel()
        async with self._turns[name]:  # waits in line: the link comes after us
            state = next(one.link.state for one in self._boards if one.name == name)
            state.connected, state.error = False, why
            yield

    async def _run(self, one: Input) -> None:
        """Run a link until cancelled, but while somebody else has its turn."""
        while True:
            async with self._turns[one.name]:
                running = self._running[one.name] = asyncio.ensure_future(one.link.run())
                try:
                    await asyncio.wait([running])
                finally:
                    running.cancel()
                    del self._running[one.name]
                    one.link.close()
                if not running.cancelled():
                    return running.result()

    def close(self) -> None:
        """Release all ports."""
        for link in self._links:
            link.close()

    @property
    def away(self) -> set[str]:
        """Names of those whose port is not open."""
        return {one.name for one in self._all if not one.link.is_open}

    def describe(self) -> dict[str, Any]:
        """The members `board`, `boards` and `meters` of /api/v2/device (docs/protocol.md)."""
        return {
            "board": _state(self._all[0].link.state),
            "boards": [one.describe() for one in self._boards],
            "meters": [one.describe() for one in self._meters],
        }

    def phases(self, sensor: str) -> Any:
        """What a meter tells of the phases of a sensor, None where it tells nothing."""
        return next((details[sensor] for details in self.details if sensor in details), None)

    def demand(self, sensor: str) -> Mapping[str, Any] | None:
        """The quarter hours that a sensor's meter computes by itself, None where it tells none."""
        return next((demands[sensor] for demands in self.demands if sensor in demands), None)

    @property
    def _all(self) -> list[Input]:
        return [*self._boards, *self._meters]

    @property
    def _links(self) -> list[Link]:
        return [*(one.link for one in self._all), *(bus for _, bus in self._buses)]


def board_sensor(device: str, configured: BoardSensorConfig) -> Sensor:
    """A sensor of a board on SPI, with its own id or one derived from its board's name and its index there."""
    made = derived_id(device, "board", configured.board, str(configured.place.index))
    return Sensor(
        configured.id or made, configured.name, configured.type, configured.sensor_class, configured.direction
    )


def _board_input(board: BoardConfig, config: Config, device: str, outlets: Outlets) -> Input:
    take = partial(_from, outlets.line, board.name)
    description = {"name": board.name, "port": board.port, "link": board.link.value}
    if board.link is BoardLink.UART:
        return Input(board.name, UartLink(board.port, take), description)
    placed = [sensor for sensor in config.board_sensors if sensor.board == board.name]
    spi = SpiBoard(
        board.port,
        [sensor.place for sensor in placed],
        {sensor.place.index: board_sensor(device, sensor).id for sensor in placed},
        board.hardware,
        board.reply_delay,
        board.reset_counters,
    )
    return Input(board.name, SpiLink(spi, take, partial(_open_spi, board), wall=time.time), description)


def _open_spi(board: BoardConfig) -> SpiPort:
    from fluksod.link.spidev_port import SpidevPort

    return SpidevPort(board.port, board.byte_delay_us)


def _from(on_line: TakeLine, name: str, line: Line) -> None:
    on_line(line, name)


def _state(state: LinkState) -> dict[str, Any]:
    return {
        "connected": state.connected,
        "last_line": state.last_line,
        "rejected_lines": state.rejected_lines,
        "error": state.error,
    }
