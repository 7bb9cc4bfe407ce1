"""What Prometheus may know of this process. The parts count here what they do; nobody's data is in it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from . import __version__

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
Info("flukso_cloud", "The running version.", registry=REGISTRY).info({"version": __version__})

_UNTIL = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds: from an answer out of memory to the longest that a device waits."""

REQUESTS = Counter("flukso_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "flukso_request_seconds", "Time until an answer began.", ["route"], buckets=_UNTIL, registry=REGISTRY
)
UPLOADS = Counter("flukso_uploads", "Uploads of measurements that were acknowledged.", registry=REGISTRY)
SAMPLES = Counter(
    "flukso_samples",
    "Samples that were uploaded: stored (new or corrected), known already, refused.",
    ["outcome"],
    registry=REGISTRY,
)
_STORED, _KNOWN, _REFUSED = map(SAMPLES.labels, ("stored", "known", "refused"))
COMMIT_SECONDS = Histogram(
    "flukso_commit_seconds", "Time that a commit took, with the writes in it.", buckets=_UNTIL, registry=REGISTRY
)
COMMIT_WRITES = Histogram(
    "flukso_commit_writes",
    "Writes that shared a commit.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
    registry=REGISTRY,
)
COMMIT_FAILURES = Counter("flukso_commit_failures", "Commits that failed; nothing of them was kept.", registry=REGISTRY)
WAITING = Gauge("flukso_writes_waiting", "Writes that wait for a commit.", registry=REGISTRY)
FOLDED = Counter("flukso_samples_folded", "Samples that were put into chunks.", registry=REGISTRY)
FOLDING_SECONDS = Gauge(
    "flukso_folding_seconds",
    "Time that the last round over all sensors took, from some days to chunks.",
    registry=REGISTRY,
)
LISTENERS = Gauge("flukso_live_listeners", "Streams of live readings that are open.", registry=REGISTRY)
LOST = Counter("flukso_live_readings_lost", "Readings that listeners too slow for them have lost.", registry=REGISTRY)
LIVE_SECONDS = Counter(
    "flukso_live_seconds", "Seconds that devices sent for listeners: taken, refused.", ["outcome"], registry=REGISTRY
)
_SECONDS_TAKEN, _SECONDS_REFUSED = map(LIVE_SECONDS.labels, ("taken", "refused"))
DATABASE_BYTES = Gauge("flukso_database_bytes", "Size of the database's files.", ["file"], registry=REGISTRY)


def uploaded(*, stored: int, known: int, refused: int) -> None:
    """Count an upload that is acknowledged."""
    UPLOADS.inc()
    _STORED.inc(stored)
    if known:
        _KNOWN.inc(known)
    if refused:
        _REFUSED.inc(refused)


def seconds(*, taken: int, refused: int) -> None:
    """Count seconds that a device sent for listeners."""
    _SECONDS_TAKEN.inc(taken)
    if refused:
        _SECONDS_REFUSED.inc(refused)
