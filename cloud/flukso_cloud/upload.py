"""The bodies that devices send (sections 2.2 to 2.4 of the protocol reference, docs/protocol.md), checked and read.

Bodies are read from the raw bytes that were signed (trap 6). Unknown members are ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from .ids import is_id
from .live import Gauge
from .meter import HIGHEST, LOWEST, Sample
from .repetition import RepetitionError, refuse_repetition
from .store.model import Heartbeat, SensorConfig, SensorPlan

EPOCH = 1_199_487_600
"""Unix seconds: the start of the original archives (2008). An older time comes from a clock that was never set."""
SKEW = 300
"""Seconds that a device's clock may be ahead of ours."""
IN_FUTURE = "time in the future"
"""Why a pair is refused whose time lies beyond that skew."""
LONGEST_NAME = 64
_WORD = re.compile(r"[a-z0-9_]{1,16}")


class MalformedError(ValueError):
    """The body cannot be read; the text says why and quotes nothing of it."""


class Measurements(NamedTuple):
    """What an upload holds: samples to store, gauges to show, and how many pairs were refused for which reason."""

    samples: list[Sample]
    gauges: list[Gauge]
    refused: dict[str, int]


class _Upload(msgspec.Struct):
    measurements: list[Sample] | None = None
    gauges: list[Any] = []
    config: Any = None


class _LooseUpload(msgspec.Struct):
    measurements: list[Any] | None = None
    gauges: list[Any] = []
    config: Any = None


class _SensorPlan(msgspec.Struct):
    type: str = ""
    class_: str = msgspec.field(default="", name="class")
    function: str = ""


class _Heartbeat(msgspec.Struct):
    key: str | None = None
    sensors: dict[str, Any] = {}
    reset: int = 0
    version: int | None = None
    uptime: int | None = None
    ip: str | None = None
    port: str | int | None = None


class _TokenRequest(msgspec.Struct):
    time: int


class _Config(msgspec.Struct):
    type: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")
    function: str | int | float | None = None
    voltage: float | None = None
    current: float | None = None
    phase: int | None = None
    constant: float | None = None
    enable: int | None = None
    port: int | list[int | str] | str | None = None
    subtype: str | None = None
    kid: int | None = None
    data_type: str | None = None


class Beat(NamedTuple):
    """A heartbeat: the device's state, its sensors, ids of sensors that cannot be used, and the key if it registers."""

    state: Heartbeat
    sensors: list[SensorPlan]
    refused: list[str]
    key: str | None


_strict = msgspec.json.Decoder(_Upload)
_loose = msgspec.json.Decoder(_LooseUpload)
_beats = msgspec.json.Decoder(_Heartbeat)
_token_requests = msgspec.json.Decoder(_TokenRequest)


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        content = decoder.decode(body)
        refuse_repetition(body)
    except RepetitionError as error:
        raise MalformedError(str(error)) from None
    except msgspec.ValidationError as error:
        raise MalformedError(f"wrong member: {error}") from None
    except msgspec.DecodeError as error:
        raise MalformedError(str(error)) from None
    except RecursionError:
        raise MalformedError("JSON is nested too deep") from None
    except UnicodeDecodeError:
        raise MalformedError("JSON is in UTF-8") from None
    except ValueError as error:
        raise MalformedError("JSON holds a number that is too long") from error
    return content


def read_measurements(body: bytes, now: int) -> Measurements | SensorConfig:
    """Read the body of POST /sensor. Each pair is taken or refused on its own; MalformedError if all is unreadable.

    Pairs are refused whose time lies beyond `now` and a skew, or before Flukso; whose counter is no integer
    (section 2.3) or does not fit 32 bits; or which are no pairs.
    """
    try:
        upload = _strict.decode(body)
        refuse_repetition(body)
    except msgspec.ValidationError:
        upload = _decode(_loose, body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        upload = _decode(_strict, body)  # for its message
    if upload.config is not None:
        if upload.measurements is not None:
            raise MalformedError("a body has either measurements or config, not both")
        return read_config(upload.config, now)
    if upload.measurements is None and not upload.gauges:
        raise MalformedError("a body needs measurements or config")
    refused: dict[str, int] = {}
    given = upload.measurements or []
    if type(upload) is _Upload and given and are_flawless(*zip(*given, strict=True), now=now):
        samples = given
    else:
        samples = [Sample(*pair) for pair in _accepted(given, now, refused)]
    gauges = [Gauge(*pair) for pair in _accepted(upload.gauges, now, refused, whole=False)]
    return Measurements(samples, sorted(gauges), refused)


def are_flawless(times: Sequence[int], counters: Sequence[int], *, now: int) -> bool:
    """Tell whether all of some measurements would be taken, in a tenth of the time that it takes to look at each."""
    return bool(
        min(times) >= EPOCH and max(times) <= now + SKEW and min(counters) >= LOWEST and max(counters) <= HIGHEST
    )


def _accepted(
    pairs: Sequence[Any], now: int, refused: dict[str, int], *, whole: bool = True
) -> Iterator[tuple[Any, Any]]:
    for pair in pairs:
        reason = objection(pair, now, whole=whole)
        if reason is None:
            yield pair[0], pair[1]
        else:
            refused[reason] = refused.get(reason, 0) + 1


def objection(pair: Any, now: int, *, whole: bool = True) -> str | None:
    """Return why a pair of time and value, sent at `now`, is refused, None if it is not; `whole` is for counters."""
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        return "no pair"
    time, value = pair
    if type(time) is not int or time < EPOCH:
        return "no time"
    if time > now + SKEW:
        return IN_FUTURE
    if whole:
        if type(value) is not int:
            return "no integer"
        if not LOWEST <= value <= HIGHEST:
            return "beyond 32 bits"
    elif type(value) not in (int, float) or not math.isfinite(value) or abs(value) > HIGHEST:
        return "no number"
    return None


def read_config(members: Any, now: int) -> SensorConfig:
    """Read a sensor's configuration, told at `now` (unix seconds); MalformedError if it cannot be read."""
    try:
        config = msgspec.convert(members, _Config)
    except msgspec.ValidationError as error:
        raise MalformedError(f"wrong member of config: {error}") from None
    if config.enable is None:
        raise MalformedError("config needs enable: 1, or 0")
    ports = config.port if isinstance(config.port, list) else [config.port]
    port = ports[0] if ports and isinstance(ports[0], int) else None
    numbers = (config.voltage, config.current, config.phase, config.constant, config.enable, config.kid, port)
    if any(number is not None and not abs(number) <= HIGHEST for number in numbers):
        raise MalformedError("a number of config is too large")
    for word in (config.type, config.class_, config.subtype, config.data_type):
        if word is not None and not _WORD.fullmatch(word):
            raise MalformedError("type and class of config are words of up to 16 lowercase letters")
    return SensorConfig(
        type=config.type,
        class_=config.class_,
        function=None if config.function is None else _name(str(config.function)),
        voltage=config.voltage,
        current=config.current,
        phase=config.phase,
        constant=config.constant,
        enabled=config.enable,
        port=port,
        subtype=config.subtype,
        kid=config.kid,
        data_type=config.data_type,
        time=now,
    )


def _name(text: str) -> str:
    """Return a name fit to be shown: one line, no control characters, not too long."""
    return "".join(character for character in text if character.isprintable())[:LONGEST_NAME]


def read_time(body: bytes) -> int:
    """Read when a device asked for a token, in unix seconds; MalformedError if the body does not say."""
    asked: _TokenRequest = _decode(_token_requests, body)
    return asked.time


def read_heartbeat(body: bytes, now: int) -> Beat:
    """Read the body of POST /device; MalformedError if it cannot be read."""
    beat: _Heartbeat = _decode(_beats, body)
    if beat.key is not None and not is_id(beat.key):
        raise MalformedError("key has to be 32 lowercase hexadecimal digits")
    if not 0 <= beat.reset <= 1000 or abs(beat.version or 0) > HIGHEST:
        raise MalformedError("reset or version is out of range")
    sensors: list[SensorPlan] = []
    refused: list[str] = []
    for sensor_id, members in beat.sensors.items():
        try:
            plan = msgspec.convert(members, _SensorPlan)
        except msgspec.ValidationError:
            plan = _SensorPlan()
        if is_id(sensor_id) and _WORD.fullmatch(plan.type) and _WORD.fullmatch(plan.class_):
            sensors.append(SensorPlan(sensor_id, plan.type, plan.class_, _name(plan.function)))
        else:
            refused.append(sensor_id[:LONGEST_NAME])
    state = Heartbeat(
        time=now,
        reset=beat.reset,
        version=beat.version,
        uptime=beat.uptime if abs(beat.uptime or 0) <= HIGHEST else None,
        ip=None if beat.ip is None else _name(beat.ip),
        port=None if beat.port is None else _name(str(beat.port)),
    )
    return Beat(state, sensors, refused, beat.key)
