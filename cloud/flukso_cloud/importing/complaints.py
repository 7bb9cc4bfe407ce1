"""What of a source could not be read."""

from __future__ import annotations

MOST_SHOWN = 20


class Complaints:
    """Keeps the first complaints and counts all."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.count = 0

    def add(self, where: str, what: str) -> None:
        """Complain about what is at `where`, such as "line 7"."""
        self.count += 1
        if self.count <= MOST_SHOWN:
            self.shown.append(f"{where}: {what}")

    def lines(self) -> list[str]:
        """Return what to tell, a line each."""
        more = self.count - len(self.shown)
        return [*self.shown, *([f"and {more} more"] if more else [])]


class SourceError(Exception):
    """The source cannot be imported at all; the text says why."""
