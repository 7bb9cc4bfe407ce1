"""Kills work at each of its changes of a folder, one after the other: what is there then is found by whoever comes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STEPS = (
    *((Path, name) for name in ("rename", "mkdir", "unlink", "replace", "chmod")),
    *((os, name) for name in ("fsync", "link", "chown")),
)


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process of its own, which kills itself (9) at its n-th change of a folder; whether it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    left = [step]

    def dying(real: Any) -> Any:
        def change(*arguments: Any, **named: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*arguments, **named)

        return change

    try:
        for owner, name in STEPS:
            setattr(owner, name, dying(getattr(owner, name)))
        work()
        os._exit(0)
    finally:
        os._exit(1)


def at_every_step(work: Callable[[int], Callable[[], object]]) -> Iterator[tuple[int, bool]]:
    """Kill what `work` gives for a step at that step, for each one it has; at last it ends by itself."""
    for step in range(120):
        finished = killed_at(step, work(step))
        yield step, finished
        if finished:
            assert step > 5
            return
    raise AssertionError("it never came to its end")
