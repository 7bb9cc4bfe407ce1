"""Strict reading of JSON: the right type and range at each place, or a FluksoPayloadError that names the place."""

import json
from typing import Any, NoReturn, TypeIs

from .errors import FluksoPayloadError
from .identity import is_id

LARGEST_NUMBER = 2**53
"""Beyond this a double cannot tell neighbouring integers apart, and no register counts that far."""

LARGEST_TIME = 2**33
"""In the year 2242. A larger one is not in seconds."""


def _refuse(constant: str) -> NoReturn:
    raise FluksoPayloadError(f"{constant} is not JSON")


def parse_json(text: str | bytes) -> Any:
    """Return the value of a JSON text; NaN and Infinity are not JSON."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError too
        raise FluksoPayloadError(f"not JSON: {error}") from error


class JsonObject:
    """A JSON object whose members are taken out one by one, each with its type."""

    def __init__(self, value: object, place: str) -> None:
        """Wrap a value that must be an object; `place` names it in errors."""
        if not isinstance(value, dict):
            raise FluksoPayloadError(f"{place} must be an object, not {_name(value)}")
        self._value: dict[str, Any] = value
        self._place = place

    def _member(self, key: str) -> Any:
        try:
            return self._value[key]
        except KeyError:
            raise FluksoPayloadError(f"{self._place} lacks {key}") from None

    def _wrong(self, key: str, wanted: str) -> FluksoPayloadError:
        return FluksoPayloadError(f"{self._place}.{key} must be {wanted}, not {_name(self._value[key])}")

    def is_null(self, key: str) -> bool:
        """Tell whether a member is there and null."""
        return self._member(key) is None

    def lacks(self, key: str) -> bool:
        """Tell whether a member is null, or left out, as older daemons do with what they do not know."""
        return self._value.get(key) is None

    def text(self, key: str) -> str:
        """Return a string of at most 256 characters."""
        value = self._member(key)
        if not isinstance(value, str) or len(value) > 256:
            raise self._wrong(key, "a string of at most 256 characters")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return a string or None for null."""
        return None if self.is_null(key) else self.text(key)

    def id(self, key: str) -> str:
        """Return a device or sensor id."""
        value = self._member(key)
        if not isinstance(value, str) or not is_id(value):
            raise self._wrong(key, "32 lowercase hexadecimal digits")
        return value

    def flag(self, key: str) -> bool:
        """Return a boolean."""
        value = self._member(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def count(self, key: str) -> int:
        """Return a whole number that is not negative."""
        value = self._member(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_NUMBER:
            raise self._wrong(key, "a whole number that is not negative")
        return value

    def time(self, key: str) -> int:
        """Return unix seconds."""
        value = self._member(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_TIME:
            raise self._wrong(key, "unix seconds")
        return value

    def time_or_none(self, key: str) -> int | None:
        """Return unix seconds or None for null."""
        return None if self.is_null(key) else self.time(key)

    def gauge(self, key: str) -> int | float | None:
        """Return a finite number, or None for null."""
        value = self._member(key)
        if value is None:
            return None
        if not is_number(value):
            raise self._wrong(key, "a number or null")
        return _whole(value)

    def counter(self, key: str) -> int | float | None:
        """Return a finite number that is not negative, or None for null."""
        value = self.gauge(key)
        if value is not None and value < 0:
            raise self._wrong(key, "a number that is not negative, or null")
        return value

    def object(self, key: str) -> JsonObject:
        """Return a member that is an object."""
        return JsonObject(self._member(key), f"{self._place}.{key}")

    def objects(self, key: str) -> list[JsonObject]:
        """Return a member that is an array of objects."""
        value = self._member(key)
        if not isinstance(value, list):
            raise self._wrong(key, "an array")
        return [JsonObject(item, f"{self._place}.{key}[{index}]") for index, item in enumerate(value)]

    def gauges(self, key: str, length: int) -> list[int | float | None]:
        """Return an array of so many finite numbers, None for null."""
        value = self._member(key)
        if not isinstance(value, list) or len(value) != length:
            raise self._wrong(key, f"an array of {length}")
        for item in value:
            if item is not None and not is_number(item):
                raise self._wrong(key, "an array of numbers and nulls")
        return [None if item is None else _whole(item) for item in value]

    def counters(self, key: str, length: int) -> list[int | float | None]:
        """Return an array of so many numbers that are not negative, None for null."""
        values = self.gauges(key, length)
        if any(value is not None and value < 0 for value in values):
            raise self._wrong(key, "an array of numbers that are not negative, and nulls")
        return values


def is_number(value: object) -> TypeIs[int | float]:
    """Tell whether a JSON value is a number that a double holds exactly enough."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER


def _whole(value: int | float) -> int | float:
    """Return 4521337.0 as 4521337, so that equal values also look equal."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _name(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
