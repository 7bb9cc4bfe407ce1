"""The page on /: what is measured now, a live chart, and how all parts stand.

It comes with all but the chart written in, so that it says the same without JavaScript; its script then moves the
figures as they are measured, draws the chart, and asks for the page again to see what else has changed. Nothing is
loaded from anywhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from html import escape
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from fluksod.lan.access import Handler
from fluksod.lan.figures import DASH, ago, counter, gauge
from fluksod.lan.parts import Condition, Part, health, parts
from fluksod.lan.v2 import Json

_STATIC = files("fluksod.lan").joinpath("static")
_TYPES = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "chart.js": "text/javascript",
    "figures.js": "text/javascript",
    "segments.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CLASSES = {"analog": "clamp", "pulse": "pulses", "cosem": "P1 meter", "uart": "RS-485 meter"}
COLOURS = 6
OLD = 90
"""Seconds without a reading after which its age is told; boards repeat themselves after 10 s."""


class LivePage:
    """Serves the page; `device` and `sensors` give what /api/v2 tells, `peers_error` what is wrong with the peers."""

    def __init__(
        self, device: Callable[[], Json], sensors: Callable[[], list[Json]], peers_error: Callable[[], str | None]
    ) -> None:
        self._page = Template(_STATIC.joinpath("page.html").read_text(encoding="utf-8"))
        self._device = device
        self._sensors = sensors
        self._peers_error = peers_error

    async def get(self, _request: web.Request) -> web.Response:
        """Answer with the page as things stand."""
        device, sensors = self._device(), self._sensors()
        found = parts(device, self._peers_error())
        condition, words = health(found)
        written = {
            "name": escape(str(device["name"])),
            "condition": condition.value,
            "health": words,
            "claim": _claim(device["cloud"]),
            "sensors": "".join(_row(index, sensor) for index, sensor in enumerate(sensors)) or _NO_SENSOR,
            "quarters": _quarters(sensors),
            "parts": "".join(map(_part, found)),
            "software": f"{escape(str(device['model']))} {escape(str(device['software']))}, device {device['id']}",
        }
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(text=self._page.substitute(written), content_type="text/html", headers=headers)


def static_files() -> Iterator[tuple[str, Handler]]:
    """The page's files by name, each with its handler."""
    for name, kind in _TYPES.items():
        yield name, _file(name, kind)


def _file(name: str, kind: str) -> Handler:
    content = _STATIC.joinpath(name).read_bytes()

    async def get(_request: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=content, content_type=kind, charset="utf-8", headers=headers)

    return get


_NO_SENSOR = (
    '<tr><td colspan="4" class="quiet">Nothing has been measured yet. The state below tells whether the board is heard.'
)


def _row(index: int, sensor: Json) -> str:
    reading: Any = sensor["reading"] or {"time": None, "gauge": None, "counter": None}
    age = 0 if reading["time"] is None else time.time() - reading["time"]
    old = f' <span class="age">{ago(age)}</span>' if age > OLD else ""
    return (
        f'<tr class="c{index % COLOURS}" data-sensor="{sensor["id"]}">'
        f'<th scope="row"><span class="name">{escape(str(sensor["name"]))}</span>'
        f'<span class="kind">{escape(_kind(sensor))}{old}</span></th>'
        f'<td class="now">{_figure(gauge(reading["gauge"], sensor["gauge_unit"]))}</td>'
        f'<td class="today">{DASH}</td>'
        f'<td class="counter">{_figure(counter(reading["counter"], sensor["counter_unit"]))}</td></tr>'
    )


def _kind(sensor: Json) -> str:
    what = f"{sensor['type']} to the grid" if sensor["direction"] == "export" else str(sensor["type"])
    if "owner" in sensor:
        return f"{what}, shared by {sensor['owner']}"
    return f"{what}, {_CLASSES.get(sensor['class'], sensor['class'])}"


def _figure(written: tuple[str, str]) -> str:
    return f"{written[0]} <small>{escape(written[1])}</small>"


def _claim(cloud: Any) -> str:
    if cloud is None or cloud["claimed"] is True or cloud["claim_code"] is None:
        return ""
    return (
        '<h2 id="claim-title">Make it yours</h2>'
        f'<p>Log in at <a href="{escape(cloud["url"])}">{escape(urlsplit(cloud["url"]).netloc)}</a> '
        "and type this code:</p>"
        f'<p class="code">{escape(cloud["claim_code"])}</p>'
    )


def _quarters(sensors: list[Json]) -> str:
    rows = [
        f'<tr><th scope="row">{escape(str(sensor["name"]))}</th>'
        f"<td>{_watts(demand['average'])}</td><td>{_watts(demand['projected'])}</td>"
        f"<td>{_watts(demand['month_peak'])}{_when(demand['month_peak_time'])}</td></tr>"
        for sensor in sensors
        if (demand := sensor.get("demand")) is not None and demand["average"] is not None
    ]
    if not rows:
        return ""
    return (
        '<h2 id="quarters-title">Quarter hours</h2><table aria-labelledby="quarters-title"><thead><tr>'
        '<th scope="col">Mean power</th><th scope="col">So far</th><th scope="col">Heads for</th>'
        '<th scope="col">Highest this month</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _watts(value: float | None) -> str:
    return _figure(gauge(None if value is None else float(round(value)), "W"))


def _when(unix_time: int | None) -> str:
    """The time in UTC; the script writes it in the reader's own time."""
    if unix_time is None:
        return ""
    at = time.gmtime(unix_time)
    return f' <time datetime="{time.strftime("%Y-%m-%dT%H:%MZ", at)}">{time.strftime("%d %b %H:%M UTC", at)}</time>'


def _part(part: Part) -> str:
    words = escape(part.words)
    if part.link is not None:
        words = f'<a href="{escape(part.link)}">{words}</a>'
    told = "" if part.condition is Condition.GOOD else f'<span class="for-ears">{part.condition.value}: </span>'
    return f'<dt>{escape(part.name)}</dt><dd class="{part.condition.value}">{told}{words}</dd>'
