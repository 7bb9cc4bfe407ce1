"""What mosquitto reads: its configuration, who may connect, and who may say and hear what. Pure.

Password file and access list are mosquitto's own and oldest way, need nothing beside it, and hold no secret: they are
derived from the database, which alone knows. (Its `dynamic-security` plugin would be a second database to keep in step,
written whole at every change as well; plugins that ask a web service are in no distribution.)
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from flukso_cloud.tmpo import MOST_BYTES

CLOUD = "cloud"
"""The user that listens: no device is called so."""
_ITERATIONS = 101
"""As mosquitto_passwd has it. Keys are 128 random bits, which nobody guesses however fast he may try."""
_TOPIC_BYTES = 1024
_MEMORY_BYTES = 1024 * 1024 * 1024
"""That messages may fill before new ones are refused. It bounds what waits for the cloud, whatever their number."""
_MOST_QUEUED = 100_000
"""Messages that may wait for the cloud: devices cut their blocks in the same 16 s. (Without any limit, mosquitto 2.0.11
was seen to lose its clients when it reads its files anew.)"""
_PATTERNS = """\
pattern write /device/%u/config/sensor
pattern write /device/%u/config/kube
pattern write /device/%u/tmpo/sync
pattern read /d/device/%u/tmpo/sync

"""
"""Of every device. Sensors are not in its topics, so each device has its own listed."""

_BLOCKS = "topic write /sensor/{}/tmpo/#\n"


def password(user: str, secret: bytes) -> str:
    """Return a user's line of the password file: PBKDF2 with SHA-512, salted, in mosquitto's form `$7$`."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", secret, salt, _ITERATIONS)
    encoded = [base64.b64encode(part).decode() for part in (salt, digest)]
    return f"{user}:$7${_ITERATIONS}${encoded[0]}${encoded[1]}\n"


def access(devices: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return the access list for devices, each with the ids of its sensors: nobody writes for another's sensor."""
    lines = [_PATTERNS, f"user {CLOUD}\ntopic read /sensor/#\ntopic read /device/#\ntopic write /d/device/#\n"]
    for device, sensors in devices:
        if sensors:
            lines.append(f"user {device}\n")
            lines += [_BLOCKS.format(sensor) for sensor in sensors]
    return "".join(lines)


def configuration(*, listener: str, user: str, folder: Path, socket: Path, certificate: Path, key: Path) -> str:
    """Return mosquitto's configuration: TLS for devices at `listener` ("8883 0.0.0.0"), a socket for the cloud.

    `user` is the system's, that it goes on as when root starts it.
    """
    return f"""\
# made by flukso-cloud, anew at each start
user {user}
persistence false
log_dest stderr
log_type error
log_type warning
log_type notice
allow_anonymous false
password_file {folder / "passwords"}
acl_file {folder / "access"}
message_size_limit {MOST_BYTES + _TOPIC_BYTES}
memory_limit {_MEMORY_BYTES}
max_queued_messages {_MOST_QUEUED}
listener 0 {socket}
listener {listener}
certfile {certificate}
keyfile {key}
"""
