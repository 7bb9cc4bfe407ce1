"""The command behind scripts/bench."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable

from .figure import Effort, Figures, as_json

BENCHES = {
    "avr": "the sensor board's firmware in simavr",
    "cloud": "the cloud, as a process",
    "device": "the daemon, as a process",
    "home-assistant": "the integration, in a real Home Assistant",
}
"""Name and subject of each benchmark; `bench.<name>` has `measure(effort)`, dashes written as underscores."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures one part. The figures go to standard output, progress to standard error.",
        epilog="benchmarks: " + "; ".join(f"{name} ({subject})" for name, subject in BENCHES.items()),
    )
    parser.add_argument("name", metavar="NAME", choices=BENCHES, help="what to measure")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--short", action="store_true", help="end within 45 s; less simulated time, fewer cases")
    return parser.parse_args()


def main() -> int:
    """Run the command; 0 when everything was measured."""
    arguments = _arguments()
    measure: Callable[[Effort], Figures] = importlib.import_module(f"bench.{arguments.name.replace('-', '_')}").measure
    began = time.monotonic()
    figures = measure(Effort.SHORT if arguments.short else Effort.FULL)
    sys.stderr.write(f"bench: {arguments.name} took {time.monotonic() - began:.0f} s\n")
    if arguments.json:
        sys.stdout.write(json.dumps(as_json(arguments.name, figures)) + "\n")
        return 0
    for key, figure in figures.items():
        sys.stdout.write(f"{key:<28} {figure.value:>12g} {figure.unit:<12} {figure.against}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
