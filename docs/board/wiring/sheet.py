"""A sheet to draw on: absolute coordinates in grid units (x to the right, y upwards), schemdraw's symbols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import schemdraw
import schemdraw.elements as elm
from schemdraw.backends import svg
from schemdraw.backends.svgtext import text_approx_size
from schemdraw.types import Halign, Valign

FONT = "Arial, Helvetica, sans-serif"
TEXT = 11.0
UNIT_PT = 36.0
Xy = tuple[float, float]


@dataclass(frozen=True)
class Pin:
    """A pin of a box: the name inside, the number outside, and the net it belongs to (None: not connected)."""

    name: str
    number: str
    net: str | None


def text_width(text: str, size: float = TEXT) -> float:
    """Return the width of `text` in grid units; `size` in points."""
    return max(text_approx_size(line, font="Arial", size=size)[0] for line in text.splitlines()) / UNIT_PT


class Sheet:
    """One drawing."""

    def __init__(self) -> None:
        svg.config.text = "text"
        self._drawing = schemdraw.Drawing(show=False)
        self._drawing.config(font=FONT, fontsize=TEXT, bgcolor="white", lw=1.4)

    def save(self, path: Path, title: str) -> None:
        """Write the sheet as SVG; `title` is what a screen reader says."""
        self._drawing.draw(show=False)
        image: bytes = self._drawing.get_imagedata("svg")
        head, rest = image.decode("utf-8").split(">", 1)
        path.write_text(f'{head} role="img"><title>{title}</title>{rest.rstrip()}\n', encoding="utf-8")

    def wire(self, *points: Xy) -> None:
        """Draw a line through `points`."""
        for start, end in pairwise(points):
            self._drawing.add(elm.Line().endpoints(start, end))

    def dot(self, *points: Xy) -> None:
        """Draw junctions."""
        for point in points:
            self._drawing.add(elm.Dot().at(point))

    def part(self, kind: type[elm.Element2Term], start: Xy, end: Xy, label: str, side: str = "top") -> None:
        """Draw a part with two leads from `start` to `end`. `side`: top, bottom, left or right of it on the sheet."""
        self._drawing.add(kind().endpoints(start, end))
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
        away = 0.42 if kind in {elm.ResistorIEC, elm.Fuse} else 0.5
        place: dict[str, tuple[Xy, Halign, Valign]] = {
            "top": ((x, y + away), "center", "bottom"),
            "bottom": ((x, y - away), "center", "top"),
            "left": ((x - away, y), "right", "center"),
            "right": ((x + away, y), "left", "center"),
        }
        at, horizontal, vertical = place[side]
        self.text(at, label, horizontal, vertical)

    def text(
        self,
        at: Xy,
        text: str,
        horizontal: Halign = "left",
        vertical: Valign = "center",
        *,
        size: float = TEXT,
        color: str = "black",
    ) -> None:
        """Write `text` (lines end with a newline character) at a point."""
        if vertical == "center":  # schemdraw centres between baseline and ascent, which sits a little high
            at = (at[0], at[1] - 0.085 * size / TEXT)
        self._drawing.add(
            elm.Label()
            .at(at)
            .theta(0)
            .zorder(6)
            .label(text, ofst=0, halign=horizontal, valign=vertical, fontsize=size, color=color)
        )

    def ground(self, *points: Xy) -> None:
        """Draw ground symbols that hang from `points`."""
        for point in points:
            self._drawing.add(elm.Ground().at(point).theta(0))

    def supply(self, at: Xy, name: str) -> None:
        """Draw a supply rail above a point."""
        self._drawing.add(elm.Vdd().at(at).theta(0))  # type: ignore[no-untyped-call]  # schemdraw leaves it untyped
        self.text((at[0], at[1] + 0.68), name, "center", "bottom")

    def net(self, at: Xy, name: str, to: str = "right") -> None:
        """Draw a flag with a net's name; equal names are connected. `to`: left or right of the point."""
        flag = elm.Tag(width=text_width(name) + 0.75, height=0.56).at(at)
        sign = 1 if to == "right" else -1
        self._drawing.add(flag.theta(0) if to == "right" else flag.left())
        self.text((at[0] + sign * (text_width(name) + 0.95) / 2, at[1]), name, "center", "center", color="#00438a")

    def terminal(self, at: Xy, number: str, name: str) -> None:
        """Draw a screw terminal with its number inside, its name to the left."""
        self._drawing.add(elm.Dot(radius=0.3, open=True).at(at).theta(0))
        self.text((at[0], at[1]), number, "center", "center", size=10)
        self.text((at[0] - 0.52, at[1]), name, "right", "center")

    def frame(self, corner: Xy, opposite: Xy, title: str) -> None:
        """Draw a dashed frame with a title in its upper left corner; corner is the upper left one."""
        self._drawing.add(
            elm.Rect(corner1=corner, corner2=opposite, ls="--", lw=0.8, color="#777777").at((0, 0)).theta(0)
        )
        self.text((corner[0] + 0.25, corner[1] - 0.45), title, "left", "center", size=12.5, color="#8a1c00")

    def opamp(self, at: Xy, label: str, pins: tuple[str, str, str]) -> tuple[Xy, Xy, Xy]:
        """Draw an amplifier, its negative input at `at`; return positive input, negative input, output.

        `pins` are the numbers of the positive input, the negative input and the output.
        """
        amplifier = self._drawing.add(elm.Opamp(leads=True).anchor("in1").at(at).theta(0))
        minus, plus, out = (_xy(amplifier.absanchors[name]) for name in ("in1", "in2", "out"))
        self.text((minus[0] + 0.3, minus[1] + 0.08), pins[1], "center", "bottom", size=9)
        self.text((plus[0] + 0.3, plus[1] + 0.08), pins[0], "center", "bottom", size=9)
        self.text((out[0] - 0.3, out[1] + 0.08), pins[2], "center", "bottom", size=9)
        self.text((minus[0] + 1.55, (minus[1] + plus[1]) / 2), label, "center", "center", size=10)
        return plus, minus, out

    def transistor(self, drain: Xy) -> tuple[Xy, Xy]:
        """Draw an n-channel MOSFET with its gate to the left, its drain at `drain`; return gate and source."""
        fet = self._drawing.add(elm.NFet().reverse().anchor("drain").at(drain).theta(0))
        return _xy(fet.absanchors["gate"]), _xy(fet.absanchors["source"])

    def buffer(self, at: Xy) -> Xy:
        """Draw a triangle, its input at `at`; return the output."""
        x, y = at
        self.wire((x + 0.4, y + 0.5), (x + 1.3, y), (x + 0.4, y - 0.5), (x + 0.4, y + 0.5))
        self.wire(at, (x + 0.4, y))
        self.wire((x + 1.3, y), (x + 1.7, y))
        return x + 1.7, y

    def strip(self, at: Xy, nets: Sequence[str]) -> None:
        """Draw a strip of pins with numbers inside and nets to the right (empty: open), from `at` down."""
        x, y = at
        self._drawing.add(elm.Rect(corner1=at, corner2=(x + 0.8, y - 0.62 * len(nets))).at((0, 0)).theta(0))
        for i, net in enumerate(nets):
            row = y - 0.62 * (i + 0.5)
            self.text((x + 0.4, row), str(i + 1), "center", "center", size=10)
            self.wire((x + 0.8, row), (x + 1.2, row))
            if net == "GND":
                self._drawing.add(elm.Ground().at((x + 1.2, row)).theta(90))
            elif net == "":
                self._drawing.add(elm.NoConnect().at((x + 1.2, row)).theta(0))  # type: ignore[no-untyped-call]  # idem
            else:
                self.net((x + 1.2, row), net)

    def box(self, corner: Xy, width: float, left: Sequence[Pin], right: Sequence[Pin], title: str) -> float:
        """Draw a part with named pins and its nets, `corner` the upper left one; return the y of its lower edge."""
        step, x, top = 0.72, corner[0], corner[1]
        bottom = top - step * (max(len(left), len(right)) + 0.6) - (0.5 * len(title.splitlines()) + 0.2)
        self._drawing.add(elm.Rect(corner1=corner, corner2=(x + width, bottom)).at((0, 0)).theta(0))
        self.text((x + width / 2, top - 0.25), title, "center", "top", size=12.5)
        first = top - (0.5 * len(title.splitlines()) + 0.2) - step * 0.7
        for pins, edge, sign in ((left, x, -1), (right, x + width, 1)):
            inside: Halign = "left" if sign < 0 else "right"
            outside: Halign = "right" if sign < 0 else "left"
            for i, pin in enumerate(pins):
                y = first - i * step
                end = (edge + sign * 0.75, y)
                self.wire((edge, y), end)
                self.text((edge - sign * 0.15, y), pin.name, inside, "center")
                if pin.number:
                    self.text(
                        (edge + sign * (0.1 if sign > 0 else 0.2), y + 0.06), pin.number, outside, "bottom", size=9
                    )
                if pin.net == "GND":
                    self._drawing.add(elm.Ground().at(end).theta(sign * 90))
                elif pin.net is None:
                    self._drawing.add(elm.NoConnect().at(end).theta(0))  # type: ignore[no-untyped-call]  # idem
                else:
                    self.net(end, pin.net, "left" if sign < 0 else "right")
        return bottom


def _xy(point: schemdraw.util.Point) -> Xy:
    return float(point[0]), float(point[1])
