"""What a telegram of a P1 meter says, whatever its country: registers, powers, phases, meters behind it. No I/O.

dsmr-parser reads the lines and checks the CRC. One specification of ours, made of its parts, covers DSMR 2.2, 4 and 5,
the Belgian, Luxembourg, Swedish and Austrian variants: they differ in which registers are there, not in what a
register means, so nobody has to name the variant.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from dsmr_parser import obis_references as obis
from dsmr_parser.exceptions import DecryptionError, InvalidChecksumError, ParseError
from dsmr_parser.value_types import timestamp

from fluksod.deferred_import import deferring, take_in
from fluksod.sensor import SensorType

_ONLY_TO_DECRYPT = (
    "cryptography.hazmat.primitives.ciphers",
    "dlms_cosem.connection",
    "dlms_cosem.exceptions",
    "dlms_cosem.protocol.xdlms",
)
with deferring(_ONLY_TO_DECRYPT):
    from dsmr_parser import parsers
    from dsmr_parser.parsers import CosemParser, MaxDemandParser, MBusParser, TelegramParser, ValueParser

logging.getLogger("dsmr_parser").setLevel(logging.CRITICAL)  # it tells each odd line with a traceback, once a second

TARIFFS = (1, 2, 3, 4)
_WRAP = 1 << 32
_ENERGY = {"wh": 1, "kwh": 1000, "mwh": 1_000_000}
_POWER = {"w": 1, "kw": 1000, "mw": 1_000_000}
_VOLUME = {"m3": 1000, "dm3": 1, "l": 1}
_MBUS_TYPES = {
    3: SensorType.GAS,
    6: SensorType.WATER,
    7: SensorType.WATER,
    0x15: SensorType.WATER,
    0x16: SensorType.WATER,
}
"""Kinds of meters behind the P1 meter, EN 13757-3: gas; water, warm, hot and cold. Others are left out."""
_LINE = re.compile(rb"\d-\d:\d+\.\d+\.\d+(?:\*\d+)?(?:\([^()]*\))+|\([^()]*\)")
_CRC = re.compile(rb"![0-9A-Fa-f]{4}")


class TelegramError(Exception):
    """The telegram cannot be used; the text says why."""


class UndecipherableError(TelegramError):
    """The telegram cannot be decrypted with the key that is configured."""


@dataclass(frozen=True, slots=True)
class Count:
    """A register: whole Wh or L, and thousandths beyond them."""

    units: int
    milli: int = 0


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: power in W (negative: it flows out), V, and A with the sign of the power; None where not told."""

    power: float | None
    voltage: float | None
    current: float | None


@dataclass(frozen=True, slots=True)
class Behind:
    """A gas or water meter behind the P1 meter: its serial, its register, and the unix time of that reading."""

    serial: str
    type: SensorType
    count: Count
    time: int | None


@dataclass(frozen=True, slots=True)
class QuarterPower:
    """What a Belgian meter computes for the capacity tariff: quarter-hour averages of what is drawn, in W.

    `average` is that of the running quarter, which rises from 0; `month_peak` the highest of this month, `at` the unix
    time that the meter tells with it; `months` are the peaks of those before, the newest first.
    """

    average: float | None
    month_peak: float | None
    at: int | None
    months: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Telegram:
    """What one telegram said. Registers are None where it has none; powers in W; `tariffs` by number."""

    variant: str
    serial: str
    imported: Count | None
    exported: Count | None
    import_tariffs: dict[int, Count]
    export_tariffs: dict[int, Count]
    power_in: float | None
    power_out: float | None
    phases: tuple[Phase, ...]
    behind: tuple[Behind, ...]
    quarter_power: QuarterPower | None = None


class TelegramReader:
    """Reads telegrams, plain ones or with `key` encrypted ones (16 bytes; `authentication` the second key, if known).

    Without the second key the tag of an encrypted telegram is not checked, but its CRC is.
    """

    def __init__(self, key: bytes | None = None, authentication: bytes | None = None) -> None:
        self._key = key
        self._authentication = authentication
        if key is not None:
            take_in(parsers)
        self._plain = TelegramParser(_SPECIFICATION, apply_checksum_validation=False)
        self._encrypted = TelegramParser({**_SPECIFICATION, "checksum_support": True, "general_global_cipher": True})
        self._has_crc = False
        self._shape: tuple[bytes, ...] = ()

    def read(self, raw: bytes) -> Telegram:
        """Read one telegram as it came. Raises `TelegramError` for a wrong CRC and whatever else is not right."""
        try:
            if self._key is not None:
                authentication = None if self._authentication is None else self._authentication.hex()
                parsed = self._encrypted.parse(raw.hex(), self._key.hex(), authentication)
                return _telegram(parsed, "encrypted")
            self._check(raw)
            # A character for each byte, so that nothing changes under the CRC; some meters end lines with \n alone.
            text = raw.decode("latin-1").replace("\r\n", "\n").replace("\n", "\r\n")
            return _telegram(self._plain.parse(text), _variant(raw, has_crc=self._has_crc))
        except TelegramError:
            raise
        except InvalidChecksumError as error:
            raise TelegramError("wrong CRC") from error
        except DecryptionError as error:
            raise UndecipherableError("it cannot be decrypted; is the key this meter's?") from error
        except ParseError as error:
            raise TelegramError("it has no CRC") from error
        except Exception as error:  # the library raises whatever a wrong byte leads to
            kind = UndecipherableError if self._key is not None else TelegramError
            raise kind(f"it cannot be read ({type(error).__name__})") from error

    def _check(self, raw: bytes) -> None:
        if _CRC.search(raw):
            body, mark, crc = raw.rpartition(b"!")
            TelegramParser.validate_checksum((body + mark + crc.upper()).decode("latin-1"))
            self._has_crc = True
        elif self._has_crc:
            raise TelegramError("it has lost its CRC")
        else:
            self._check_shape(raw)

    def _check_shape(self, raw: bytes) -> None:
        """DSMR 2.2 has no CRC: take a telegram whose lines are whole, and the same as those of the one before."""
        lines = [line.strip(b"\r") for line in raw.split(b"\n")[1:]]
        body = [line for line in lines if line and not line.startswith(b"!")]
        if any(_LINE.fullmatch(line) is None for line in body):
            raise TelegramError("it has a broken line")
        if any(line.startswith(b"1-3:0.2.8(") for line in body):
            raise TelegramError("it has lost its CRC")
        shape = tuple(line.partition(b"(")[0] for line in body)
        before, self._shape = self._shape, shape
        if before != shape:
            raise TelegramError("it has other lines than the one before; it has no CRC to tell which is right")


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


class _MonthsParser(MaxDemandParser):  # type: ignore[misc]  # the library has no types
    """Tells a line that it cannot read as others do, so that it costs only itself."""

    def parse(self, line: str) -> Any:
        try:
            return super().parse(line)
        except (IndexError, ValueError, ArithmeticError) as error:
            raise ParseError(str(error)) from error


def _objects() -> Iterator[dict[str, Any]]:
    number = CosemParser(ValueParser(_number))
    text = CosemParser(ValueParser(str))
    numbers = {
        "IN": obis.ELECTRICITY_IMPORTED_TOTAL,
        "OUT": obis.ELECTRICITY_EXPORTED_TOTAL,
        "POWER_IN": obis.CURRENT_ELECTRICITY_USAGE,
        "POWER_OUT": obis.CURRENT_ELECTRICITY_DELIVERY,
        "QUARTER": obis.BELGIUM_CURRENT_AVERAGE_DEMAND,
    }
    for tariff in TARIFFS:
        numbers[f"IN_{tariff}"] = getattr(obis, f"ELECTRICITY_USED_TARIFF_{tariff}")
        numbers[f"OUT_{tariff}"] = getattr(obis, f"ELECTRICITY_DELIVERED_TARIFF_{tariff}")
    for phase in ("L1", "L2", "L3"):
        numbers[f"IN_{phase}"] = getattr(obis, f"INSTANTANEOUS_ACTIVE_POWER_{phase}_POSITIVE")
        numbers[f"OUT_{phase}"] = getattr(obis, f"INSTANTANEOUS_ACTIVE_POWER_{phase}_NEGATIVE")
        numbers[f"V_{phase}"] = getattr(obis, f"INSTANTANEOUS_VOLTAGE_{phase}")
        numbers[f"A_{phase}"] = getattr(obis, f"INSTANTANEOUS_CURRENT_{phase}")
    for name, reference in numbers.items():
        yield {"obis_reference": reference, "value_parser": number, "value_name": name}
    yield {
        "obis_reference": obis.BELGIUM_MAXIMUM_DEMAND_MONTH,
        "value_parser": MBusParser(ValueParser(timestamp), ValueParser(_number)),
        "value_name": "MONTH",
    }
    yield {
        "obis_reference": obis.BELGIUM_MAXIMUM_DEMAND_13_MONTHS,
        "value_parser": _MonthsParser(),
        "value_name": "MONTHS",
    }
    serials = (
        obis.BELGIUM_EQUIPMENT_IDENTIFIER,
        obis.LUXEMBOURG_EQUIPMENT_IDENTIFIER,
        obis.Q3D_EQUIPMENT_SERIALNUMBER,
        obis.Q3D_EQUIPMENT_IDENTIFIER,
        r"^\d-0:96\.1\.0.+?\r\n",  # Sweden and others: the identifier of the meter itself, channel 0
    )
    for number_, reference in enumerate(serials):
        yield {"obis_reference": reference, "value_parser": text, "value_name": f"SERIAL_{number_}"}
    yield {"obis_reference": obis.MBUS_DEVICE_TYPE, "value_parser": text, "value_name": "TYPE"}
    yield {"obis_reference": obis.MBUS_EQUIPMENT_IDENTIFIER, "value_parser": text, "value_name": "SERIAL"}
    yield {
        "obis_reference": obis.MBUS_METER_READING,
        "value_parser": MBusParser(ValueParser(timestamp), ValueParser(_number)),
        "value_name": "READING",
    }
    yield {
        "obis_reference": obis.GAS_METER_READING,  # DSMR 2.2 and 3: on two lines
        "value_parser": MBusParser(ValueParser(timestamp), *[ValueParser(str)] * 5, ValueParser(_number)),
        "value_name": "READING",
    }


_SPECIFICATION = {"checksum_support": False, "objects": list(_objects())}


def _telegram(parsed: Any, variant: str) -> Telegram:
    import_tariffs = _tariffs(parsed, "IN")
    export_tariffs = _tariffs(parsed, "OUT")
    telegram = Telegram(
        variant,
        next((value for number in range(5) if (value := _text(parsed, f"SERIAL_{number}"))), ""),
        _count(parsed, "IN", _ENERGY) or _sum(import_tariffs),
        _count(parsed, "OUT", _ENERGY) or _sum(export_tariffs),
        import_tariffs,
        export_tariffs,
        _quantity(parsed, "POWER_IN", _POWER),
        _quantity(parsed, "POWER_OUT", _POWER),
        tuple(_phases(parsed)),
        tuple(_behind(parsed)),
        _quarter_power(parsed),
    )
    if telegram.imported is None and telegram.power_in is None:
        raise TelegramError("it has neither a register nor a power")
    return telegram


def _variant(raw: bytes, *, has_crc: bool) -> str:
    if b"0-0:96.1.4(" in raw:
        return "Belgium"
    if b"0-0:42.0.0(" in raw:
        return "Luxembourg"
    if (version := re.search(rb"1-3:0\.2\.8\((\d)", raw)) is not None:
        return f"DSMR {version[1].decode()}"
    if not has_crc:
        return "DSMR 2.2"
    return "Sweden" if b"1-0:1.8.0(" in raw else "unknown"


def _tariffs(parsed: Any, which: str) -> dict[int, Count]:
    counts = {tariff: _count(parsed, f"{which}_{tariff}", _ENERGY) for tariff in TARIFFS}
    return {tariff: count for tariff, count in counts.items() if count is not None}


def _sum(tariffs: dict[int, Count]) -> Count | None:
    if not tariffs:
        return None
    thousandths = sum(count.units * 1000 + count.milli for count in tariffs.values())
    return Count(*divmod(thousandths, 1000))


def _phases(parsed: Any) -> Iterator[Phase]:
    for phase in ("L1", "L2", "L3"):
        power_in = _quantity(parsed, f"IN_{phase}", _POWER)
        power_out = _quantity(parsed, f"OUT_{phase}", _POWER)
        voltage = _quantity(parsed, f"V_{phase}", {"v": 1})
        current = _quantity(parsed, f"A_{phase}", {"a": 1})
        power = None if power_in is None and power_out is None else (power_in or 0.0) - (power_out or 0.0)
        if power is None and voltage is None and current is None:
            return
        if current is not None and power is not None and power < 0:
            current = -current
        yield Phase(power, voltage, current)


def _behind(parsed: Any) -> Iterator[Behind]:
    for meter in getattr(parsed, "MBUS_DEVICES", []):
        kind = _text(meter, "TYPE")
        sensor_type = _MBUS_TYPES.get(int(kind)) if kind.isdecimal() else None
        reading = getattr(meter, "READING", None)
        if sensor_type is None or reading is None:
            continue
        count = _as_count(reading.value, reading.unit, _VOLUME)
        if count is not None:
            time = reading.datetime
            at = int(time.timestamp()) if isinstance(time, datetime) else None
            yield Behind(_text(meter, "SERIAL") or f"channel {meter.channel_id}", sensor_type, count, at)


def _quarter_power(parsed: Any) -> QuarterPower | None:
    average, peak = _quantity(parsed, "QUARTER", _POWER), _quantity(parsed, "MONTH", _POWER)
    if average is None and peak is None:
        return None
    months = [
        (month.datetime, float(month.value * _POWER[month.unit.lower()]))
        for month in getattr(parsed, "MONTHS", [])
        if isinstance(month.datetime, datetime) and month.value is not None and str(month.unit).lower() in _POWER
    ]
    at = None if peak is None else parsed.MONTH.datetime
    return QuarterPower(
        average,
        peak,
        int(at.timestamp()) if isinstance(at, datetime) else None,
        tuple(power for _, power in sorted(months, reverse=True)),
    )


def _text(parsed: Any, name: str) -> str:
    value = getattr(parsed, name, None)
    return "" if value is None or value.value is None else str(value.value)


def _quantity(parsed: Any, name: str, units: dict[str, int]) -> float | None:
    value = getattr(parsed, name, None)
    if value is None or value.value is None or (factor := units.get(str(value.unit).lower())) is None:
        return None
    return float(value.value * factor)


def _count(parsed: Any, name: str, units: dict[str, int]) -> Count | None:
    value = getattr(parsed, name, None)
    return None if value is None else _as_count(value.value, value.unit, units)


def _as_count(value: Decimal | None, unit: str | None, units: dict[str, int]) -> Count | None:
    if value is None or (factor := units.get(str(unit).lower())) is None or not value.is_finite():
        return None
    thousandths = int(value * factor * 1000)
    return Count(*divmod(thousandths, 1000)) if 0 <= thousandths < _WRAP * 1000 else None
