"""Addresses as users type them."""

import pytest

from custom_components.flukso.client import Address, FluksoAddressError, parse_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.168.1.50", Address("192.168.1.50", 8080)),
        (" 192.168.1.50:80 ", Address("192.168.1.50", 80)),
        ("Flukso-AB12CD.local", Address("flukso-ab12cd.local", 8080)),
        ("flukso-ab12cd.local.:8081", Address("flukso-ab12cd.local.", 8081)),
        ("http://192.168.1.50:8080/", Address("192.168.1.50", 8080)),
        ("http://192.168.1.50/api/v2/device", Address("192.168.1.50", 8080)),
        ("my_meter", Address("my_meter", 8080)),
        ("::1", Address("::1", 8080)),
        ("[fd00::0005]:9000", Address("fd00::5", 9000)),
        ("[fd00::5]", Address("fd00::5", 8080)),
    ],
)
def test_accepted(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "https://192.168.1.50",
        "192.168.1.50:0",
        "192.168.1.50:65536",
        "192.168.1.50:http",
        "192.168.1.50:",
        "192.168.1.50:٣",
        "a b",
        "-flukso",
        "flukso..local",
        "user@flukso",
        "[fd00::5",
        "[fd00::5]9000",
        "[192.168.1.50]:80",
        "fd00::5::1",
        f"{'a' * 64}.local",
        f"{'a.' * 130}a",
        "http://",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(FluksoAddressError):
        parse_address(text)


def test_urls_have_ipv6_in_brackets() -> None:
    address = parse_address("fd00::5")
    assert address.url == "http://[fd00::5]:8080"
    assert str(address) == "[fd00::5]:8080"
    assert parse_address(str(address)) == address
