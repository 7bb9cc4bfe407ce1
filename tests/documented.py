"""What the documentation tells a reader to run or to expect: a page's fenced blocks, and the commands in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

PROGRAMS = frozenset(
    {"apt", "apt-get", "avrdude", "cat", "command", "curl", "docker", "flukso-cloud", "fluksod", "git", "make", "npm"}
    | {"pip", "pipx", "python", "python3", "sqlite3", "sudo", "systemctl"}
)
"""First words that make a code span in running text a command, if more follows. What is in scripts/ is one alone."""

PAGES = ("*.md", "docs/**/*.md", "avr/*.md", "avr/sim/*.md", "device/*.md", "cloud/*.md", "blueprints/**/*.md")
"""Where pages are; other folders hold what others have written (node_modules)."""

_FENCED = re.compile(r"^(`{3,})([^\n`]*)\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_UNTIL_COMMENT = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|(?<=\S)\#|[^'"\\\#])*""")
_ASSIGNMENTS = re.compile(r"(?:\w+=\S*\s+)*")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ("" if none is named), its text, and where on the page it starts (in characters)."""

    language: str
    text: str
    start: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [Block(found[2].strip(), found[3], found.start()) for found in _FENCED.finditer(text)]


def commands_of(script: str) -> list[str]:
    """Return the commands of a shell block: one a line, continued lines joined, comments left out.

    Raise `ValueError` for quotes that stay open at the end of a line: no command here needs two lines for that.
    """
    found = []
    for line in re.sub(r"[ \t]*\\\n[ \t]*", " ", script).splitlines():
        until = _UNTIL_COMMENT.match(line)
        command = (until[0] if until and line[until.end() : until.end() + 1] in ("", "#") else line).strip()
        if command:
            shlex.split(command)
            found.append(command)
    return found


def commands(text: str) -> list[str]:
    """Return each command of a page once, in order: those of the blocks in `sh`, and code spans that are commands."""
    found: list[tuple[int, str]] = []
    for block in blocks(text):
        if block.language == "sh":
            found += [(block.start, command) for command in commands_of(block.text)]
    prose = _FENCED.sub(lambda fenced: re.sub(r"[^\n]", " ", fenced[0]), text)
    for span in _SPAN.finditer(prose):
        command = " ".join(span[1].split())
        if _is_command(command):
            found.append((span.start(), command))
    return list(dict.fromkeys(command for _, command in sorted(found, key=lambda one: one[0])))


def _is_command(span: str) -> bool:
    first, _, rest = _ASSIGNMENTS.sub("", span, count=1).partition(" ")
    return first.startswith("scripts/") or (first in PROGRAMS and bool(rest))


@dataclass(frozen=True)
class Page:
    """A page of the documentation, named by its path in the repository."""

    path: str

    @property
    def text(self) -> str:
        """The page."""
        return (ROOT / self.path).read_text(encoding="utf-8")

    @property
    def commands(self) -> list[str]:
        """What a reader may run, in the page's order."""
        return commands(self.text)

    def block_after(self, words: str, language: str) -> str:
        """Return the first block of `language` after `words`, which the page must have."""
        at = self.text.index(words)
        return next(block.text for block in blocks(self.text) if block.start > at and block.language == language)


def all_pages() -> Iterator[Page]:
    """Every page of the repository."""
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            yield Page(str(path.relative_to(ROOT)))


def members(value: Any) -> Any:
    """Return the names in a JSON value without its data: objects as names, of a list its first, None for all else."""
    if isinstance(value, dict):
        return {name: members(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [members(inner) for inner in value[:1]]
    return None
