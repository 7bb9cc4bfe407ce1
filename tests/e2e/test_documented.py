"""How the tests read the documentation; and that each page with commands has a test that runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.documented import ROOT, Page, all_pages, blocks, commands, commands_of, members
from tests.walkthrough import ByTest, NotHere, Run, Serve, walk

LANGUAGES = {"sh", "toml", "caddy", "ini", "json", "nginx", "yaml", "python", "text"}
RUN_BY = {
    "README.md": "tests/e2e/test_documented_commands.py",
    "docs/board.md": "tests/avr/test_documented_commands.py",
    "avr/sim/README.md": "tests/avr/test_documented_commands.py",
    "docs/board/uno.md": "tests/avr/test_wiring_pages.py",
    "docs/board/v0_1.md": "tests/avr/test_wiring_pages.py",
    "docs/board/v1_1.md": "tests/avr/test_wiring_pages.py",
    "docs/board/v2_0.md": "tests/avr/test_wiring_pages.py",
    "docs/device.md": "tests/device/test_documented_commands.py",
    "docs/api.md": "tests/cloud/test_documented_api.py",
    "docs/cloud.md": "tests/cloud/test_documented_commands.py",
}

SCRIPT = r"""
one   # a comment
two --name "a # b" 'c # d' x#y \# # the comment

  # only a comment
three -a \
      -b   # of both
four \
  five
"""


def test_the_commands_of_a_block() -> None:
    assert commands_of(SCRIPT) == [
        "one",
        "two --name \"a # b\" 'c # d' x#y \\#",
        "three -a -b",
        "four five",
    ]


def test_a_quote_that_stays_open_is_no_command() -> None:
    with pytest.raises(ValueError, match="quotation"):
        commands_of('echo "one\ntwo"\n')


def test_the_blocks_of_a_page() -> None:
    text = "a\n```sh\none\n```\n```\n`two`\n```\n````text\n```sh\nthree\n```\n````\n"
    assert [(block.language, block.text) for block in blocks(text)] == [
        ("sh", "one\n"),
        ("", "`two`\n"),
        ("text", "```sh\nthree\n```\n"),
    ]


def test_the_commands_of_a_page_in_its_order_each_once() -> None:
    text = """Run `scripts/test`, then `X=1 fluksod\ncheck`, not `fluksod` or `GET /`.
```sh
make all
fluksod run
```
```text
make nothing
`fluksod nothing`
```
`fluksod run` and `fluksod identity`
"""
    assert commands(text) == ["scripts/test", "X=1 fluksod check", "make all", "fluksod run", "fluksod identity"]


def test_the_members_of_json() -> None:
    assert members({"a": [{"b": 1}, 2], "c": None, "d": []}) == {"a": [{"b": None}], "c": None, "d": []}


def test_a_command_that_no_test_knows_fails_with_page_and_command(tmp_path: Path) -> None:
    table = {command: NotHere("The page is not gone through.") for command in Page("README.md").commands}
    walk(Page("README.md"), table, tmp_path)
    unknown = table.popitem()[0]
    with pytest.raises(AssertionError, match=re.escape(f"README.md: no test runs the documented command: {unknown}")):
        walk(Page("README.md"), table, tmp_path)
    with pytest.raises(AssertionError, match="no longer has the command that a test runs: gone"):
        walk(Page("README.md"), table | {unknown: NotHere("None."), "gone": NotHere("None.")}, tmp_path)


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (Run(instead="exit 3", because="A fault."), "ended with 3"),
        (Run("wanted", instead="echo other", because="A fault."), "does not show wanted:\nother"),
        (Run(instead="true"), "give the reason as a sentence"),
        (Serve("ready", instead="echo gone", because="A fault."), "ended with 0:\ngone"),
        (Serve("ready", instead="trap 'exit 3' TERM; echo ready; sleep 9 & wait", because="A fault."), "ended with 3"),
        (ByTest("tests/e2e/test_gone.py::test_gone", "A fault."), "there is no tests/e2e/test_gone.py"),
        (ByTest("tests/e2e/test_documented.py::test_gone", "A fault."), "has no test_gone"),
        (NotHere("because"), "give the reason as a sentence"),
    ],
)
def test_a_command_that_does_not_do_it_fails(
    tmp_path: Path, step: Run | Serve | ByTest | NotHere, complaint: str
) -> None:
    first, *others = Page("README.md").commands
    table: dict[str, Run | Serve | ByTest | NotHere] = {command: NotHere("Another one.") for command in others}
    with pytest.raises(AssertionError, match=re.escape(complaint)) as failed:
        walk(Page("README.md"), {first: step} | table, tmp_path)
    assert f"README.md: {first}" in str(failed.value)


def test_each_page_with_commands_is_gone_through() -> None:
    for page in all_pages():
        if page.commands:
            assert page.path in RUN_BY, f"no test goes through {page.path}, which has: {page.commands}"
            assert f'Page("{page.path}")' in (ROOT / RUN_BY[page.path]).read_text()


def test_each_block_names_its_language() -> None:
    """A block without one could be a command that nobody runs."""
    for page in all_pages():
        for block in blocks(page.text):
            assert block.language in LANGUAGES, f"{page.path}: name the language ({LANGUAGES}) of\n{block.text}"
            if block.language == "json":
                json.loads(block.text)
