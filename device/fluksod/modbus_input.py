"""Meters on RS-485 as inputs of the daemon: one bus for each port, the meters on it, the sensors that they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fluksod.config.modbus import ModbusConfig, Parity
from fluksod.inputs import Input, Outlets
from fluksod.link.modbus import ModbusBus, ModbusMeter
from fluksod.link.modbus_registers import MODELS, MeterReading
from fluksod.link.serial_port import SerialFormat
from fluksod.meter.modbus_streams import ModbusStreams

_PARITY = {Parity.NONE: "N", Parity.EVEN: "E", Parity.ODD: "O"}


@dataclass(frozen=True, slots=True)
class ModbusInputs:
    """The buses, which have to be kept running too, the meters, and what they tell of phases, by sensor."""

    buses: list[tuple[str, ModbusBus]]
    meters: list[Input]
    details: list[Mapping[str, Any]]


def modbus_inputs(configs: Iterable[ModbusConfig], device: str, outlets: Outlets) -> ModbusInputs:
    """Make them."""
    buses: dict[str, ModbusBus] = {}
    made = ModbusInputs([], [], [])
    for config in configs:
        bus = buses.get(config.port)
        if bus is None:
            form = SerialFormat(config.baud, 8, _PARITY[config.parity], config.stop_bits)
            bus = buses[config.port] = ModbusBus(config.port, form)
            made.buses.append((config.port, bus))
        streams = ModbusStreams(device, config.name, config.port, str(config.address))
        place = f"address {config.address} on {config.port}"
        take = partial(_take, streams, outlets, config.name)
        meter = ModbusMeter(bus, config.name, place, config.address, MODELS[config.model], take)
        description = {
            "name": config.name,
            "port": config.port,
            "board": None,
            "protocol": "modbus",
            "variant": config.model.value,
        }
        made.meters.append(Input(config.name, meter, description))
        made.details.append(streams.details)
    return made


def _take(streams: ModbusStreams, outlets: Outlets, name: str, reading: MeterReading) -> None:
    for sensor, line in streams.take(reading):
        outlets.sensor(sensor)
        outlets.line(line, name)
