"""What the daemon knows: live in memory, the newest hour as seconds, and on disk a journal and a history of minutes."""

from fluksod.store.live import Store, Stream

__all__ = ["Store", "Stream"]
