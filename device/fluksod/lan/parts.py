"""How each part of the Fluksometer stands, in words for people, with what to do where something is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from fluksod.lan.figures import ago
from fluksod.url import http_url


class Condition(StrEnum):
    """Whether somebody has to look at it: `waiting` mends itself, `off` is not used."""

    GOOD = "good"
    WAITING = "waiting"
    BAD = "bad"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its name, how it stands, and the address of a page about it where there is one."""

    name: str
    condition: Condition
    words: str
    link: str | None = None


def parts(device: Any, peers_error: str | None) -> list[Part]:
    """All parts, from the content of /api/v2/device and what is wrong with the peers (None: nothing)."""
    return [*_links(device), *_cloud(device, peers_error), *_mqtt(device), _storage(device), *_siblings(device)]


def health(found: list[Part]) -> tuple[Condition, str]:
    """The whole in a few words."""
    bad = sum(part.condition is Condition.BAD for part in found)
    if not bad:
        return Condition.GOOD, "Measuring"
    return (
        Condition.BAD,
        "One part needs attention, see below" if bad == 1 else f"{bad} parts need attention, see below",
    )


def _links(device: Any) -> Iterator[Part]:
    now = device["time"]
    for board in device["boards"]:
        name = "Board" if board["name"] == "board" else f"Board {board['name']}"
        yield _link(name, board, "", f"on {board['port']}", now)
    for meter in device["meters"]:
        where = f"on {meter['port']}" if meter["board"] is None else f"on the bus of {meter['board']}"
        what = meter["variant"] or ("P1 meter" if meter["protocol"] == "p1" else meter["protocol"])
        yield _link(f"Meter {meter['name']}", meter, f"{what}, ", where, now)


def _link(name: str, link: Any, what: str, where: str, now: int) -> Part:
    if not link["connected"]:
        heard = "" if link["last_line"] is None else f"; last heard {ago(now - link['last_line'])}"
        return Part(name, Condition.BAD, f"{link['error']}{heard}")
    rejected = link["rejected_lines"]
    noise = f"; {rejected:,} damaged so far, check the cable if that grows" if rejected else ""
    return Part(name, Condition.GOOD, f"{what}heard {ago(now - link['last_line'])} {where}{noise}")


_STATES = {
    "connected": Condition.GOOD,
    "connecting": Condition.WAITING,
    "unreachable": Condition.BAD,
    "refused": Condition.BAD,
}
_RETRIED = {
    "unreachable": "it is tried again by itself",
    "refused": "somebody has to put that right",
}


def _cloud(device: Any, peers_error: str | None) -> Iterator[Part]:
    cloud = device["cloud"]
    if cloud is None:
        yield Part("Cloud", Condition.OFF, "none is set up: what is measured stays in this house")
        return
    state, host = cloud["state"], urlsplit(cloud["url"]).netloc
    waiting = (
        f"{cloud['pending']:,} measurements are kept until then" if cloud["pending"] else "nothing is lost meanwhile"
    )
    if state == "connected":
        sent = "" if cloud["last_upload"] is None else f", last upload {ago(device['time'] - cloud['last_upload'])}"
        more = f"; {cloud['pending']:,} measurements are on their way" if cloud["pending"] > 100 else ""
        owner = {True: ", yours", False: ", not claimed yet", None: ""}[cloud["claimed"]]
        error = cloud["error"]
        condition = Condition.GOOD if error is None else Condition.BAD
        yield Part("Cloud", condition, f"{host}{owner}{sent}{more}" if error is None else f"{host}: {error}")
    elif state == "connecting":
        yield Part("Cloud", Condition.WAITING, f"connecting to {host}")
    else:
        yield Part("Cloud", _STATES[state], f"{cloud['error']}; {_RETRIED[state]}; {waiting}")
    if peers_error is not None:
        yield Part("Shared with you", Condition.BAD, peers_error)


def _mqtt(device: Any) -> Iterator[Part]:
    mqtt = device["mqtt"]
    if mqtt is None:
        return
    where = f"{mqtt['host']}:{mqtt['port']}"
    if mqtt["state"] in _RETRIED:
        yield Part("MQTT", Condition.BAD, f"{where}: {mqtt['error']}; {_RETRIED[mqtt['state']]}")
    else:
        words = where if mqtt["state"] == "connected" else f"connecting to {where}"
        yield Part("MQTT", _STATES[mqtt["state"]], words)


def _storage(device: Any) -> Part:
    storage = device["storage"]
    if storage["state"] != "ok":
        return Part(
            "Storage",
            Condition.BAD,
            f"{storage['error']}; make room on the disk or mend it: until then all is in memory",
        )
    oldest = storage["oldest_minute"]
    since = "" if oldest is None else f", the history goes back {ago(device['time'] - oldest)}".removesuffix(" ago")
    return Part("Storage", Condition.GOOD, f"{storage['bytes'] / 1e6:,.1f} MB{since}")


def _siblings(device: Any) -> Iterator[Part]:
    for sibling in device["siblings"]:
        # On the port of its API an original has no page; that is on port 80 (section 3.2).
        page = http_url(sibling["address"], 80 if sibling["api"] == "1.0" else sibling["port"])
        yield Part("Neighbour", Condition.GOOD, sibling["name"], f"{page}/")
