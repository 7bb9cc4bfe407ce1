"""A home's use beside that of a standard load profile. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flukso_cloud.series import ENOUGH


class Likeness(NamedTuple):
    """What was used, and what is expected of a profile, in Wh, in the buckets that are compared.

    `factor` is what the profile was multiplied with to be `expected`. `elsewhere` is the share of the use that falls
    into other buckets than the profile's, from 0 (the same shape) to 1; None where nothing was used.
    """

    used: float
    expected: float
    factor: float
    elsewhere: float | None


def compare(
    flowed: Sequence[float | None], coverage: Sequence[float], profile: Sequence[float], *, scale: bool
) -> tuple[list[bool], Likeness | None]:
    """Compare what flowed in some buckets with a profile; return which buckets are compared, and how alike they are.

    Those are compared of which half at least was measured; None if there are none. With `scale` the profile is made as
    large as the use, so that only the shape counts.
    """
    compared = [value is not None and covered >= ENOUGH for value, covered in zip(flowed, coverage, strict=True)]
    own = [value or 0.0 for value, is_in in zip(flowed, compared, strict=True) if is_in]
    other = [value for value, is_in in zip(profile, compared, strict=True) if is_in]
    used, expected = sum(own), sum(other)
    if not own or expected <= 0:
        return compared, None
    factor = used / expected if scale else 1.0
    elsewhere = None
    if used > 0:
        elsewhere = sum(abs(mine / used - theirs / expected) for mine, theirs in zip(own, other, strict=True)) / 2
    return compared, Likeness(used, expected * factor, factor, elsewhere)
