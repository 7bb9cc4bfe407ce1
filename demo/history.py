"""The simulated household's past, put into the cloud through its public upload path and summed up by the hour."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence

import aiohttp

from .processes import DemoError

DAYS = 30
# A day of minutes in one request: well below the cloud's body limit.
_SAMPLES_PER_UPLOAD = 1440

Sample = tuple[int, int]


async def upload(session: aiohttp.ClientSession, cloud: str, key: str, sensor: str, samples: Iterable[Sample]) -> int:
    """Post (unix seconds, counter) samples of `sensor`, signed with the device's `key`; return how many were stored.

    This is what a Fluksometer does after a long time without network. `cloud` is its URL without a trailing slash.
    Raise `DemoError` when the cloud does not take them.
    """
    count = 0
    for batch in _batches(samples):
        body = json.dumps({"measurements": batch}, separators=(",", ":")).encode()
        # HMAC-SHA1 with the 32 ASCII characters of the key: the wire format of the original Fluksometers.
        digest = hmac.new(key.encode(), body, hashlib.sha1).hexdigest()
        headers = {"Content-Type": "application/json", "X-Version": "1.0", "X-Digest": digest}
        async with session.post(f"{cloud}/sensor/{sensor}", data=body, headers=headers) as response:
            if response.status != 200:
                reason = response.headers.get("WWW-Authenticate") or await response.text()
                raise DemoError(f"The cloud did not take the history of {sensor}: {response.status} {reason}")
        count += len(batch)
    return count


def _batches(samples: Iterable[Sample]) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) == _SAMPLES_PER_UPLOAD:
            yield batch
            batch = []
    if batch:
        yield batch


def by_hour(samples: Sequence[Sample]) -> list[tuple[int, float]]:
    """Return (start of the hour, counter at its end) for each whole hour that `samples` cover."""
    at = dict(samples)
    first, last = samples[0][0], samples[-1][0]
    start = -(-first // 3600) * 3600
    return [(hour, float(at[hour + 3600])) for hour in range(start, last - 3599, 3600) if hour + 3600 in at]
