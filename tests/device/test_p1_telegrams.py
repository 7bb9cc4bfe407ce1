"""P1 telegrams of each country, plain and encrypted, whole and damaged; no I/O."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fluksod.link.p1_frames import LONGEST, CipherSplitter, PlainSplitter
from fluksod.link.p1_telegram import Count, Phase, QuarterPower, TelegramError, TelegramReader, UndecipherableError
from fluksod.meter.p1_streams import P1Streams
from fluksod.sensor import Direction, SensorClass, SensorType, is_id, reads_as_number
from tests.device.telegrams import AUTHENTICATION, KEY, Meter, crc16, encrypted, sealed

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "dsmr" / "iskra-mt382.txt"
COUNTRIES: dict[str, Callable[[Meter], bytes]] = {
    "DSMR 2.2": Meter.dsmr_2_2,
    "DSMR 4": Meter.dsmr_4,
    "DSMR 5": Meter.dsmr_5,
    "Belgium": Meter.belgium,
    "Luxembourg": Meter.luxembourg,
    "Sweden": Meter.sweden,
}


def read_twice(telegram: bytes) -> TelegramReader:
    """A reader that has seen such a telegram: one without CRC has to come twice."""
    reader = TelegramReader()
    with contextlib.suppress(TelegramError):
        reader.read(telegram)
    return reader


def test_our_crc_is_that_of_the_standard() -> None:
    assert crc16(b"123456789") == 0xBB3D


@pytest.mark.parametrize(("variant", "send"), COUNTRIES.items())
def test_every_country_is_understood_without_naming_it(variant: str, send: Callable[[Meter], bytes]) -> None:
    meter = Meter(out_1=12.5, out_2=1.25, power_in=0.0, power_out=1.5)
    telegram = read_twice(send(meter)).read(send(meter))
    assert telegram.variant == variant
    assert telegram.imported == Count(3_016_829)
    assert telegram.exported == Count(13_750)
    assert (telegram.power_in, telegram.power_out) == (0.0, 1500.0)
    if variant not in ("Luxembourg", "Sweden"):
        tariffs = {1: Count(1_581_123), 2: Count(1_435_706)}
        if variant == "Belgium":
            tariffs = {1: tariffs[2], 2: tariffs[1]}
        assert telegram.import_tariffs == tariffs
    behind = {meter_.type: meter_ for meter_ in telegram.behind}
    if variant != "Sweden":
        assert behind[SensorType.GAS].count == Count(981_443)
        assert behind[SensorType.GAS].time == 1795635600  # 2026-11-25 20:40 CET
        assert behind[SensorType.GAS].serial
        assert telegram.serial
    assert (SensorType.WATER in behind) is (variant == "Belgium")


@pytest.mark.skipif(not RECORDING.is_file(), reason=f"the recording is not beside the repository: {RECORDING}")
def test_the_recording_of_a_real_meter() -> None:
    """An Iskra MT382 with DSMR 2.2 of which a recording is public; line by line as it was sent."""
    raw = RECORDING.read_bytes().replace(b"\r\n", b"\n")
    telegram = read_twice(raw).read(raw)
    assert telegram.imported == Count(426_133)
    assert telegram.power_in == 770
    assert telegram.behind[0].count == Count(132_534)


def test_phases_have_signs() -> None:
    telegram = TelegramReader().read(Meter().dsmr_4())
    assert telegram.phases == (Phase(170, None, 0), Phase(-1247, None, -6), Phase(209, None, 2))
    assert TelegramReader().read(Meter().sweden()).phases[2] == Phase(353, 241.3, 1.7)


def test_whole_watts_and_watt_hours() -> None:
    """Austria's are no kW and kWh."""
    telegram = TelegramReader(KEY, AUTHENTICATION).read(encrypted(Meter().austria()))
    assert (telegram.imported, telegram.power_in) == (Count(3_016_829), 2027)


@pytest.mark.parametrize("authentication", [None, AUTHENTICATION])
def test_encrypted_telegrams_with_one_key_or_two(authentication: bytes | None) -> None:
    telegram = TelegramReader(KEY, authentication).read(encrypted(Meter().luxembourg()))
    assert (telegram.variant, telegram.imported) == ("encrypted", Count(3_016_829))


def test_a_wrong_key_is_said() -> None:
    for reader in (
        TelegramReader(bytes(16)),
        TelegramReader(bytes(16), AUTHENTICATION),
        TelegramReader(KEY, bytes(16)),
    ):
        with pytest.raises(UndecipherableError, match="is the key this meter's"):
            reader.read(encrypted(Meter().luxembourg()))


def test_decrypted_without_the_second_key_the_crc_still_has_to_be_right() -> None:
    damaged = bytearray(encrypted(Meter().luxembourg()))
    damaged[200] ^= 1
    with pytest.raises(TelegramError):
        TelegramReader(KEY).read(bytes(damaged))


@pytest.mark.parametrize("send", [Meter.dsmr_4, Meter.dsmr_5, Meter.belgium, Meter.luxembourg, Meter.sweden])
def test_any_wrong_byte_of_a_telegram_with_crc_is_refused(send: Callable[[Meter], bytes]) -> None:
    """A bad CRC never reaches a counter, whatever was hit; lower case in the CRC is no fault."""
    raw = send(Meter())
    reader = TelegramReader()
    good = reader.read(raw)
    chance = random.Random(1)
    for _ in range(150):
        wrong = bytearray(raw)
        at = chance.randrange(len(wrong) - 2)
        wrong[at] ^= 1 << chance.randrange(8)
        if bytes(wrong).lower() == raw.lower() and at > len(raw) - 7:
            continue
        with pytest.raises(TelegramError):
            reader.read(bytes(wrong))
    body, _, crc = raw.rpartition(b"!")
    assert reader.read(body + b"!" + crc.lower()) == good


def test_a_telegram_that_lost_its_crc_is_refused() -> None:
    raw = Meter().dsmr_5()
    reader = TelegramReader()
    with pytest.raises(TelegramError, match="lost its CRC"):
        reader.read(raw[: raw.rindex(b"!")] + b"!\r\n")
    reader.read(raw)
    with pytest.raises(TelegramError, match="lost its CRC"):
        reader.read(Meter().dsmr_2_2())


def test_without_crc_a_broken_line_or_other_lines_than_before_are_refused() -> None:
    """DSMR 2.2: what is left is caught by the register, see test_metering."""
    raw = Meter().dsmr_2_2()
    reader = TelegramReader()
    with pytest.raises(TelegramError, match="other lines"):
        reader.read(raw)
    reader.read(raw)
    with pytest.raises(TelegramError, match="broken line"):
        reader.read(raw.replace(b"1-0:1.8.2(", b"1-0:1.8.2["))
    with pytest.raises(TelegramError, match="other lines"):
        reader.read(raw.replace(b"1-0:1.8.2(01435.706*kWh)\r\n", b""))


def test_an_odd_line_costs_only_itself() -> None:
    """A valid CRC over a register without a value, and an identifier with a quoted backslash."""
    raw = sealed(
        "/XMX5\\\\LGBBFG10\n\n1-3:0.2.8(42)\n0-0:96.1.1(41)\n1-0:1.8.1(----*kWh)\n1-0:1.8.2(000001.000*kWh)\n1-0:1.7.0()"
    )
    telegram = TelegramReader().read(raw)
    assert (telegram.imported, telegram.power_in) == (Count(1000), None)


def test_a_belgian_meter_tells_its_own_quarter_hours() -> None:
    """Average of the running quarter, this month's peak with its time, and those of the months before."""
    telegram = TelegramReader().read(Meter().belgium())
    at = 1793596500  # 2026-11-02 06:15 CET
    assert telegram.quarter_power == QuarterPower(2351.0, 5122.0, at, (6000.0, 5500.0))
    streams = P1Streams("0" * 32, "Grid")
    for _ in range(2):
        told = streams.take(telegram)
    grid = told[0][0]
    mean = round((5122 + 6000 + 5500) / 3, 1)
    demand = {"average": 2351.0, "month_peak": 5122.0, "month_peak_time": at, "mean_month_peak": mean}
    assert streams.demands == {grid.id: demand}
    assert TelegramReader().read(Meter().dsmr_5()).quarter_power is None


@pytest.mark.parametrize(
    "line",
    [
        "0-0:98.1.0(0)(1-0:1.6.0)(1-0:1.6.0)()()",
        "0-0:98.1.0(13)(1-0:1.6.0)(1-0:1.6.0)(261101000000W)(261015181500S)(06.000*kW)",
        "0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(261101000000W)(261015181500S)(----*kW)",
        "0-0:98.1.0(1)(1-0:1.6.0)(1-0:1.6.0)(632525252525W)(632525252525W)(00.000*kW)",
        "1-0:1.6.0(05.122*kW)",
        "1-0:1.6.0(632525252525W)(05.122)",
    ],
)
def test_odd_peaks_cost_only_themselves(line: str) -> None:
    """As new meters send them, and as nobody should: the counter counts all the same."""
    telegram = TelegramReader().read(
        sealed(f"/FLU5\\1\n\n0-0:96.1.1(41)\n1-0:1.8.1(000001.000*kWh)\n1-0:1.4.0(01.000*kW)\n{line}")
    )
    assert telegram.imported == Count(1000)
    assert telegram.quarter_power == QuarterPower(1000.0, None, None, ())


def test_lines_that_end_without_a_carriage_return() -> None:
    body = Meter().dsmr_5().replace(b"\r\n", b"\n").rpartition(b"!")[0] + b"!"
    assert TelegramReader().read(body + b"%04X\n" % crc16(body)).imported == Count(3_016_829)


@pytest.mark.parametrize("piece", [1, 7, 64, 5000])
def test_telegrams_are_cut_out_of_garbage_wherever_the_bytes_are_split(piece: int) -> None:
    """Resync within one telegram: each whole telegram after garbage comes out."""
    good = Meter().dsmr_5()
    stream = b"".join([good[300:], b"\xff\x00/\x01!!", good[:400], good, b"!!", good, b"/", good])
    splitter, found = PlainSplitter(), []
    for start in range(0, len(stream), piece):
        found += splitter.feed(stream[start : start + piece])
    assert found == [good] * 3
    assert splitter.rejected == 3


def test_an_endless_telegram_is_dropped() -> None:
    splitter = PlainSplitter()
    for _ in range(5):
        assert splitter.feed(b"/" + b"x" * (LONGEST + 1)) == []
    assert splitter.rejected == 5
    assert splitter.feed(Meter().dsmr_5()) == [Meter().dsmr_5()]
    assert splitter.feed(b"/" + b"x" * LONGEST + b"!\r\n") == []


def test_encrypted_telegrams_are_found_behind_something_that_looks_like_one() -> None:
    good = encrypted(Meter().luxembourg())
    splitter = CipherSplitter()
    fake = b"\xdb\x08" + b"x" * 8 + b"\x82\x00\x20"
    refused = []
    for frame in splitter.feed(b"\xdb\x08noise" + fake + good[:100]):
        refused.append(frame)
        splitter.refuse(frame)
    assert len(refused) == 1
    assert list(splitter.feed(good[100:])) == [good]


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=300) | st.sampled_from([b"/", b"!", b"!1234\r\n", b"\xdb\x08", b"\n"]), max_size=12))
@example([b"/", b"!\r\n"])
@example([b"/ISk5\r\n\r\n1-0:1.8.1(1*2*kWh)\r\n", b"!\r\n"])
def test_no_bytes_crash_it(pieces: list[bytes]) -> None:
    for splitter, reader in ((PlainSplitter(), TelegramReader()), (CipherSplitter(), TelegramReader(KEY))):
        for piece in pieces:
            for raw in splitter.feed(piece):
                with contextlib.suppress(TelegramError):
                    reader.read(raw)
        kept = splitter._rest
        assert len(kept) <= LONGEST + 300


@settings(max_examples=60)
@given(
    st.from_regex(
        r"[0-1]-[0-4]:(1\.8\.[0-4]|24\.[1-3]\.[0-3]|96\.1\.[01]|1\.7\.0)(\([0-9A-Z.*\-:m]{0,20}\)){0,7}", fullmatch=True
    )
)
def test_no_line_under_a_right_crc_crashes_it(line: str) -> None:
    with contextlib.suppress(TelegramError):
        TelegramReader().read(sealed(f"/ABC5\\1\n\n1-0:1.8.0(000001.000*kWh)\n{line}"))


DEVICE = "0123456789abcdef0123456789abcdef"


def test_import_and_export_are_sensors_of_their_own() -> None:
    streams = P1Streams(DEVICE, "Grid")
    meter = Meter(power_in=0.3, power_out=0.0)
    reader = TelegramReader()
    assert streams.take(reader.read(meter.belgium())) == [], "a serial counts from the second telegram on"
    told = {sensor.name: (sensor, line) for sensor, line in streams.take(reader.read(meter.belgium()))}
    assert set(told) == {"Grid import", "Grid gas", "Grid water"}, "nothing flows out so far"
    assert told["Grid import"][1].gauge == pytest.approx(300)
    meter = replace(meter, out_1=0.001, power_in=0.0, power_out=1.2)
    told = {sensor.name: (sensor, line) for sensor, line in streams.take(reader.read(meter.belgium()))}
    into, out = told["Grid import"], told["Grid export"]
    assert (into[0].direction, out[0].direction) == (Direction.IMPORT, Direction.EXPORT)
    assert (into[1].counter, into[1].gauge) == (meter.counter, pytest.approx(-1200)), "net power is signed"
    assert (out[1].counter, out[1].gauge) == (1, pytest.approx(1200))
    assert {sensor.sensor_class for sensor, _ in told.values()} == {SensorClass.COSEM}
    assert streams.details[into[0].id][0]["power"] == pytest.approx(-1200)


def test_ids_are_derived_and_stay() -> None:
    """Trap 34: no id that an old client takes for a number."""

    def ids(device: str, name: str) -> set[str]:
        streams = P1Streams(device, name, tariffs=True)
        telegram = TelegramReader().read(Meter(out_1=1).belgium())
        streams.take(telegram)
        return {sensor.id for sensor, _ in streams.take(telegram)}

    first = ids(DEVICE, "Grid")
    assert len(first) == 8
    assert all(is_id(sensor) and not reads_as_number(sensor) for sensor in first)
    assert ids(DEVICE, "Meter cupboard") == first
    assert not ids("f" * 32, "Grid") & first


def test_gas_flows_between_two_readings_of_the_gas_meter() -> None:
    streams, reader = P1Streams(DEVICE, "Grid"), TelegramReader()
    gauges = []
    for clock, gas in (("200000", 1.0), ("200000", 1.0), ("200500", 1.1), ("200500", 1.1), ("201000", 1.1)):
        raw = Meter(gas=gas, gas_clock=f"261125{clock}W").belgium()
        gauges += [line.gauge for sensor, line in streams.take(reader.read(raw)) if sensor.type is SensorType.GAS]
    assert gauges == [None, pytest.approx(20), pytest.approx(20), 0.0], "100 L in five minutes, then nothing"
