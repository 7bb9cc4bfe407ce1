"""fluksod with a wall clock that runs too fast, so that a month passes in minutes.

Run as `python bench/device/hurried.py SPEED ARGUMENT …`, so that nothing else of the bench is in its memory. Pauses,
timeouts and the rates that a counter may have go by the other clocks, which stay right.
"""

from __future__ import annotations

import sys
import time

from fluksod.cli import main
from fluksod.store import archive


def hurry(speed: float) -> None:
    """Let this process's wall clock run `speed` times as fast from now on, and hours be folded as often as they end."""
    right, began = time.time, time.time()
    time.time = lambda: began + (right() - began) * speed
    archive.FOLD_AGAIN /= speed


if __name__ == "__main__":
    hurry(float(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
