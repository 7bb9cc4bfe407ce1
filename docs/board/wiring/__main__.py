"""Command line: draws all boards, or with `--check` tells whether the drawings in docs/board are up to date."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .drawings import DRAWINGS, draw

FOLDER = Path(__file__).resolve().parents[1]


def main() -> int:
    """Draw; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.board.wiring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if a drawing is out of date")
    check = parser.parse_args().check
    if not check:
        for name in DRAWINGS:
            draw(name, FOLDER / f"{name}.svg")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        for name in DRAWINGS:
            draw(name, Path(folder) / f"{name}.svg")
        old = [n for n in DRAWINGS if (Path(folder) / f"{n}.svg").read_bytes() != (FOLDER / f"{n}.svg").read_bytes()]
    for name in old:
        print(
            f"docs/board/{name}.svg is out of date: run PYTHONPATH=avr/sim python -m docs.board.wiring", file=sys.stderr
        )
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
