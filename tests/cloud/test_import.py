"""Imports by the command, into a real cloud: emoncms feeds, CSV files, and archives dumped by the real rrdtool."""

from __future__ import annotations

import math
import random
import re
import signal
import sqlite3
import struct
import subprocess
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flukso_cloud.app import create_app
from flukso_cloud.cli import main
from flukso_cloud.home import Home
from flukso_cloud.importing.rates import Stretch, holding, integrate
from flukso_cloud.meter import Meter, Sample
from tests.cloud.fluksometer import Fluksometer, compact
from tests.cloud.owner import Owner
from tests.cloud.process import COMMAND, Server, run

START = 1_600_000_000
DAY = 86_400


def stored(home: Home, name: str = "House") -> list[tuple[int, int]]:
    with sqlite3.connect(home.database) as conn:
        query = "SELECT time, counter FROM samples JOIN sensors ON number = sensor WHERE function = ? ORDER BY time"
        return conn.execute(query, [name]).fetchall()


def do(home: Home, kind: str, *arguments: str | Path, sensor: str = "House") -> None:
    """Run the command; what `arguments` say counts."""
    main(["import", kind, "--dir", str(home.root), "--account", "kees", "--sensor", sensor, *map(str, arguments)])


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "data.csv"


# --- a counter out of rates ------------------------------------------------------------------------------------------


def test_rates_are_summed_up_and_a_short_hole_is_bridged() -> None:
    stretches = [Stretch(0, 60, 1.0), Stretch(60, 120, 2.0), Stretch(720, 780, 0.0)]
    assert list(integrate(stretches, Meter())) == [(0, 0), (60, 60), (120, 180), (720, 1380), (780, 1380)]


def test_fractions_do_not_get_lost() -> None:
    samples = list(integrate((Stretch(i * 10, i * 10 + 10, 0.01) for i in range(360_000)), Meter()))
    assert samples[-1] == Sample(3_600_000, 36_000)


@pytest.mark.parametrize("meter", [Meter(), Meter(net=True), Meter(patient=True)])
@pytest.mark.parametrize("rate", [0.0, 0.0001, 0.5, 19.0])
@pytest.mark.parametrize("silence", [3601, 100_000, 86_400 * 2000])
def test_a_gap_stays_a_gap_for_every_meter(meter: Meter, rate: float, silence: int) -> None:
    stretches = [Stretch(0, 3600, rate), Stretch(3600 + silence, 7200 + silence, rate)]
    _, before, after, last = integrate(stretches, meter)
    assert meter.flow(before, after) is None
    assert meter.flow(after, last) == round(3600 * rate)


def test_a_counter_beyond_32_bits_wraps() -> None:
    samples = list(integrate([Stretch(0, 200_000_000, 19.0), Stretch(200_000_000, 400_000_000, 19.0)], Meter()))
    assert Meter().flow(samples[1], samples[2]) == 3_800_000_000


def test_a_rate_holds_until_the_next_reading_but_not_longer_than_an_hour() -> None:
    assert list(holding([(0, 1.0), (60, 2.0), (5000, 3.0), (5060, 4.0)])) == [(0, 60, 1.0), (5000, 5060, 3.0)]


# --- PHPFina ---------------------------------------------------------------------------------------------------------


def phpfina(folder: Path, values: list[float], *, feed: int = 7, interval: int = 10) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{feed}.meta").write_bytes(struct.pack("<IIII", 0, 0, interval, START))
    (folder / f"{feed}.dat").write_bytes(array("f", values).tobytes())
    return folder


def test_a_feed_of_watts_becomes_a_counter(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 kW for an hour is 1000 Wh; a short hole is bridged, a long one is a gap; an impossible value is named."""
    values = (
        [1000.0] * 360 + [math.nan] * 6 + [2000.0] * 360 + [1e9] + [2000.0] * 359 + [math.nan] * 720 + [500.0] * 360
    )
    do(home, "phpfina", phpfina(tmp_path / "feeds", values), "--unit", "W")
    told = capsys.readouterr()
    assert "left out: point 727: it is faster than any meter here" in told.err
    assert ", 1 values left out" in told.out
    samples = dict(stored(home))
    assert samples[START] == 0
    assert samples[START + 3600] == 1000
    assert samples[START + 3600 + 60] == 1017
    assert samples[START + 3 * 3600 + 60] == 5017
    assert samples[START + 5 * 3600 + 60] == 0  # after the gap
    assert samples[START + 6 * 3600 + 60] == 500


def test_a_feed_of_kilowatt_hours_is_the_counter(home: Home, tmp_path: Path) -> None:
    feeds = phpfina(tmp_path / "feeds", [1.0], feed=1)
    phpfina(feeds, [100.0, 100.5, math.nan, 101.0], feed=2, interval=3600)
    (feeds / "2.dat").write_bytes((feeds / "2.dat").read_bytes() + b"\0\0")  # cut off in the middle of a point
    with pytest.raises(SystemExit, match="name the feed with --feed; there are: 1, 2"):
        do(home, "phpfina", feeds, "--unit", "kWh")
    do(home, "phpfina", feeds, "--unit", "kWh", "--feed", "2")
    assert stored(home) == [(START, 100_000), (START + 3600, 100_500), (START + 10_800, 101_000)]


@pytest.mark.parametrize(
    ("meta", "message"),
    [(b"", "is cut off"), (struct.pack("<IIII", 0, 0, 0, START), "interval is 0"), (None, "cannot be read")],
)
def test_a_feed_without_a_right_meta_file(home: Home, tmp_path: Path, meta: bytes | None, message: str) -> None:
    feeds = phpfina(tmp_path / "feeds", [1.0])
    if meta is None:
        (feeds / "7.meta").unlink()
    else:
        (feeds / "7.meta").write_bytes(meta)
    with pytest.raises(SystemExit, match=message):
        do(home, "phpfina", feeds, "--feed", "7", "--unit", "W")


# --- CSV -------------------------------------------------------------------------------------------------------------


def test_bad_lines_are_named_and_the_others_imported(home: Home, csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    csv.write_text(
        f"time,value\n{START},1.5\nnonsense,2\n\n{START + 60},2.25\n{START + 120},NaN\n{START + 180}\n5,3\n"
        f'{START + 240},1e300\n{START + 300},inf\n{START + 99999999999},3\n"{START + 360}"," 3 "\n'
    )
    do(home, "csv", csv, "--unit", "kWh")
    told = capsys.readouterr()
    assert re.findall(r"left out: line (\d+): (.*)", told.err) == [
        ("3", "its first two columns are no time and number"),
        ("6", "it is no number"),
        ("7", "it has no two columns"),
        ("8", "its time lies before 2008"),
        ("9", "it does not fit a counter of 32 bits"),
        ("10", "it is no number"),
        ("11", "its time lies in the future"),
    ]
    assert "3 samples stored, 0 known already, 7 values left out" in told.out
    assert stored(home) == [(START, 1500), (START + 60, 2250), (START + 360, 3000)]


def test_many_bad_lines_are_counted_and_nothing_at_all_is_a_failure(
    home: Home, csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv.write_text("time,value\n" + "x,y\n" * 500)
    with pytest.raises(SystemExit, match="holds nothing that could be imported"):
        do(home, "csv", csv, "--unit", "kWh")
    assert "left out: and 480 more" in capsys.readouterr().err


def test_again_changes_nothing_and_a_correction_replaces(
    home: Home, csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv.write_text("".join(f"{START + 60 * i},{i}\n" for i in range(1000)))
    do(home, "csv", csv, "--unit", "Wh")
    assert "1000 samples stored, 0 known" in capsys.readouterr().out
    do(home, "csv", csv, "--unit", "Wh")
    assert "0 samples stored, 1000 known" in capsys.readouterr().out
    csv.write_text("".join(f"{START + 60 * i},{i + (i == 500)}\n" for i in range(1100)))
    do(home, "csv", csv, "--unit", "Wh")
    assert "101 samples stored, 999 known" in capsys.readouterr().out
    with sqlite3.connect(home.database) as conn:
        assert conn.execute("SELECT count(*) FROM devices").fetchone() == (1,)
        assert conn.execute("SELECT count(*) FROM sensors").fetchone() == (1,)


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("2020-09-13T12:26:40Z,1", START),
        ("2020-09-13 12:26:40+00:00,1", START),
        ("2020-09-13T12:26:40,1", START - 7200),  # kees lives in Brussels here
        (f"{START}.75;1,5\n", START),
        (f"{START}\t1.5", START),
        (f"\ufeffTime;Value\r\n{START};1,5\r\n", START),
    ],
)
def test_times_and_separators_as_people_have_them(home: Home, csv: Path, text: str, sample: int) -> None:
    with sqlite3.connect(home.database) as conn:
        conn.execute("UPDATE accounts SET time_zone = 'Europe/Brussels' WHERE name = 'kees'")
    csv.write_text(text, encoding="utf-8", newline="")
    do(home, "csv", csv, "--unit", "kWh")
    assert stored(home) == [(sample, 1500 if ";" in text or "\t" in text else 1000)]


def test_power_in_a_csv_file_is_integrated_in_order_of_time(
    home: Home, csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv.write_text(f"{START},600\n{START + 60},1200\n{START + 30},5\n{START + 120},-1\n{START + 180},0\n")
    do(home, "csv", csv, "--unit", "W")
    told = capsys.readouterr().err
    assert "left out: line 3: it is not later than the line before; sort the file by time" in told
    assert "left out: line 4: it is negative, which only a sensor that nets can be (--class uart)" in told
    assert stored(home) == [(START, 0), (START + 60, 10), (START + 180, 50)]


def test_a_sensor_that_nets_goes_back(home: Home, csv: Path) -> None:
    csv.write_text(f"{START},600\n{START + 60},-1200\n{START + 120},0\n")
    do(home, "csv", csv, "--unit", "W", "--class", "uart")
    assert stored(home) == [(START, 0), (START + 60, 10), (START + 120, -10)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["csv", "none.csv", "--unit", "W"], "none.csv: cannot be read: No such file"),
        (["csv", "latin.csv", "--unit", "W"], "save it as UTF-8"),
        (["csv", "ok.csv", "--unit", "W", "--type", "water"], "W is no unit of water"),
        (["csv", "ok.csv", "--unit", "m3", "--type", "gas", "--sensor", "Main"], "is of type electricity"),
        (["csv", "ok.csv", "--unit", "W", "--sensor", "Twice"], "has several sensors 'Twice'; give the id"),
        (["csv", "ok.csv", "--unit", "W", "--sensor", ""], "1 to 64 printable characters"),
        (["csv", "ok.csv", "--unit", "W", "--account", "nobody"], "there is no account 'nobody'"),
        (["phpfina", "nowhere", "--unit", "W"], "there are: none"),
        (["rrd", "ok.csv"], "is no dump of rrdtool"),
        (["rrd", "none.xml"], "cannot be read"),
    ],
)
def test_mistakes_are_told(
    home: Home, tmp_path: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ok.csv").write_text(f"{START},1\n{START + 60},1\n")
    Path("latin.csv").write_bytes(b"Zeit,Z\xe4hler\n")
    do(home, "csv", "ok.csv", "--unit", "W", sensor="Main")
    do(home, "csv", "ok.csv", "--unit", "W", sensor="Twice")
    do(home, "csv", "ok.csv", "--unit", "W", sensor="Other")
    with sqlite3.connect(home.database) as conn:
        conn.execute("UPDATE sensors SET function = 'Twice' WHERE function = 'Other'")
    with pytest.raises(SystemExit) as ended:
        do(home, *arguments)
    assert message in str(ended.value)
    assert stored(home) == []


def test_nobody_but_its_owner_sees_an_import(home: Home, csv: Path) -> None:
    csv.write_text("".join(f"{START + 60 * i},600\n" for i in range(121)))
    do(home, "csv", csv, "--unit", "W")
    with TestClient(create_app(home), base_url="https://cloud.example") as client:
        for name, statuses in (("kees", {200}), ("mallory", {401, 404})):
            owner = Owner(client, name)
            with sqlite3.connect(home.database) as conn:
                (sensor,) = conn.execute("SELECT id FROM sensors").fetchone()
            assert owner.series(sensor, start=START, end=START + 3600, resolution="hour").status_code in statuses


# --- cut off, and beside a server ------------------------------------------------------------------------------------


def test_an_import_killed_at_any_point_is_finished_by_the_next(home: Home, csv: Path) -> None:
    lines = 60_000
    csv.write_text("".join(f"{START + 60 * i},{i}\n" for i in range(lines)))
    arguments = ["import", "csv", csv, "--unit", "Wh", "--dir", home.root, "--account", "kees", "--sensor", "House"]
    with subprocess.Popen([COMMAND, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not stored(home) and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    there = len(stored(home))
    assert 0 < there <= lines
    assert there % 10_000 == 0  # whole commits
    again = run(*arguments)
    assert again.returncode == 0, again.stderr
    assert f"{lines - there} samples stored, {there} known already" in again.stdout
    assert stored(home) == [(START + 60 * i, i) for i in range(lines)]


def test_beside_a_server_that_is_uploaded_to(home: Home, csv: Path) -> None:
    csv.write_text("".join(f"{START + 60 * i},{i}\n" for i in range(50_000)))
    device = Fluksometer()
    with Server(home.root) as server:
        wire, body = server.connect(), device.registration()
        assert wire.request("POST", f"/device/{device.id}", device.headers(body), body).status == 200
        arguments = ["import", "csv", csv, "--unit", "Wh", "--dir", home.root, "--account", "kees", "--sensor", "House"]
        with subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
            uploads = 0
            while process.poll() is None:
                body = compact({"measurements": [(START + uploads, uploads)]})
                assert wire.request("POST", f"/sensor/{device.sensor}", device.headers(body), body).status == 200
                uploads += 1
            assert process.returncode == 0
        assert uploads > 10
    assert len(stored(home)) == 50_000
    assert len(stored(home, "Main")) == uploads


# --- RRD -------------------------------------------------------------------------------------------------------------


class Archive:
    """A real archive, made as the original cloud made it (section 8.1 of the protocol reference)."""

    def __init__(self, path: Path, begin: int) -> None:
        self.path = path
        rras = [f"RRA:AVERAGE:0.5:{steps}:{rows}" for steps, rows in ((1, 1440), (15, 672), (1440, 365), (10080, 520))]
        source = "DS:meter:DERIVE:8640000:-20:20"
        self._tool("create", str(path), "--start", str(begin), "--step", "60", source, *rras)

    def update(self, samples: Iterator[tuple[int, int]]) -> None:
        updates = [f"{at}:{counter}" for at, counter in samples]
        for i in range(0, len(updates), 4000):
            self._tool("update", str(self.path), *updates[i : i + 4000])

    def dump(self) -> Path:
        target = self.path.with_suffix(".xml")
        self._tool("dump", str(self.path), str(target))
        return target

    @staticmethod
    def _tool(*arguments: str) -> None:
        subprocess.run(["rrdtool", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, int]]:
    """400 days of a household in quarters, and what the counter was; of two days near the end there is nothing."""
    chance, counter, samples = random.Random(3), 1000, {}
    begin = START // DAY * DAY
    for at in range(begin + 900, begin + 400 * DAY + 1, 900):
        counter += chance.randint(0, 500)
        if not begin + 388 * DAY < at < begin + 390 * DAY:
            samples[at] = counter
    archive = Archive(tmp_path_factory.mktemp("rrd") / "house.rrd", begin)
    archive.update(iter(samples.items()))
    return archive.dump(), samples


def test_an_archive_of_the_original_keeps_its_energy(
    home: Home, year: tuple[Path, dict[int, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its days add up to what the meter counted, wherever they come from: weeks, days, quarters or minutes."""
    dump, truth = year
    do(home, "rrd", dump)
    assert ", 0 values left out" in capsys.readouterr().out
    samples = dict(stored(home))
    begin, end = min(samples), max(samples)
    assert end == max(truth)
    days = [at for at in range(end - 360 * DAY, end, DAY) if at in samples and at + DAY in samples]
    assert len(days) > 350
    for day in days:
        if day in truth and day + DAY in truth:
            assert samples[day + DAY] - samples[day] == pytest.approx(truth[day + DAY] - truth[day], abs=1)
    assert begin <= end - 395 * DAY  # the weeks before
    assert samples[end] - samples[end - 3600] == pytest.approx(truth[end] - truth[end - 3600], abs=1)
    steps = {later - earlier for earlier, later in zip(sorted(samples), sorted(samples)[1:], strict=False)}
    assert {60, 900, DAY} <= steps


def test_an_archive_of_a_young_sensor_with_a_gap(home: Home, tmp_path: Path) -> None:
    """The gap of two hours is one in the series too, and what was unknown before the sensor began is not made up."""
    begin = START // DAY * DAY
    archive = Archive(tmp_path / "young.rrd", begin)
    minutes = [at for at in range(begin + 60, begin + 20_000, 60) if not begin + 6000 < at < begin + 13_200]
    archive.update((at, at // 6) for at in minutes)
    text = archive.dump().read_text()
    # the archive's heartbeat of 100 days fills the gap itself; so it is cut into the dump
    lines = []
    for line in text.splitlines():
        moment = re.search(r"/ (\d+) -->", line)
        inside = moment is not None and begin + 6060 <= int(moment[1]) <= begin + 13_200
        lines.append(re.sub(r"<v>[^<]*</v>", "<v>NaN</v>", line) if inside else line)
    archive.path.with_suffix(".xml").write_text("\n".join(lines))
    do(home, "rrd", archive.path.with_suffix(".xml"))
    with TestClient(create_app(home), base_url="https://cloud.example") as client:
        owner = Owner(client, "kees")
        with sqlite3.connect(home.database) as conn:
            (sensor,) = conn.execute("SELECT id FROM sensors").fetchone()
        answer = owner.series(sensor, start=begin - 3600, end=begin + 18_000, resolution="minute").json()
    values = dict(map(tuple, answer))
    assert values[begin + 3000] == 600  # 1/6 Wh a second
    assert values[begin - 600] == "nan"
    assert values[begin + 9000] == "nan"
    assert values[begin + 15_000] == 600


def test_a_night_archive_and_a_spoilt_dump_are_told(
    home: Home, year: tuple[Path, dict[int, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    night = tmp_path / "night.rrd"
    arguments = ["create", night, "--start", str(START), "--step", "86400", "DS:meter:GAUGE:8640000:-20:20"]
    subprocess.run(["rrdtool", *arguments, "RRA:AVERAGE:0.5:1:365"], check=True)
    subprocess.run(["rrdtool", "dump", night, tmp_path / "night.xml"], check=True)
    with pytest.raises(SystemExit, match="take the file of base/, not night/"):
        do(home, "rrd", tmp_path / "night.xml")
    text = year[0].read_text()
    (tmp_path / "cut.xml").write_text(text[: len(text) // 2])
    with pytest.raises(SystemExit, match="is no dump of rrdtool"):
        do(home, "rrd", tmp_path / "cut.xml")
    assert stored(home) == []
    first = next(found for found in re.finditer(r"<v>(\d[^<]*)</v>", text))
    (tmp_path / "spoilt.xml").write_text(f"{text[: first.start()]}<v>much</v>{text[first.end() :]}")
    do(home, "rrd", tmp_path / "spoilt.xml")
    line = text[: first.start()].count("\n") + 1
    assert f"left out: line {line}: it is no number" in capsys.readouterr().err
