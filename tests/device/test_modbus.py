"""Meters on RS-485: a real fluksod, a real Modbus RTU server, a cable between that can be spoilt and pulled."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluksod.config import ConfigError, parse
from fluksod.config.modbus import Model
from fluksod.link.modbus_registers import MODELS, Kind, MeterReading, PhaseReading, Value, by_address, read_meter
from tests.device.daemon_process import Fluksod, run_to_end, running
from tests.device.rs485 import Meter, rs485, with_crc
from tests.device.waiting import until
from tests.documented import Page

LAN = '[device]\nstate = "state"\n[lan]\nhost = "127.0.0.1"\nport = 0\nmdns = false\n'


def table(name: str, address: int = 1, model: str = "SDM230", more: str = "") -> str:
    return f'[[modbus]]\nname = "{name}"\nport = "bus"\naddress = {address}\nmodel = "{model}"\n{more}'


def config(folder: Path, *tables: str) -> Path:
    path = folder / "fluksod.toml"
    path.write_text(LAN + "".join(tables))
    return path


def one_phase(watt: float, imported: float, exported: float = 0.0) -> Meter:
    """A meter like an SDM230; kWh."""
    meter = Meter()
    meter.put(0x00, 230.5)
    meter.put(0x06, abs(watt) / 230.5)
    meter.put(0x0C, watt)
    meter.put(0x48, imported, exported)
    return meter


async def named(fluksod: Fluksod, name: str) -> Any:
    """The sensor of that name, or None."""
    return next((one for one in (await fluksod.get("/api/v2/sensors"))["sensors"] if one["name"] == name), None)


def shows(fluksod: Fluksod, name: str, counter: float, gauge: float | None = None) -> Callable[[], Any]:
    """Whether a sensor stands so."""

    async def probe() -> bool:
        sensor = await named(fluksod, name)
        reading = sensor and sensor["reading"]
        return bool(reading and reading["counter"] == counter and gauge in (None, reading["gauge"]))

    return probe


async def state(fluksod: Fluksod, index: int = 0) -> Any:
    """A meter, as the API has it."""
    return (await fluksod.get("/api/v2/device"))["meters"][index]


async def test_three_meters_of_different_makers_on_one_bus(tmp_path: Path) -> None:
    heat, solar = one_phase(1500, 1234.567), Meter()
    solar.put(0x00, 230.0, 231.0, 232.0, 4.0, 5.0, 6.0, -920.0, -1155.0, -1392.0)
    solar.put(0x34, -3467.0)
    solar.put(0x48, 12.3456, 4321.0)
    workshop = Meter(3, MODELS[Model.WE516].reads)
    workshop.put(0x1C, 0.25)
    workshop.put(0x108, 33.0)
    on_bus = {1: heat, 7: solar, 247: workshop}
    tables = (table("Heat pump"), table("Solar", 7, "SDM630"), table("Workshop", 247, "WE-516"))
    async with rs485(tmp_path / "bus", on_bus), running(config(tmp_path, *tables)) as fluksod:
        await until(shows(fluksod, "Heat pump import", 1_234_567, 1500))
        await until(shows(fluksod, "Solar export", 4_321_000, 3467))
        await until(shows(fluksod, "Solar import", 12_345.6, -3467))
        await until(shows(fluksod, "Workshop import", 33_000, 250))
        imported, exported = await named(fluksod, "Solar import"), await named(fluksod, "Solar export")
        assert (imported["class"], imported["direction"], exported["direction"]) == ("uart", "import", "export")
        assert imported["phases"] == [
            {"power": -920, "voltage": 230, "current": -4},
            {"power": -1155, "voltage": 231, "current": -5},
            {"power": -1392, "voltage": 232, "current": -6},
        ]
        assert await named(fluksod, "Heat pump export") is None, "nothing has flowed out"
        shown = await state(fluksod)
        assert (shown["name"], shown["protocol"], shown["variant"], shown["connected"]) == (
            *("Heat pump", "modbus", "SDM230"),
            True,
        )
        heat.put(0x48, 1234.6)
        await until(shows(fluksod, "Heat pump import", 1_234_600))
    async with rs485(tmp_path / "bus", on_bus), running(tmp_path / "fluksod.toml") as fluksod:
        await until(shows(fluksod, "Solar export", 4_321_000))
        assert (await named(fluksod, "Solar export"))["id"] == exported["id"]


async def test_comes_back_within_two_seconds_after_the_cable_was_pulled(tmp_path: Path) -> None:
    meter = one_phase(700, 10)
    async with rs485(tmp_path / "bus", {1: meter}) as cable, running(config(tmp_path, table("Heat"))) as fluksod:
        await until(shows(fluksod, "Heat import", 10_000))
        cable.unplug()

        async def away() -> bool:
            return not (await state(fluksod))["connected"]

        await until(away)
        assert "waiting for it" in (await state(fluksod))["error"]
        meter.put(0x48, 10.05)
        plugged = time.monotonic()
        cable.plug()
        await until(shows(fluksod, "Heat import", 10_050))
        assert time.monotonic() - plugged < 2.5  # 2 s and what it takes to ask the API


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda answer: answer[:-1] + bytes([answer[-1] ^ 1]), id="a wrong CRC"),
        pytest.param(lambda answer: answer[: len(answer) // 2], id="half an answer"),
        pytest.param(lambda _answer: b"", id="silence"),
        pytest.param(lambda _answer: b"\xff\x00\x13" * 40, id="noise"),
        pytest.param(lambda answer: with_crc(bytes([9]) + answer[1:-2]), id="another meter"),
        pytest.param(lambda answer: with_crc(answer[:1] + b"\x84\x02"), id="an exception"),
        pytest.param(lambda answer: with_crc(answer[:2] + b"\x02\x42\x42"), id="another question"),
    ],
)
async def test_what_is_no_answer_never_reaches_a_counter(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    meter = one_phase(700, 10)
    async with rs485(tmp_path / "bus", {1: meter}) as cable, running(config(tmp_path, table("Heat"))) as fluksod:
        await until(shows(fluksod, "Heat import", 10_000, 700))
        last = (await state(fluksod))["last_line"]
        cable.spoil = spoil
        meter.put(0x48, 10.02)

        async def away() -> bool:
            shown = await state(fluksod)
            assert shown["last_line"] <= last + 1
            return not shown["connected"]

        await until(away)
        assert (await named(fluksod, "Heat import"))["reading"]["counter"] == 10_000
        silent = cable.spoil(b"123456") == b""
        assert ((await state(fluksod))["rejected_lines"] > 0) != silent
        assert bool(fluksod.said("bad answer(s) from the meter 'Heat' dropped")) != silent
        assert len(fluksod.said("meter 'Heat' not connected: the meter at address 1 on")) == 2, "once at the start"
        cable.spoil = bytes
        await until(shows(fluksod, "Heat import", 10_020))
        assert (await state(fluksod))["error"] is None


async def test_a_dead_meter_does_not_slow_the_others(tmp_path: Path) -> None:
    meter = one_phase(700, 10)
    tables = (table("Dead", 3), table("Heat"))
    async with rs485(tmp_path / "bus", {1: meter}) as cable, running(config(tmp_path, *tables)) as fluksod:
        cable.spoil = lambda answer: b"" if answer[0] == 3 else answer
        await until(shows(fluksod, "Heat import", 10_000))

        await until(lambda: fluksod.said(": no answer; is it powered and wired"))
        assert "the meter at address 3 on " in (await state(fluksod))["error"]
        times = set()
        began = time.monotonic()
        while time.monotonic() - began < 5:
            times.add((await named(fluksod, "Heat import"))["reading"]["time"])
            meter.put(0x0C, 700.0 + len(times))
        assert len(times) >= 4


async def test_noise_between_the_answers(tmp_path: Path) -> None:
    meter = one_phase(700, 10)
    async with rs485(tmp_path / "bus", {1: meter}) as cable, running(config(tmp_path, table("Heat"))) as fluksod:
        await until(shows(fluksod, "Heat import", 10_000))
        for step in range(1, 4):
            cable.inject(b"\x01\x04\x04\x42\x00" * step)
            meter.put(0x48, 10 + step / 100)
            await until(shows(fluksod, "Heat import", 10_000 + 10 * step))


async def test_a_counter_of_zero_for_a_while_is_no_new_energy(tmp_path: Path) -> None:
    """A meter that has just been powered on may answer zeros before its memory is read."""
    meter = one_phase(700, 4321)
    async with rs485(tmp_path / "bus", {1: meter}) as cable, running(config(tmp_path, table("Heat"))) as fluksod:
        await until(shows(fluksod, "Heat import", 4_321_000))
        meter.put(0x48, 0.0)
        asked = cable.asked
        await until(lambda: cable.asked > asked + 5)
        assert (await named(fluksod, "Heat import"))["reading"]["counter"] == 4_321_000
        meter.put(0x48, 4321.05)
        await until(shows(fluksod, "Heat import", 4_321_050))
        assert not fluksod.said("restarted or replaced")


async def test_a_second_fluksod_on_the_same_bus_is_refused_by_name(tmp_path: Path) -> None:
    async with rs485(tmp_path / "bus", {1: one_phase(1, 1)}), running(config(tmp_path, table("Heat"))) as fluksod:
        await until(shows(fluksod, "Heat import", 1000))
        second = tmp_path / "second.toml"
        second.write_text((tmp_path / "fluksod.toml").read_text().replace('"state"', '"state2"'))
        status, _, errors = await run_to_end("run", "--config", str(second))
        assert status == 1
        assert "is in use by fluksod" in errors
        assert "[[modbus]]" in errors


def as_float(number: float) -> float:
    """The 32 bit float that is nearest."""
    return float(struct.unpack(">f", struct.pack(">f", number))[0])


def read(meter: Meter, model: Model) -> MeterReading:
    known = MODELS[model]
    return read_meter(known, by_address(known.reads, [meter.read(first, count) for first, count in known.reads]))


def test_a_meter_of_carlo_gavazzi() -> None:
    meter = Meter()
    meter.put_signed(0x00, 2301, 2302, 2303)
    meter.put_signed(0x0C, 1500, 1600, 1700, -3450, 3683, 3915)
    meter.put_signed(0x28, 4148)
    meter.put_signed(0x34, 12345)
    meter.put_signed(0x4E, 678)
    reading = read(meter, Model.EM340)
    assert (reading.power, reading.imported, reading.exported) == (414.8, 1_234_500_000, 67_800_000)
    assert (reading.phases[0].power, reading.phases[0].voltage, reading.phases[0].current) == (-345, 230.1, -1.5)


def test_a_meter_of_abb() -> None:
    """The numbers are those of the example in the A43/A44 manual, 2CMC48001M0201, whose mapping is that of B23."""
    meter = Meter()
    meter.pack(0x5000, ">QQ", 123_456_789_012, 3)
    meter.pack(0x5B00, ">3I", 2301, 2302, 0xFFFFFFFF)
    meter.pack(0x5B0C, ">4I", 0x65, 0xC9, 0x12E, 0x86)
    meter.pack(0x5B14, ">4i", 0x1E8E4, 0x5AE2, -0xB097, 0x7FFFFFFF)
    with pytest.raises(ValueError, match="register 20480 holds a counter"):
        read(meter, Model.B23)
    meter.pack(0x5000, ">Q", 1234567)
    reading = read(meter, Model.B24)
    assert (reading.power, reading.imported, reading.exported) == (1251.56, 12_345_670_000, 30_000)
    assert reading.phases == (
        PhaseReading(232.66, 230.1, 1.01),
        PhaseReading(-452.07, 230.2, -2.01),
        PhaseReading(None, None, 3.02),
    )
    meter.pack(0x5000, ">Q", 0xFFFFFFFFFFFFFFFF)
    with pytest.raises(ValueError, match="register 20480 holds no value"):
        read(meter, Model.B23)


def test_a_meter_of_orno() -> None:
    meter = Meter()
    meter.put(0x0E, 230.0, 231.0, 232.0, 50.0, 1.0, 2.0, 3.0, -1.386, -0.23, -0.462, -0.694)
    meter.put(0x108, 12.34, 1.0, 2.0, 9.34, 56.78)
    reading = read(meter, Model.WE516)
    assert (reading.power, reading.imported, reading.exported) == (-1386, 12_340_000, 56_780_000)
    assert reading.phases[2] == PhaseReading(-694, 232, -3)


@pytest.mark.parametrize("model", list(Model))
def test_every_value_of_a_model_is_read(model: Model) -> None:
    """At most 60 registers a request, as Eastron asks for; no two requests that a late answer could be taken for."""
    known = MODELS[model]
    counts = [count for _, count in known.reads]
    assert max(counts) <= 60
    assert len(set(counts)) == len(counts)
    reading = read(Meter(), model)
    assert (reading.power, reading.imported, reading.exported) == (0, 0, 0)


@given(st.floats(width=32))
def test_a_float_is_the_shortest_decimal_that_stands_for_it(number: float) -> None:
    meter = Meter()
    meter.put(0x48, number)
    value = Value(0x48)
    if not isfinite(number):
        with pytest.raises(ValueError, match="register 72 holds no value"):
            value.of(meter.words)
        return
    decimal = value.of(meter.words)
    assert as_float(float(decimal)) == number
    digits = len(decimal.as_tuple().digits)
    assert digits <= 6 or as_float(float(f"{number:.{digits - 1}g}")) != number, "a shorter one would do"


@given(st.decimals(0, 999_999, places=2))
def test_a_counter_of_six_digits_and_two_decimals_is_told_as_the_meter_shows_it(kwh: Decimal) -> None:
    """Up to 99999.99 kWh, that is: beyond, a float cannot tell hundredths."""
    meter = one_phase(1, float(kwh))
    exact = int(kwh * 1_000_000)
    told = read(meter, Model.SDM230).imported
    assert told == exact if kwh < 100_000 else abs(told - exact) <= 31_250_000


@given(st.lists(st.floats(0, 4e6, width=32), min_size=2, max_size=2))
def test_a_greater_float_is_a_greater_counter(pair: list[float]) -> None:
    lesser, greater = (read(one_phase(1, kwh), Model.SDM230).imported for kwh in sorted(pair))
    assert lesser <= greater


@given(st.integers(-(1 << 31), (1 << 31) - 2))
def test_any_integer_is_read(number: int) -> None:
    meter = Meter()
    meter.put_signed(0x48, number)
    assert Value(0x48, Kind.SIGNED_LOW_FIRST).of(meter.words) == number


@pytest.mark.parametrize("kwh", [-0.001, 4294967.5, 1e30, float("nan"), float("inf")])
def test_a_counter_that_cannot_be_is_refused(kwh: float) -> None:
    meter = one_phase(1, 1)
    meter.put(0x48, kwh)
    with pytest.raises(ValueError, match="register 72 holds"):
        read(meter, Model.SDM230)


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        (table("A") + table("A", 2), "name in [[modbus]] number 2: another [[modbus]] has this name"),
        (table("A") + table("B"), "address in [[modbus]] number 2: another meter on this port has this address"),
        (table("A") + table("B", 2, more="baud = 2400\n"), "meters on one port need the same baud, parity"),
        (f'[[p1]]\nport = "bus"\n{table("A")}', "port in [[modbus]] number 1: a [[board]] or [[p1]] has this port"),
        (table("A", 248), "address in [[modbus]] number 1: give a whole number of bus address from 1 to 247"),
        (table("A", model="SDM999"), 'model in [[modbus]] number 1: give one of "SDM72", "SDM120"'),
        (table("A", more='parity = "E"\n'), 'parity in [[modbus]] number 1: give one of "none", "even", "odd"'),
    ],
)
def test_a_wrong_table_is_named_with_its_place(tmp_path: Path, tables: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(tables, tmp_path)
    assert complaint in str(refused.value)


async def test_the_documented_meters(tmp_path: Path) -> None:
    text = Page("docs/device.md").block_after("### Meters on RS-485", "toml")
    meters = parse(text, tmp_path).modbus
    assert [meter.address for meter in meters] == [1, 2]
    path = tmp_path / "fluksod.toml"
    path.write_text(LAN + text)
    status, printed, _ = await run_to_end("check", "--config", str(path))
    assert status == 0
    assert f"- ask the meter 'Heat pump', a {meters[0].model.value}, at address 1 on {meters[0].port}" in printed
