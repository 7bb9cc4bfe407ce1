"""Diagnostics: chosen members only, so that nothing secret can slip in. No address, no claim code, no whole ids."""

from typing import Any

from homeassistant.core import HomeAssistant

from .client import Link, Sensor
from .const import CONF_API
from .coordinator import FluksoConfigEntry
from .entry_data import entry_address


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: FluksoConfigEntry) -> dict[str, Any]:
    """Return what helps to understand a Fluksometer that misbehaves."""
    coordinator = entry.runtime_data
    device = coordinator.data.device
    push = coordinator.push
    return {
        "api": entry.data[CONF_API],
        "reachable": coordinator.last_update_success,
        "push": None
        if push is None
        else {
            "connected": push.connected,
            "times_opened": push.times_opened,
            "last_loss": _without_host(entry, push.last_loss),
        },
        "device": {
            "id": _short(device.id),
            "model": device.model,
            "software": device.software,
            "api": device.api,
            "time": device.time,
        },
        "board": None
        if device.board is None
        else {
            "connected": device.board.connected,
            "last_line": device.board.last_line,
            "rejected_lines": device.board.rejected_lines,
            "error": device.board.error,
        },
        "cloud": None
        if device.cloud is None
        else {
            "state": device.cloud.state,
            "last_upload": device.cloud.last_upload,
            "pending": device.cloud.pending,
            "error": device.cloud.error,
        },
        "boards": [_link(board) for board in device.boards],
        "meters": [_link(meter) for meter in device.meters],
        "broker": None if device.broker is None else {"state": device.broker.state},
        "storage": None
        if device.storage is None
        else {
            "state": device.storage.state,
            "bytes": device.storage.bytes,
            "oldest_minute": device.storage.oldest_minute,
            "error": device.storage.error,
        },
        "stale": [_short(sensor) for sensor in coordinator.stale],
        "sensors": [_sensor(sensor) for _, sensor in sorted(coordinator.data.sensors.items())],
    }


def _without_host(entry: FluksoConfigEntry, reason: str | None) -> str | None:
    return None if reason is None else reason.replace(entry_address(entry).url_host, "(address)")


def _link(link: Link) -> dict[str, Any]:
    """Return how a board or meter is, without the name that its owner gave it."""
    return {
        "connected": link.connected,
        "last_line": link.last_line,
        "rejected_lines": link.rejected_lines,
        "error": link.error,
    }


def _sensor(sensor: Sensor) -> dict[str, Any]:
    reading = sensor.reading
    return {
        "id": _short(sensor.id),
        "type": str(sensor.type),
        "class": None if sensor.sensor_class is None else str(sensor.sensor_class),
        "direction": str(sensor.direction),
        "phases": len(sensor.phases),
        "reading": None
        if reading is None
        else {"time": reading.time, "counter": reading.counter, "gauge": reading.gauge},
    }


def _short(identity: str) -> str:
    """Return enough of an id to tell it from the others."""
    return f"{identity[:6]}…"
