"""What a broker is to know: the newest payload of each retained topic, and which of them it has not been told. Pure."""

from __future__ import annotations


class RetainedTopics:
    """The newest payload of each topic. However long the broker is away, each topic waits once."""

    def __init__(self) -> None:
        self._payloads: dict[str, bytes] = {}
        self._untold: dict[str, None] = {}

    def put(self, topic: str, payload: bytes) -> bool:
        """Keep `payload` as the newest of `topic`; False when the broker has the same one already."""
        if self._payloads.get(topic) == payload:
            return False
        self._payloads[topic] = payload
        self._untold[topic] = None
        return True

    def all_anew(self) -> None:
        """The broker, or somebody behind it, knows nothing: everything is to be told again."""
        self._untold = dict.fromkeys(self._payloads)

    def take(self) -> tuple[str, bytes] | None:
        """The topic that waits longest, with its newest payload; it no longer waits. None when nothing does."""
        topic = next(iter(self._untold), None)
        if topic is None:
            return None
        del self._untold[topic]
        return topic, self._payloads[topic]
