"""The EEPROM of a board on the bench."""

from __future__ import annotations

from fluksosim.board_header import BoardHeader
from fluksosim.eeprom_image import FactorySensor, fresh_image


def sensor_ids(header: BoardHeader) -> list[str]:
    """Return the bench's sensor ids, one for each sensor of the board."""
    return [f"{i + 1:032x}" for i in range(header.number("SENSOR_COUNT"))]


def provisioned_image(header: BoardHeader) -> bytes:
    """Return an image with the bench's ids, the board's default weights and counters at 0.

    A board with SPI gets a blank one: it has no ids, and its main board sets the rest over the link.
    """
    if header.number("LINK_SPI"):
        return b"\xff" * header.number("EEPROM_BYTES")
    clamps = header.number("CLAMP_COUNT")
    weights = [header.number("METERCONST_DEFAULT" if i < clamps else "PULSE_WEIGHT_DEFAULT") for i in range(16)]
    sensors = [FactorySensor(sensor, weight) for sensor, weight in zip(sensor_ids(header), weights, strict=False)]
    return fresh_image(header, sensors, [0] * len(sensors))
