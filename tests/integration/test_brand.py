"""The brand images: right sizes, transparent, and served by Home Assistant."""

import struct
from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

BRAND = Path(__file__).parents[2] / "custom_components" / "flukso" / "brand"


def header(name: str) -> tuple[int, int, int]:
    """Return width, height and colour type of a PNG (RFC 2083, section 4.1.1)."""
    data = (BRAND / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, _depth, colour = struct.unpack(">IIBB", data[16:26])
    return width, height, colour


@pytest.mark.parametrize("dark", ["", "dark_"])
def test_sizes(dark: str) -> None:
    truecolour_with_alpha = 6
    assert header(f"{dark}icon.png") == (256, 256, truecolour_with_alpha)
    assert header(f"{dark}icon@2x.png") == (512, 512, truecolour_with_alpha)
    width, height, colour = header(f"{dark}logo.png")
    assert 128 <= min(width, height) <= 256
    assert colour == truecolour_with_alpha
    assert header(f"{dark}logo@2x.png") == (2 * width, 2 * height, truecolour_with_alpha)


@pytest.mark.usefixtures("enable_custom_integrations")
async def test_home_assistant_serves_them(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> None:
    assert await async_setup_component(hass, "brands", {})
    client = await hass_client()
    for name in ("icon.png", "dark_logo@2x.png"):
        answer = await client.get(f"/api/brands/integration/flukso/{name}")
        assert answer.status == 200
        assert await answer.read() == (BRAND / name).read_bytes()
