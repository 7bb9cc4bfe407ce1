"""The log as journald wants it: the level as a number in front, where standard error is the journal (sd-daemon(3))."""

from __future__ import annotations

import logging
import os
import sys

_LEVELS = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class JournalFormatter(logging.Formatter):
    """`<4>message`; each line of a traceback has the level too."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        level = f"<{_LEVELS.get(record.levelno, 5)}>"
        return "\n".join(level + line for line in super().format(record).splitlines())


def stderr_is_journal() -> bool:
    """Whether standard error is connected to the journal: systemd tells its device and inode in JOURNAL_STREAM."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    stat = os.fstat(sys.stderr.fileno())
    return (device, inode) == (str(stat.st_dev), str(stat.st_ino))


def log_to_stderr() -> None:
    """Set up the log."""
    handler = logging.StreamHandler(sys.stderr)
    is_journal = stderr_is_journal()
    handler.setFormatter(
        JournalFormatter("%(message)s") if is_journal else logging.Formatter("%(levelname)s %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
