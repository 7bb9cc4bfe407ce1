"""Facts about a board, read from its C header (avr/boards/<board>.h), so that they stand in one place only."""

from __future__ import annotations

import enum
import functools
import re
import subprocess
from pathlib import Path

AVR_FOLDER = Path(__file__).resolve().parents[2]


class FrontEnd(enum.StrEnum):
    """The kinds of clamp front end, by their names in avr/src/front_end.h."""

    MEAN = "FRONT_END_MEAN"
    RMS = "FRONT_END_RMS"


@functools.cache
def _defines(path: Path, front_end: FrontEnd | None) -> dict[str, str]:
    """Return what the header defines, as the compiler sees it."""
    command = ["gcc", "-E", "-dM", "-undef", "-x", "c", str(path)]
    if front_end:
        command.append(f"-DFRONT_END={front_end}")
    try:
        read = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise ValueError("gcc, which reads the board's header, is missing: apt-get install gcc") from error
    except subprocess.CalledProcessError as error:
        raise ValueError(f"{path} is no valid header:\n{error.stderr}") from error
    return dict(re.findall(r"^#define (\w+) (.+)$", read.stdout, re.MULTILINE))


class BoardHeader:
    """The `#define`s of a board's header; ValueError for an unknown board.

    `front_end`: the kind of its clamps' front end, if not the one that the header chooses.
    """

    def __init__(self, board: str, front_end: FrontEnd | None = None) -> None:
        self.board = board
        path = AVR_FOLDER / "boards" / f"{board}.h"
        if not re.fullmatch(r"\w+", board) or not path.is_file():
            known = ", ".join(sorted(p.stem for p in path.parent.glob("*.h")))
            raise ValueError(f"there is no board {board!r}; there are: {known}")
        self._defines = _defines(path, front_end)

    @property
    def front_end(self) -> FrontEnd:
        """The kind of its clamps' front end."""
        return FrontEnd(self.text("FRONT_END"))

    def text(self, name: str) -> str:
        """Return a define as it is written. KeyError without it."""
        return self._defines[name]

    def number(self, name: str) -> int:
        """Return the value of a numeric define; it may be an expression of other ones with + - * / and parentheses."""
        return self._value(self._defines[name])

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the values of a list, `{a, b}`."""
        return tuple(self._value(part) for part in self._defines[name].strip("{}").split(","))

    def _value(self, expression: str) -> int:
        tokens = re.findall(r"\w+|[-+*/()]", expression)
        position = 0

        def factor() -> int:
            nonlocal position
            word = tokens[position]
            position += 1
            if word == "(":
                value = term_sum()
                position += 1
                return value
            if word[0].isdigit():
                return int(word.rstrip("UL"), 0)
            return self._value(self._defines[word])

        def product() -> int:
            nonlocal position
            value = factor()
            while position < len(tokens) and tokens[position] in "*/":
                operator = tokens[position]
                position += 1
                value = value * factor() if operator == "*" else value // factor()
            return value

        def term_sum() -> int:
            nonlocal position
            value = product()
            while position < len(tokens) and tokens[position] in "+-":
                operator = tokens[position]
                position += 1
                value = value + product() if operator == "+" else value - product()
            return value

        return term_sum()
