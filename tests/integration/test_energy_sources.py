"""The shapes of the energy dashboard's sources, above all the sign of the grid's power."""

from typing import Any

import pytest

from custom_components.flukso.energy_sources import Meter, grid_sources

CLAMP = Meter("sensor.clamp_energy", "sensor.clamp_power", "analog")
PULSE_IN = Meter("sensor.in_energy", "sensor.in_power", "pulse")
PULSE_OUT = Meter("sensor.out_energy", "sensor.out_power", "pulse")
P1_IN = Meter("sensor.p1_in_energy", "sensor.p1_in_power", "cosem")
P1_OUT = Meter("sensor.p1_out_energy", "sensor.p1_out_power", "cosem")
MUTE_IN = Meter("sensor.in_energy", None, "pulse")
MUTE_OUT = Meter("sensor.out_energy", None, "pulse")


def power(source: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key in ("stat_rate", "power_config")}


@pytest.mark.parametrize(
    ("used", "returned", "expected"),
    [
        (CLAMP, None, {"stat_rate": "sensor.clamp_power"}),
        (
            PULSE_IN,
            PULSE_OUT,
            {"power_config": {"stat_rate_from": "sensor.in_power", "stat_rate_to": "sensor.out_power"}},
        ),
        # A meter that tells both directions has the net power at its import.
        (P1_IN, P1_OUT, {"stat_rate": "sensor.p1_in_power"}),
        (None, PULSE_OUT, {"power_config": {"stat_rate_inverted": "sensor.out_power"}}),
        (PULSE_IN, MUTE_OUT, {"stat_rate": "sensor.in_power"}),
        (MUTE_IN, PULSE_OUT, {}),
        (MUTE_IN, None, {}),
        (None, MUTE_OUT, {}),
    ],
)
def test_power_of_the_grid(used: Meter | None, returned: Meter | None, expected: dict[str, Any]) -> None:
    (source,) = grid_sources([] if used is None else [used], [] if returned is None else [returned])
    assert power(source) == expected


def test_each_import_with_the_export_at_its_place() -> None:
    sources = grid_sources([P1_IN, CLAMP], [P1_OUT])
    assert [(source["stat_energy_from"], source["stat_energy_to"]) for source in sources] == [
        ("sensor.p1_in_energy", "sensor.p1_out_energy"),
        ("sensor.clamp_energy", None),
    ]
