"""The tables of profiles, year by year: made by a program of their own when they are asked for first, then kept."""

from __future__ import annotations

import asyncio
import calendar
import importlib.util
import io
import sys
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flukso_cloud import extras
from flukso_cloud.extras import NotInstalledError

from . import PROFILES

Shares: TypeAlias = NDArray[np.float32]
"""What each quarter of an hour has of a year's 1."""
SECONDS = 60
"""Longest time for the program."""


class Calendar(NamedTuple):
    """All that tells a year from another here; there are 14 of them."""

    is_leap: bool
    first_weekday: int

    @classmethod
    def of(cls, year: int) -> Calendar:
        """Return that of a year."""
        return cls(calendar.isleap(year), calendar.weekday(year, 1, 1))


_YEARS = {Calendar.of(year): year for year in range(2028, 2000, -1)}
"""For each the year whose table is made: all 14 are in 28 years."""


class TablesError(Exception):
    """The tables could not be made; the text is the program's last line."""


class Library:
    """The profiles of any year. There are 14 tables at most, 2.2 MB each."""

    def __init__(self) -> None:
        self._tables: dict[Calendar, Shares] = {}
        self._lock = asyncio.Lock()

    async def shares(self, profile: str, years: Iterable[int]) -> list[Shares]:
        """Return a profile's shares of each of these years.

        Raises NotInstalledError without demandlib, TablesError if it fails.
        """
        wanted = [Calendar.of(year) for year in years]
        async with self._lock:  # who waits finds the tables that were made meanwhile
            missing = list(dict.fromkeys(one for one in wanted if one not in self._tables))
            if missing:
                self._tables |= dict(zip(missing, await _made([_YEARS[one] for one in missing]), strict=True))
        row = list(PROFILES).index(profile)
        return [self._tables[one][row] for one in wanted]


async def _made(years: list[int]) -> list[Shares]:
    """Let the program make the tables of some years."""
    if importlib.util.find_spec("demandlib") is None:
        raise NotInstalledError(extras.PROFILES)
    command = (sys.executable, "-P", "-m", "flukso_cloud.profiles.tables", *map(str, years))
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(SECONDS):
            written, said = await program.communicate()
    except TimeoutError:
        raise TablesError(f"it took more than {SECONDS} s") from None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode:
        raise TablesError(said.decode(errors="replace").strip().rpartition("\n")[2])
    whole: Shares = np.load(io.BytesIO(written), allow_pickle=False)
    lengths = [(365 + calendar.isleap(year)) * 96 for year in years]
    # copies, so that no table holds on to all of them
    return [np.ascontiguousarray(part) for part in np.split(whole, np.cumsum(lengths)[:-1], axis=1)]
