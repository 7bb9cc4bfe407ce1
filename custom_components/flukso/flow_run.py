"""How long water or gas has been flowing without a stop. Knows nothing of Home Assistant.

A leak is told from use by its length: whoever uses water stops in between, a leak never does.
"""


class FlowRun:
    """Follows the flow of one meter. Times are in seconds on any one clock that goes forward."""

    def __init__(self, pause: float) -> None:
        """Let a stop of at most `pause` seconds pass as no stop: a lost packet must not hide a leak."""
        self._pause = pause
        self._began: float | None = None
        self._stopped: float | None = None
        self._newest = float("-inf")

    @property
    def began(self) -> float | None:
        """Return since when it has been flowing, None while it is not."""
        return self._began if self._stopped is None else None

    def observe(self, at: float, *, flowing: bool) -> None:
        """Take into account that it flows, or not, from `at` on. What is older than the newest is ignored."""
        if at < self._newest:
            return
        self._newest = at
        if not flowing:
            if self._stopped is None:
                self._stopped = at
        elif self._began is None or (self._stopped is not None and at - self._stopped > self._pause):
            self._began, self._stopped = at, None
        else:
            self._stopped = None

    def lasted(self, at: float) -> float:
        """Return for how many seconds it has been flowing at `at`, 0 while it is not."""
        return 0.0 if self.began is None else max(0.0, at - self.began)
