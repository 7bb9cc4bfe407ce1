"""X-Digest (section 2.1)."""

import pytest

from flukso_cloud.digest import is_digest, matches, sign

KEY = b"00112233445566778899aabbccddeeff"
VECTORS = [
    (b'{"measurements":[[1300000000,1000],[1300000060,1010]]}', "1ee1f36b05c9e18c6f8a7baac70955ba7803c02d"),
    (b'{"upgrade":0,"timestamp":1300000000}', "d445963dedf2cf5963a2722f6d1c49cffdb35d54"),
    (
        b'{"config":{"class":"analog","current":50,"enable":1,"function":"main","phase":1,"type":"electricity","voltage":230}}',
        "a425e30655059065e4569a8bd8bef794221974f6",
    ),
]


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_vectors_with_the_ascii_key(body: bytes, digest: str) -> None:
    """Trap 5: the key is its 32 characters, not the 16 bytes they spell."""
    assert sign(KEY, body) == digest
    assert matches(KEY, body, digest)
    assert not matches(bytes.fromhex(KEY.decode()), body, digest)


def test_one_changed_byte_breaks_it() -> None:
    """Trap 6: raw bytes are signed; the same JSON written otherwise does not match."""
    body, digest = VECTORS[0]
    assert not matches(KEY, body.replace(b",", b", "), digest)


def test_upper_case_never_matches() -> None:
    """Trap 7: digests are compared as text."""
    body, digest = VECTORS[0]
    assert is_digest(digest.upper())
    assert not matches(KEY, body, digest.upper())


@pytest.mark.parametrize("text", ["", "0" * 39, "0" * 41, "g" * 40, "é" * 40, "0" * 40 + "\n"])
def test_malformed_digests(text: str) -> None:
    assert not is_digest(text)
    assert not matches(KEY, b"", text)
