"""How long it has been flowing."""

import random

import pytest

from custom_components.flukso.flow_run import FlowRun


@pytest.fixture
def run() -> FlowRun:
    return FlowRun(pause=120)


def test_nothing_yet(run: FlowRun) -> None:
    assert run.began is None
    assert run.lasted(1000) == 0


def test_flows_from_the_first_moment(run: FlowRun) -> None:
    run.observe(1000, flowing=True)
    run.observe(1500, flowing=True)
    assert run.began == 1000
    assert run.lasted(4600) == 3600


def test_short_stop_is_none(run: FlowRun) -> None:
    run.observe(1000, flowing=True)
    run.observe(2000, flowing=False)
    assert run.began is None
    assert run.lasted(2060) == 0
    run.observe(2120, flowing=True)
    assert run.began == 1000


def test_long_stop_ends_it(run: FlowRun) -> None:
    run.observe(1000, flowing=True)
    run.observe(2000, flowing=False)
    run.observe(2100, flowing=False)  # told again: the stop began before
    run.observe(2121, flowing=True)
    assert run.began == 2121


def test_stop_before_the_first_flow(run: FlowRun) -> None:
    run.observe(1000, flowing=False)
    run.observe(1010, flowing=True)
    assert run.began == 1010


def test_what_is_late_is_ignored(run: FlowRun) -> None:
    run.observe(1000, flowing=True)
    run.observe(900, flowing=False)
    assert run.began == 1000


@pytest.mark.parametrize("seed", range(100))
def test_like_looking_back_second_by_second(seed: int) -> None:
    """The same as by definition: back from now until it did not flow for longer than a pause."""
    chance = random.Random(seed)
    pause = chance.randrange(100)
    run, seconds = FlowRun(pause), list[bool]()
    for _ in range(40):
        flowing = chance.random() < 0.6
        run.observe(len(seconds), flowing=flowing)
        seconds += [flowing] * chance.randrange(1, 90)
    run.observe(len(seconds), flowing=True)
    began = now = len(seconds)
    for second in range(now - 1, -1, -1):
        if seconds[second]:
            began = second
        elif began - second > pause:
            break
    assert run.began == began
    assert run.lasted(now) == now - began
