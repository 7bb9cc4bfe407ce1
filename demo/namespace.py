"""A network of the demo's own: a Linux network namespace with a loopback and one house network, joined to nothing.

`python -m demo.namespace COMMAND [ARGUMENT …]` runs any command inside a new one; the end-to-end tests do.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from .processes import DemoError

HOUSE_ADDRESS = "10.68.0.1"

# Set for what runs inside, so that it can tell.
INSIDE = "FLUKSO_NAMESPACE"

# A cable whose other end hangs in the air stands for the house's network: multicast sent on it comes back to the other
# programs in the namespace, so that mDNS discovery works, and nothing leaves. Home Assistant speaks mDNS on the
# interface of the default route.
_SET_UP = f"""
ip link set lo up &&
ip link add house type veth peer name street &&
ip address add {HOUSE_ADDRESS}/24 dev house &&
ip link set house up multicast on && ip link set street up &&
ip route add default dev house &&
exec "$@"
"""


def enter(command: Sequence[str]) -> None:
    """Replace this process by `command`, running inside a new network namespace.

    Raise `DemoError` where Linux does not let us.
    """
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    if sys.platform != "linux" or not unshare:
        raise DemoError("--isolated needs Linux and the program `unshare` (package util-linux).")
    if not ip:
        raise DemoError("--isolated needs the program `ip`. Install it: sudo apt-get install iproute2")
    # Without root a user namespace gives the rights over the new network namespace, where the system allows it.
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    os.environ[INSIDE] = "1"
    os.execv(unshare, ["unshare", "--net", *rights, "sh", "-c", _SET_UP, "sh", *command])  # noqa: S606 (its purpose)


if __name__ == "__main__":
    try:
        enter(sys.argv[1:])
    except DemoError as error:
        sys.exit(str(error))
