"""A P1 meter as an input of the daemon: its link, and the sensors that its telegrams name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluksod.config.p1 import Dsmr, P1Config, read_keys
from fluksod.inputs import Input, Link, Outlets
from fluksod.link.p1 import DSMR_2, DSMR_4, P1BusLink, P1Keys, P1SerialLink
from fluksod.link.p1_telegram import Telegram
from fluksod.link.spi import SpiLink
from fluksod.meter.p1_streams import P1Streams


@dataclass(frozen=True, slots=True)
class _P1Input(Input):
    def describe(self) -> dict[str, Any]:
        """Its entry in the API, with the kind of telegram that it sends."""
        entry = Input.describe(self)
        link = self.link
        variant = link.variant if isinstance(link, P1SerialLink | P1BusLink) else None
        return {**entry, "variant": variant}


def p1_input(config: P1Config, device: str, outlets: Outlets, boards: Mapping[str, Link]) -> tuple[Input, P1Streams]:
    """Make it; also returns its sensors, whose `details` and `demands` are kept up to date.

    `boards` are the links by name.
    """
    streams = P1Streams(device, config.name, tariffs=config.tariffs)

    def take(telegram: Telegram) -> None:
        for sensor, line in streams.take(telegram):
            outlets.sensor(sensor)
            outlets.line(line, config.name)

    keys = None if config.key_file is None else P1Keys(*read_keys(config.key_file))
    description = {"name": config.name, "port": config.port, "board": config.board, "protocol": "p1"}
    if config.port is not None:
        form = DSMR_2 if config.dsmr is Dsmr.V2_2 else DSMR_4
        return _P1Input(config.name, P1SerialLink(config.port, form, take, keys=keys), description), streams
    board = boards[config.board or ""]
    if not isinstance(board, SpiLink):
        raise TypeError("only a board on SPI has a bus; the configuration has been checked for that")
    bus = P1BusLink(config.board or "", take, keys=keys)
    board.on_bus = bus.feed
    return _P1Input(config.name, bus, description), streams
