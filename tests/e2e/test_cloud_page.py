"""A person logs into the cloud and sees the chart move."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, Playwright, expect

from .conftest import CHROMIUM_FLAGS, Demo, chromium

Screenshot = Callable[[Page, str], Path]


def _public_key_digest(url: str, authority: str) -> str:
    """Digest of the server's public key, after its certificate was verified against the demo's own CA."""
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    pem = ssl.get_server_certificate((address.hostname, address.port), ca_certs=authority)
    public = x509.load_pem_x509_certificate(pem.encode()).public_key()
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode()


def _watt(text: str) -> float:
    number = text.replace(",", "").strip()
    return float(number) if re.fullmatch(r"[\d.]+", number) else 0.0


def test_chart_follows_the_kettle(demo: Demo, playwright: Playwright, screenshot: Screenshot) -> None:
    """Log in, see the house's sensors, switch the kettle on: figure, legend and chart move, without a reload."""
    cloud = demo.facts["cloud"]
    # Chromium trusts this one key and no other, instead of ignoring certificates altogether.
    trust = "--ignore-certificate-errors-spki-list=" + _public_key_digest(cloud, demo.facts["cloud_ca"])
    browser = playwright.chromium.launch(executable_path=chromium(), args=[*CHROMIUM_FLAGS, trust])
    context = browser.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    problems: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(cloud) else None)

    page.goto(cloud + "/")
    page.locator("input[name=name]").fill("demo")
    page.locator("input[name=password]").fill("flukso-demo")
    page.locator("form[action='/login'] button").click()
    expect(page.locator("#connection")).to_have_text("Live", timeout=10_000)

    kitchen = page.locator(f"table.legend tr[data-sensor='{demo.sensor('Kitchen')}']")
    expect(kitchen).to_contain_text("Kitchen")
    last = kitchen.locator("[data-statistic=last]")
    chart = page.locator("[data-quantity=power] canvas").first
    demo.switch("kettle", on=False)  # its owner may be boiling water just now
    page.wait_for_timeout(4_000)
    before, picture = _watt(last.inner_text()), chart.screenshot()
    demo.switch("kettle", on=True)
    try:
        page.wait_for_function(
            "([row, least]) => Number(document.querySelector(row).textContent.replaceAll(',', '')) >= least",
            arg=[f"tr[data-sensor='{demo.sensor('Kitchen')}'] [data-statistic=last]", before + 1000],
            timeout=10_000,
        )
        page.wait_for_timeout(4_000)  # for a kettle that can be seen in the picture
        assert chart.screenshot() != picture
        figure = page.locator(".tile", has_text="Kitchen").locator(".figure")
        assert _watt(figure.inner_text()) >= before + 1000
        screenshot(page, "cloud-live")
    finally:
        demo.switch("kettle", on=False)

    page.locator("nav.scales a[data-scale=day]").click()
    expect(page).to_have_url(re.compile("scale=day"))
    main = page.locator(f"table.legend tr[data-sensor='{demo.sensor('Main')}'] [data-statistic=max]")
    expect(main).to_have_text(re.compile(r"\d"))
    assert _watt(main.inner_text()) > 500, "the history of the past day, uploaded by the demo, is in the chart"
    page.wait_for_timeout(500)
    screenshot(page, "cloud-day")
    assert not problems, problems
    browser.close()
