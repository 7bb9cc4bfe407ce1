"""What a clamp sees: a current with harmonics, and what either kind of front end makes of it.

Pure. Amplitudes are relative to the fundamental; angles in Python's interface are degrees, inside radians.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from .board_header import BoardHeader, FrontEnd

NOISE_STEPS = 0.4
"""RMS noise of a clamp input, in ADC steps."""
SMOOTHING_S = 0.020
"""Time constant of the RC filter behind the rectifier."""
HIGHEST_RIPPLE = 8
"""Highest order of the mains frequency that is kept of the rectified wave; the filter leaves nothing of higher ones."""
POINTS = 1440

Harmonic = tuple[int, float, float]


@dataclass(frozen=True)
class Waveform:
    """A current of `watts` (nominal volts x RMS of the fundamental), as a clamp sees it.

    `harmonics`: order (2 to 15) to share of the fundamental, or to (share, phase in degrees). `phase_deg`: of the whole
    wave against the mains. `offset` (of the front end) and `noise` (RMS) are in ADC steps.
    """

    watts: float
    harmonics: Mapping[int, float | tuple[float, float]] = field(default_factory=dict)
    phase_deg: float = 0.0
    offset: float = 0.0
    noise: float = NOISE_STEPS

    @property
    def spectrum(self) -> tuple[Harmonic, ...]:
        """Fundamental and harmonics: (order, share, angle in rad). ValueError for an order below 2 or above 15."""
        spectrum: list[Harmonic] = [(1, 1.0, 0.0)]
        for order, value in self.harmonics.items():
            if not 2 <= order <= 15:
                raise ValueError(f"a harmonic has an order from 2 to 15, not {order}")
            share, phase_deg = value if isinstance(value, tuple) else (value, 0.0)
            spectrum.append((order, share, math.radians(phase_deg)))
        return tuple(spectrum)


@dataclass(frozen=True)
class FrontEndView:
    """What the ADC gets: see struct clamp in avr/sim/chip.h. `terms` are (order, amplitude, angle in rad)."""

    level: float
    direct: float
    bias: float
    smoothing_s: float
    terms: tuple[Harmonic, ...]


@lru_cache(maxsize=256)
def _rectified(spectrum: tuple[Harmonic, ...]) -> tuple[float, tuple[Harmonic, ...]]:
    """Return the mean of the rectified wave against that of a sine (2/pi), and its ripple as a series of cosines."""
    turns = [2 * math.pi * (i + 0.5) / POINTS for i in range(POINTS)]
    wave = [abs(sum(share * math.sin(order * turn + angle) for order, share, angle in spectrum)) for turn in turns]
    mean = sum(wave) / POINTS
    terms = []
    for order in range(1, HIGHEST_RIPPLE + 1):
        real = 2 * sum(w * math.cos(order * turn) for w, turn in zip(wave, turns, strict=True)) / POINTS / mean
        imaginary = -2 * sum(w * math.sin(order * turn) for w, turn in zip(wave, turns, strict=True)) / POINTS / mean
        terms.append((order, math.hypot(real, imaginary), math.atan2(imaginary, real)))
    return mean * math.pi / 2, tuple(terms)


def _biased(spectrum: tuple[Harmonic, ...]) -> tuple[float, tuple[Harmonic, ...]]:
    """Return the RMS against that of the fundamental, and the wave for an RMS of 1 as a series of cosines."""
    rms = math.sqrt(sum(share * share for _, share, _ in spectrum))
    return rms, tuple((order, math.sqrt(2) * share / rms, angle - math.pi / 2) for order, share, angle in spectrum)


def watts_per_step(header: BoardHeader) -> float:
    """Return the power of one ADC step (mean or RMS) with the board's default meter constant."""
    return header.number("METERCONST_DEFAULT") * 9 / header.number("METERCONST_DIVISOR")


def front_end_view(waveform: Waveform, header: BoardHeader) -> FrontEndView:
    """Return what the board's front end makes of the waveform."""
    biased = header.front_end is FrontEnd.RMS
    factor, terms = (_biased if biased else _rectified)(waveform.spectrum)
    phase = math.radians(waveform.phase_deg)
    return FrontEndView(
        level=waveform.watts / watts_per_step(header) * factor,
        direct=0.0 if biased else 1.0,
        bias=(512.0 if biased else 0.0) + waveform.offset,
        smoothing_s=0.0 if biased else SMOOTHING_S,
        terms=tuple((order, amplitude, angle + order * phase) for order, amplitude, angle in terms),
    )
