"""What the pages show, computed without a server."""

from zoneinfo import ZoneInfo

import pytest

from flukso_cloud.history import Point
from flukso_cloud.overview import DeviceView, GaugeView, MeasurementView, SensorView
from flukso_cloud.timescale import SECONDS, buckets_of_interval
from flukso_cloud.web.assets import Assets
from flukso_cloud.web.chart import QUANTITIES, SCALES, View
from flukso_cloud.web.numbers import statistics, three_digits
from flukso_cloud.web.page import Now, age_in_words, page_data, panels

MAIN, GAS, ODD = "a" * 32, "b" * 32, "c" * 32
NOW = 1_795_401_443
BRUSSELS = ZoneInfo("Europe/Brussels")


def sensor(id_, type_, class_, name, gauge=None):
    return SensorView(id_, type_, class_, name, "", "", MeasurementView(NOW, 1), gauge)


@pytest.fixture
def device():
    sensors = [
        sensor(GAS, "gas", "pulse", ""),
        sensor(ODD, "temperature", "kube", "Attic"),
        sensor(MAIN, "electricity", "analog", "Main", GaugeView(NOW - 2, 463.0)),
    ]
    return DeviceView("d" * 32, "flukso-dddddd", NOW, sensors)


SERIES = {
    MAIN: [Point(NOW - 120, 8760), Point(NOW - 60, None), Point(NOW, 876)],
    GAS: [Point(NOW - 120, 1440), Point(NOW - 60, None), Point(NOW, 0)],
}


def test_scales_are_intervals_that_the_series_of_api_v1_knows():
    for scale in SCALES.values():
        assert scale.step == SECONDS[scale.resolution]
        buckets = buckets_of_interval(scale.interval, scale.resolution, NOW)
        # all that the chart shows is in the answer, whatever part of the bucket in progress is over
        assert buckets[0].start <= NOW - scale.span + scale.step
        assert buckets[-1].end >= NOW


def test_units_of_one_quantity_agree_with_each_other():
    for quantity in QUANTITIES.values():
        factors = {unit.key: unit.factor for unit in quantity.units}
        assert factors[quantity.units[0].key] == 1
        assert factors[quantity.wire] * quantity.wire_factor == pytest.approx(1)
    assert QUANTITIES["power"].units[1].factor * 100 == pytest.approx(876)  # 100 W for a year
    assert QUANTITIES["flow"].units[1].factor == 1440
    assert QUANTITIES["flow"].units[2].factor == pytest.approx(525.6)


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ({}, "/"),
        ({"scale": "day", "unit": "kwhperyear", "flow": "lperday"}, "/?scale=day&unit=kwhperyear&flow=lperday"),
        ({"hide": f"{GAS},aaaaaaaa,aaaaaaaa"}, "/?hide=aaaaaaaa,bbbbbbbb"),
        ({"scale": "<script>", "unit": "eurperyear", "hide": "x,12"}, "/"),
        ({"device": "d" * 32, "scale": "live"}, f"/?device={'d' * 32}"),
    ],
)
def test_a_view_is_read_from_its_address_and_written_back(query, address):
    assert View.from_query(query).address() == address


def test_numbers_have_about_three_digits():
    numbers = [three_digits(value, 2) for value in (0, 0.004, 0.25, 4.631, 46.31, 463.1, 12345.6, -0.0, -3.14159, None)]
    assert numbers == ["0", "0", "0.25", "4.63", "46.3", "463", "12,346", "0", "-3.14", "\N{EN DASH}"]
    assert three_digits(46.31, 0) == "46"


def test_statistics_leave_gaps_out():
    assert statistics([None, 1.0, None, 4.0, 1.0]) == (1.0, 2.0, 4.0, 1.0)
    assert statistics([None, None]) is None


def test_ages_are_told_only_when_they_matter():
    words = [age_in_words(seconds) for seconds in (0, 30, 45, 60, 3599, 7200, 86400 * 3)]
    assert words == ["", "", "45 seconds ago", "1 minute ago", "59 minutes ago", "2 hours ago", "3 days ago"]


def test_electricity_comes_first_and_each_stream_has_its_colour(device):
    power, flow = panels(device, SERIES, SERIES, View(hidden=("bbbbbbbb",)), BRUSSELS, NOW)
    assert [(panel.name, [stream.name for stream in panel.streams]) for panel in (power, flow)] == [
        ("power", ["Main"]),
        ("flow", ["gas bbbb"]),
    ]
    assert (power.streams[0].color, power.streams[0].main, power.streams[0].hidden) == (0, True, False)
    assert (flow.streams[0].color, flow.streams[0].main, flow.streams[0].hidden) == (1, False, True)
    assert power.streams[0].statistics == {"min": "100", "mean": "550", "max": "1,000", "last": "100"}
    assert flow.streams[0].statistics == {"min": "0", "mean": "0.5", "max": "1", "last": "0"}


def test_the_present_value_is_the_gauge_or_the_newest_minute(device):
    def present(minutes, now):
        power, flow = panels(device, SERIES, minutes, View(scale="year"), BRUSSELS, now)
        return power.streams[0].now, flow.streams[0].now

    # a minute that ends now is newer than a gauge of two seconds ago
    assert present(SERIES, NOW) == (Now("100", ""), Now("0", ""))
    older = {name: points[:1] for name, points in SERIES.items()}
    assert present(older, NOW) == (Now("463", ""), Now("1", "2 minutes ago"))
    nothing = {name: points[1:2] for name, points in SERIES.items()}
    assert present(nothing, NOW + 7200) == (Now("463", "2 hours ago"), Now(None, "2 hours ago"))


def test_trap_13_rows_tell_the_interval_before_the_stamp(device):
    power, _ = panels(device, SERIES, SERIES, View(), BRUSSELS, NOW)
    assert [row.values for row in power.rows] == [["100"], ["1,000"]]  # newest first, and a gap has no row
    assert power.rows[0].when == "2026-11-23 03:36 to 03:37"
    assert power.rows[0].start_iso == "2026-11-23T03:36:23+01:00"


def test_another_unit_is_the_same_value(device):
    power, flow = panels(device, SERIES, SERIES, View(unit="kwhperyear", flow="lperday"), BRUSSELS, NOW)
    assert [row.values for row in power.rows] == [["876"], ["8,760"]]
    assert [row.values for row in flow.rows] == [["0"], ["1,440"]]


def test_the_script_gets_gaps_as_the_wire_has_them(device):
    """Trap 11."""
    data = page_data(device, {"live": SERIES}, View(), NOW)
    assert data["series"]["live"][MAIN] == [[NOW - 120, 8760], [NOW - 60, "nan"], [NOW, 876]]
    assert [sensor["id"] for sensor in data["sensors"]] == [MAIN, GAS]
    assert next(iter(data["scales"])) == "live"


def test_pages_that_were_not_built_say_how_to_build_them(tmp_path, caplog):
    assert Assets(tmp_path / "manifest.json").url("main.js") == ""
    assert "npm run build" in caplog.text


def test_a_new_build_shows_without_a_restart(tmp_path):
    manifest = tmp_path / "manifest.json"
    assets = Assets(manifest)
    for name in ("main-AAAAAAAA.js", "main-BBBBBBBB.js"):
        manifest.with_suffix(".new").write_text(f'{{"assets": {{"main.js": "{name}"}}}}')
        manifest.with_suffix(".new").replace(manifest)
        assert assets.url("main.js") == f"/static/build/{name}"
