"""The simulated board as a program: `python -m fluksosim`."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from pathlib import Path

from .board_header import BoardHeader
from .bridge import BridgeError
from .build import BuildError
from .control import ControlError
from .native import SimulatorError
from .realtime import TRACE_S, RealtimeBoard
from .state_file import StateError, create, describe, load


def _counters(text: str) -> dict[str, int]:
    try:
        counters = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(counters, dict):
        raise argparse.ArgumentTypeError('expected an object such as {"0": 4521337, "3": 871020}')
    return counters


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fluksosim",
        description="A Flukso sensor board in a simulated house: the real firmware in simavr, in real time.",
    )
    parser.add_argument("--board", default="v1_1", help="board to simulate (default: %(default)s)")
    parser.add_argument("--state", type=Path, required=True, metavar="FILE", help="keeps the EEPROM; made if missing")
    parser.add_argument("--pty", type=Path, metavar="LINK", help="symbolic link to make to the serial port")
    parser.add_argument("--control", type=Path, metavar="SOCKET", help="unix socket for commands: JSON lines")
    parser.add_argument("--seed", type=int, default=1, help="which household (default: %(default)s)")
    parser.add_argument(
        "--epoch-counters", type=_counters, metavar="JSON", help='counters of a fresh state, {"input": Wh or L, ...}'
    )
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write a VCD trace of the board, for GTKWave")
    parser.add_argument(
        "--trace-seconds", type=float, default=TRACE_S, metavar="S", help="from its start on (default: %(default)s)"
    )
    parser.add_argument("--describe", action="store_true", help="print the sensors as JSON and end")
    return parser


def main() -> int:
    """Run the simulator; the exit status."""
    arguments = _parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="fluksosim: %(message)s")
    try:
        if arguments.describe:
            header = BoardHeader(arguments.board)
            create(arguments.state, header, arguments.epoch_counters)
            print(json.dumps({"sensors": describe(load(arguments.state, header), header)}))
            return 0
        board = RealtimeBoard(
            arguments.board,
            arguments.state,
            arguments.pty,
            arguments.control,
            arguments.seed,
            arguments.epoch_counters,
            arguments.trace,
            arguments.trace_seconds,
        )
    except (BridgeError, BuildError, ControlError, OSError, SimulatorError, StateError, ValueError) as error:
        print(f"fluksosim: {error}", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: board.stop())
    board.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
