"""Facts about a board, read from its C header (avr/boards/<board>.h), so that they stand in one place only."""

from __future__ import annotations

import re
from pathlib import Path

AVR_FOLDER = Path(__file__).resolve().parents[2]


class BoardHeader:
    """The `#define`s of a board's header. ValueError for an unknown board."""

    def __init__(self, board: str) -> None:
        self.board = board
        path = AVR_FOLDER / "boards" / f"{board}.h"
        if not re.fullmatch(r"\w+", board) or not path.is_file():
            known = ", ".join(sorted(p.stem for p in path.parent.glob("*.h")))
            raise ValueError(f"there is no board {board!r}; there are: {known}")
        text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        defines = re.findall(r"^#define (\w+) (.+)$", text, re.MULTILINE)
        self._defines: dict[str, str] = {name: value.strip() for name, value in defines}

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
