"""Claim codes (docs/protocol.md)."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flukso_cloud.claim import claim_code, normalise

HEX = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(HEX, HEX)
def test_first_forty_bits_in_crockford(key: str, device: str) -> None:
    """Against another way to compute it: as one number in base 32."""
    code = claim_code(key.encode(), device)
    mac = hmac.new(key.encode(), f"flukso claim {device}".encode(), hashlib.sha256).hexdigest()
    number = 0
    for digit in code.replace("-", ""):
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    assert number == int(mac[:10], 16)
    assert len(code) == 9
    assert code[4] == "-"


@given(HEX, HEX)
def test_a_person_may_write_it_otherwise(key: str, device: str) -> None:
    code = claim_code(key.encode(), device)
    digits = normalise(code)
    assert digits == code.replace("-", "")
    assert normalise(code.lower()) == normalise(f" {code.replace('-', '')} ") == digits
    assert normalise(code.replace("0", "O").replace("1", "l")) == normalise(code.replace("1", "I")) == digits


@pytest.mark.parametrize("text", ["", "K7QM-2XW", "K7QM-2XWDD", "K7QM-2XWU", "K7QM-2XW!", "KÉQM-2XWD"])
def test_what_cannot_be_a_code(text: str) -> None:
    assert normalise(text) is None
