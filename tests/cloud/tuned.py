"""`flukso-cloud` with other constants of flukso_cloud.api.live: NAME=VALUE … -- ARGUMENTS. For a process of its own."""

from __future__ import annotations

import sys

from flukso_cloud.api import live
from flukso_cloud.cli import main

if __name__ == "__main__":
    end = sys.argv.index("--")
    for told in sys.argv[1:end]:
        name, _, value = told.partition("=")
        setattr(live, name, type(getattr(live, name))(value))
    main(sys.argv[end + 1 :])
