"""Who may do what with which sensor, and how finely. Pure: the rules, in one place; every route asks them.

Private by default: what no rule here allows, nobody may.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Grant(NamedTuple):
    """What may be seen: buckets of `resolution` seconds or longer (0: every reading), from `since` on.

    `since` is in unix seconds; 0 is all the past.
    """

    resolution: int
    since: int = 0


class Viewer(NamedTuple):
    """Somebody who asks: an account, by a session or a token.

    A token may be for some sensors (their numbers) alone, for reading at `resolution` seconds or coarser (0: every
    reading), and for writing or not. A device (its number) only hears what its owner is subscribed to. `in_person` is
    who has logged in.
    """

    account: int
    sensors: frozenset[int] | None = None
    device: int | None = None
    resolution: int = 0
    writes: bool = False
    in_person: bool = False

    @property
    def sees_all(self) -> bool:
        """Whether all of the account is seen, every reading."""
        return self.lists and self.resolution == 0

    @property
    def lists(self) -> bool:
        """Whether all of the account is seen, at some resolution."""
        return self.sensors is None and self.device is None

    @property
    def manages(self) -> bool:
        """Whether shares, groups, subscriptions and devices may be changed: in person, or by a token that writes all.

        Who sees less than all could give others more than that.
        """
        return self.in_person or (self.writes and self.sees_all)


class Sight(NamedTuple):
    """What a viewer may see of a sensor: at least one grant. `own` is whether it is the viewer's own sensor."""

    grants: tuple[Grant, ...]
    own: bool

    @property
    def finest(self) -> int:
        """The finest resolution in seconds, 0: every reading."""
        return min(grant.resolution for grant in self.grants)

    def since(self, resolution: int) -> int | None:
        """Return from when on (unix seconds) buckets of `resolution` seconds may be seen, None if none may be.

        They are whole numbers of the granted buckets: from others, what is finer could be worked out.
        """
        fitting = [grant.since for grant in self.grants if not grant.resolution or _fits(grant.resolution, resolution)]
        return min(fitting, default=None)


def _fits(granted: int, asked: int) -> bool:
    return asked >= granted and asked % granted == 0


def heard(viewer: Viewer, sensor: int, owner: int | None, grants: Sequence[Grant]) -> Sight | None:
    """Return what a viewer may hear of a sensor (its number) that belongs to `owner`, None if nothing.

    `grants` are those of the owner that the viewer's account has subscribed to.
    """
    if viewer.sensors is not None and sensor not in viewer.sensors:
        return None
    own = owner == viewer.account
    if own and viewer.device is None:
        given: Sequence[Grant] = (Grant(0),)
    else:
        given = () if own else grants
    kept = tuple(Grant(max(grant.resolution, viewer.resolution), grant.since) for grant in given)
    return Sight(kept, own) if kept else None


def seen(viewer: Viewer, sensor: int, owner: int | None, grants: Sequence[Grant]) -> Sight | None:
    """Return what a viewer may see of a sensor's history, None if nothing: what may be heard, but not by a device."""
    return None if viewer.device is not None else heard(viewer, sensor, owner, grants)


def writes(viewer: Viewer, sensor: int, owner: int | None) -> bool:
    """Tell whether a viewer may change a sensor (its number) and its history: its owner, at full resolution."""
    sight = seen(viewer, sensor, owner, ())
    return sight is not None and sight.own and sight.finest == 0 and (viewer.in_person or viewer.writes)
