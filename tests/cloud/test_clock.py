"""The server's clock jumps: nothing that was measured is lost, and nothing deleted before its time."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from flukso_cloud.home import Home
from flukso_cloud.steady_clock import DAY, TOLERANCE, SteadyClock
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.kept import measurements
from tests.cloud.process import Answer, Server
from tests.cloud.test_operating import metrics, until

NOW = 1_795_400_000


class Hands:
    """Both clocks of a machine, in the test's hands."""

    def __init__(self) -> None:
        self.wall = NOW
        self.gone = 1000.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.gone)

    def pass_(self, seconds: int) -> None:
        """Let time go by."""
        self.wall += seconds
        self.gone += seconds

    @property
    def latest(self) -> int:
        """The latest that it may be."""
        return self.clock.latest(self.wall)

    @property
    def behind(self) -> bool:
        """Whether the wall clock has gone back."""
        return self.clock.is_behind(self.wall)


def test_as_long_as_nothing_jumps_it_is_the_wall_clock() -> None:
    hands = Hands()
    for i in range(1000):
        hands.pass_(3600)
        hands.wall += i % 7 - 3  # a crystal is not exact, and the time is corrected
        assert hands.latest == hands.clock.surely() == hands.wall
        assert not hands.behind


@pytest.mark.parametrize("jump", [-10 * 365 * DAY, -3600, 3600, 10 * 365 * DAY])
def test_a_jump_is_believed_after_a_day(jump: int) -> None:
    hands = Hands()
    hands.wall += jump
    for _ in range(24):
        assert hands.latest == hands.wall + max(0, -jump)
        assert hands.clock.surely() == hands.wall - max(0, jump)
        assert hands.behind == (jump < 0)
        hands.pass_(3600)
    assert hands.latest == hands.clock.surely() == hands.wall
    assert not hands.behind


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_jump_that_is_taken_back_never_was(jump: int) -> None:
    hands = Hands()
    hands.wall += jump
    assert hands.latest - hands.clock.surely() == 3600
    hands.pass_(DAY - 60)
    hands.wall -= jump
    assert hands.latest == hands.clock.surely() == hands.wall
    hands.pass_(DAY)
    hands.wall += jump
    assert hands.latest - hands.clock.surely() == 3600, "the next one begins anew"


def test_jump_upon_jump_is_believed_a_day_after_the_last() -> None:
    hands = Hands()
    for _ in range(5):
        hands.wall += 10 * DAY
        assert hands.clock.surely() < hands.wall
        hands.pass_(DAY - 60)
        assert hands.clock.surely() < hands.wall
    hands.pass_(60)
    assert hands.clock.surely() == hands.wall


@pytest.mark.parametrize(
    ("pause", "surely", "latest"),
    [
        (0, NOW, NOW),
        (DAY, NOW, NOW),
        (40 * DAY, NOW - 40 * DAY, NOW),  # switched off for long, or the clock is wrong
        (-TOLERANCE - 1, NOW, NOW + TOLERANCE + 1),  # the clock was later already
    ],
)
def test_a_start_after_what_was_heard_last(pause: int, surely: int, latest: int) -> None:
    hands = Hands()
    hands.clock.hear(NOW - pause)
    assert (hands.clock.surely(), hands.latest) == (surely, latest)
    hands.pass_(DAY)
    assert hands.clock.surely() == hands.latest == hands.wall


def test_a_first_start_has_heard_nothing() -> None:
    hands = Hands()
    hands.clock.hear(0)
    assert hands.clock.surely() == hands.latest == NOW


# --- a real server, whose kernel tells it the wrong time -------------------------------------------------------------


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tells a process another time."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    made = tmp_path_factory.mktemp("clock") / "clock_jump.so"
    source = Path(__file__).with_name("clock_jump.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", made, source], check=True)
    return made


class WrongClock:
    """A clock that is off by some seconds, for those who run `within`."""

    def __init__(self, library: Path, told: Path) -> None:
        self._told = told
        self.set(0)
        self.within = ["env", f"LD_PRELOAD={library}", f"CLOCK_OFF={told}"]

    def set(self, seconds: int) -> None:
        """Let it jump."""
        if not self._told.exists():
            self._told.write_bytes(bytes(8))
        with self._told.open("r+b") as file:
            file.write(struct.pack("q", seconds))


@pytest.fixture
def clock(library: Path, tmp_path: Path) -> WrongClock:
    return WrongClock(library, tmp_path / "off")


class Sender:
    """A device that nobody has claimed, whose own clock is right."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.device = Fluksometer()
        self.began = int(time.time())
        self.kept: list[int] = []

    def beat(self, server: Server) -> int:
        """Send a heartbeat, or register."""
        wire, body = server.connect(), self.device.registration()
        status = wire.request("POST", f"/device/{self.device.id}", self.device.headers(body), body).status
        wire.close()
        return status

    def upload(self, server: Server, later: int = 0) -> Answer:
        """Send a measurement of now, or of a later time."""
        at = self.began + len(self.kept) + later
        wire, body = server.connect(), compact({"measurements": [[at, 1]]})
        answer = wire.request("POST", f"/sensor/{self.device.sensor}", self.device.headers(body), body)
        wire.close()
        if answer.status == 200:
            self.kept.append(at)
        return answer

    def assert_all_is_kept(self) -> None:
        """Nothing that was acknowledged is lost."""
        stored = [sample.time for sample in measurements(self.home.database, self.device.sensor)]
        assert stored == sorted(self.kept)


@pytest.mark.parametrize("jump", [-400 * DAY, -7200, 7200, 400 * DAY])
def test_uploads_go_on_through_a_jump_and_back(home: Home, clock: WrongClock, jump: int) -> None:
    sender = Sender(home)
    with Server(home.root, within=clock.within) as server:
        assert sender.beat(server) == 200
        for off in (0, jump, 0, jump):
            clock.set(off)
            assert sender.upload(server).status == 200
            assert sender.beat(server) == 200
            assert sender.upload(server).status == 200
        server.stop()
    assert "the clock has jumped" in server.log
    assert len(sender.kept) == 8
    sender.assert_all_is_kept()


def test_the_clock_is_really_another(home: Home, clock: WrongClock) -> None:
    """What the tests here stand on."""
    with Server(home.root, within=clock.within) as server:
        clock.set(-400 * DAY)
        clock.set(400 * DAY)
        sender = Sender(home)
        assert sender.beat(server) == 200
        body = sender.device.heartbeat()
        answer = server.connect().request("POST", f"/device/{sender.device.id}", sender.device.headers(body), body)
        shown = int(answer.body.split(b'"timestamp":')[1].split(b",")[0])
        assert abs(shown - time.time() - 400 * DAY) < 60


def test_a_start_with_a_clock_far_ahead_deletes_nothing(home: Home, clock: WrongClock) -> None:
    """A device nobody claims is forgotten after 30 days, but not because the clock says so at once."""
    sender = Sender(home)
    with Server(home.root, within=clock.within) as server:
        assert sender.beat(server) == 200
        assert sender.upload(server).status == 200
        server.stop()
    clock.set(400 * DAY)
    with Server(home.root, within=clock.within) as server:
        assert sender.upload(server).status == 200
        server.stop()
    assert len(sender.kept) == 2
    sender.assert_all_is_kept()


def test_a_start_with_a_clock_far_ahead_retires_nothing(home: Home, clock: WrongClock) -> None:
    """Measurements are kept for 30 days, but do not go because the clock says so at once."""
    home.settings.write_text("[metrics]\nenabled = true\nport = 0\n[retention]\nsamples_days = 30\n")
    sender = Sender(home)
    sender.began -= 3 * DAY
    with Server(home.root, within=clock.within) as server:
        assert sender.beat(server) == 200
        for later in (0, DAY, 2 * DAY):
            assert sender.upload(server, later).status == 200
        server.stop()
    for off in (0, 400 * DAY):  # what is folded by the first start could go at the second
        clock.set(off)
        with Server(home.root, within=clock.within) as server:
            until(lambda server=server: metrics(server)["flukso_folding_seconds"] > 0, server)
            assert server.connect().request("GET", "/readyz").status == 200  # what was begun with it is written
            server.stop()
        assert "kept no longer" not in server.log
        sender.assert_all_is_kept()


def test_a_start_with_a_clock_that_has_gone_back_refuses_what_it_cannot_judge(home: Home, clock: WrongClock) -> None:
    """A battery is empty: what seems to lie in the future is to be sent again, once the clock is right."""
    sender = Sender(home)
    with Server(home.root, within=clock.within) as server:
        assert sender.beat(server) == 200
        assert sender.upload(server).status == 200
        server.stop()
    clock.set(-400 * DAY)
    with Server(home.root, within=clock.within) as server:
        assert sender.upload(server).status == 200, "no later than what was known already"
        refused = sender.upload(server, 7200)
        assert (refused.status, refused.headers["Retry-After"]) == (503, " 5")
        clock.set(7200)
        assert sender.upload(server, 7200).status == 200
        server.stop()
    assert len(sender.kept) == 3
    sender.assert_all_is_kept()
