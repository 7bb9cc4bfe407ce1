"""What a meter that does not encrypt need not load, and that one that does still gets it."""

from __future__ import annotations

import subprocess
import sys

_ASKED = """
import sys
from fluksod.link.p1_telegram import TelegramReader
TelegramReader()
print("cryptography" in sys.modules, "asn1crypto" in sys.modules)
TelegramReader(key=bytes(16))
from dlms_cosem.connection import XDlmsApduFactory
from dsmr_parser import parsers
print(parsers.XDlmsApduFactory is XDlmsApduFactory)
"""


def test_what_decrypts_is_imported_for_a_meter_with_a_key_only() -> None:
    printed = subprocess.run([sys.executable, "-c", _ASKED], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["False", "False", "True"]
