"""fluksod with a wall clock that runs too fast, so that a month passes in minutes.

Run as `python bench/device/hurried.py SPEED ARGUMENT …`, so that nothing else of the bench is in its memory. Only
`time.time` is changed: pauses, timeouts and the rates that a counter may have go by the other clocks, which stay right.
"""

from __future__ import annotations

import sys
import time

from fluksod.cli import main


def hurry(speed: float) -> None:
    """Let this process's wall clock run `speed` times as fast from now on."""
    right, began = time.time, time.time()
    time.time = lambda: began + (right() - began) * speed


if __name__ == "__main__":
    hurry(float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
