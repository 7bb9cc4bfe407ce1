"""Who has an address on our own network, as the kernel knows it. Knows nothing of Home Assistant.

Home Assistant tells an integration when one of its devices gets another address from the router (DHCP), and recognises
the device by its MAC address. Fluksometers do not tell theirs, but the kernel has it once it has talked to them.
"""

import re
from pathlib import Path
from typing import Final

ARP_TABLE: Final = Path("/proc/net/arp")
"""Linux only; elsewhere nobody is recognised."""

_COMPLETE: Final = 0x2
"""Flag of an entry whose MAC address was learnt."""

_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def mac_address(ip: str, table: Path) -> str | None:
    """Return the MAC address behind an IPv4 address, as aa:bb:cc:dd:ee:ff; None if it is not on our network.

    Reads a file: not for an event loop.
    """
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError, UnicodeDecodeError:
        return None
    for line in lines:
        fields = line.split()
        if len(fields) < 4 or fields[0] != ip:
            continue
        flags, mac = fields[2], fields[3].lower()
        if _MAC.fullmatch(mac) and mac != "00:00:00:00:00:00" and int(flags, 16) & _COMPLETE:
            return mac
    return None
