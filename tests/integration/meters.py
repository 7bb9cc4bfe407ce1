"""A Fluksometer with a P1 meter and one on RS-485, as docs/protocol.md has them."""

from typing import Any

from tests.integration.fluksometer import NOW, LoopbackFluksometer, sensor

GRID_IMPORT = "a0000000000000000000000000000001"
GRID_EXPORT = "a0000000000000000000000000000002"
TARIFF = "a0000000000000000000000000000003"
HEAT_PUMP = "b0000000000000000000000000000001"

DEMAND: dict[str, Any] = {
    "quarter": NOW - NOW % 900,
    "average": 455.2,
    "projected": 459.1,
    "whole": True,
    "month_peak": 4120,
    "month_peak_time": 1795003200,
    "month_coverage": 0.9991,
    "mean_month_peak": 3310.4,
    "meter": None,
}
UNKNOWN_DEMAND: dict[str, Any] = {
    **dict.fromkeys(DEMAND),
    "quarter": DEMAND["quarter"],
    "whole": False,
}
METER_DEMAND = {"average": 2351, "month_peak": 5122, "month_peak_time": 1793600100, "mean_month_peak": 5540.7}


def metered(sensor_id: str, name: str, sensor_class: str, source: str, **more: Any) -> dict[str, Any]:
    """Return a sensor of a meter as /api/v2/sensors lists it."""
    values = {"counter": 3_016_829, "gauge": 2027} | {key: more.pop(key) for key in ("counter", "gauge") if key in more}
    listed = sensor(sensor_id, name, "electricity", sensor_class, **values)
    return {**listed, "direction": "import", "source": source, "phases": None, "demand": UNKNOWN_DEMAND, **more}


def phase(power: float | None, voltage: float | None, current: float | None) -> dict[str, float | None]:
    """Return what a meter tells of a phase."""
    return {"power": power, "voltage": voltage, "current": current}


def link(name: str, **more: Any) -> dict[str, Any]:
    """Return a board or a meter as /api/v2/device lists it."""
    return {
        "name": name,
        "port": f"/dev/tty{name}",
        "connected": True,
        "last_line": NOW,
        "rejected_lines": 0,
        "error": None,
        **more,
    }


def connect_meters(fluksometer: LoopbackFluksometer) -> None:
    """Connect a Belgian P1 meter of three phases, and a heat pump's meter on RS-485."""
    phases = [phase(1200, 231.4, 5.2), phase(-173, 229.9, -0.75), phase(1000, None, None)]
    fluksometer.sensors += [
        metered(
            GRID_IMPORT,
            "Grid import",
            "cosem",
            "Grid",
            phases=phases,
            demand={**DEMAND, "meter": METER_DEMAND},
        ),
        metered(GRID_EXPORT, "Grid export", "cosem", "Grid", direction="export", gauge=0, counter=12, demand=None),
        metered(TARIFF, "Grid import tariff 1", "cosem", "Grid", gauge=None),
        metered(HEAT_PUMP, "Heat pump import", "uart", "Heat pump", demand=DEMAND, phases=[phase(2027, 230.1, 8.81)]),
    ]
    fluksometer.device["boards"] = [link("board", link="uart")]
    fluksometer.device["meters"] = [
        link("Grid", board=None, protocol="p1", variant="Belgium"),
        link("Heat pump", board=None, protocol="modbus", variant="SDM230"),
    ]
