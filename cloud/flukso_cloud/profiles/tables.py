"""A program of its own: writes the standard load profiles of some years to standard output, as NumPy's array.

    python -m flukso_cloud.profiles.tables 2025 2026

demandlib and pandas take a second and 100 MB, so they are never in the server's process. The array has a row for each
profile, in the order of PROFILES, and a column for each quarter of an hour of the years, one year after the other, by a
clock on the wall that is never changed; each year of each profile adds up to 1.
"""

from __future__ import annotations

import io
import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flukso_cloud.profiles import PROFILES


def table(year: int) -> NDArray[np.float32]:
    """Return the profiles of a year, without holidays."""
    # demandlib 0.2.2 makes errors of all warnings of the process, and newer versions of pandas warn of what it does
    warnings.filterwarnings("ignore")
    warnings.simplefilter = lambda *_, **__: None
    import pandas as pd
    from demandlib import bdew

    old = bdew.ElecSlp(year).get_profiles().rename(columns={"h0": "static", "h0_dyn": "h0"})
    new: dict[str, Any] = {"h25": bdew.H25, "p25": bdew.P25, "s25": bdew.S25, "g25": bdew.G25, "l25": bdew.L25}
    quarters = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="15min", inclusive="left")
    found = np.array([(new[name](quarters) if name in new else old[name]).to_numpy(float) for name in PROFILES])
    shares: NDArray[np.float32] = (found / found.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def main() -> None:
    """Write the tables of the years that are named."""
    written = io.BytesIO()
    np.save(written, np.hstack([table(int(year)) for year in sys.argv[1:]]), allow_pickle=False)
    sys.stdout.buffer.write(written.getvalue())


if __name__ == "__main__":
    main()
