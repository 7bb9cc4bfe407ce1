"""The v2 local API of a real daemon."""

from __future__ import annotations

from typing import Any

from tests.device.board import CLAMP, GAS, Board, pls, pwr
from tests.device.daemon_process import configuration, running, sensor_table
from tests.device.waiting import until


async def test_device_and_sensors_of_a_real_daemon(tmp_path: Any, board: Board) -> None:
    sensors = sensor_table(CLAMP, "Main", "electricity") + sensor_table(GAS, "Heating", "gas")
    async with running(configuration(tmp_path, sensors=sensors)) as fluksod:
        before = await fluksod.get("/api/v2/device")
        assert before == {
            "id": (tmp_path / "state" / "device").read_text().strip(),
            "name": "Cellar",
            "model": "fluksod",
            "software": "0.1.0",
            "api": "2.0",
            "time": before["time"],
            "board": {"connected": False, "last_line": None, "rejected_lines": 0, "error": before["board"]["error"]},
            "boards": [{"name": "board", "port": str(tmp_path / "board"), "link": "uart", **before["board"]}],
            "cloud": None,
            "meters": [],
            "mqtt": None,
            "storage": {"state": "ok", "bytes": before["storage"]["bytes"], "oldest_minute": None, "error": None},
            "siblings": [],
        }
        assert before["storage"]["bytes"] > 0
        assert "no line from the board" in before["board"]["error"]
        assert (await fluksod.sensor(CLAMP))["reading"] is None
        board.send(b"noise\n", pls(CLAMP, 4521337), pwr(CLAMP, 463), pls(GAS, 7, 1000))
        await until(lambda: fluksod.reading(GAS))
        shown = await fluksod.sensor(CLAMP)
        assert shown == {
            "id": CLAMP,
            "name": "Main",
            "type": "electricity",
            "class": "analog",
            "direction": "import",
            "counter_unit": "Wh",
            "gauge_unit": "W",
            "reading": {"time": shown["reading"]["time"], "counter": 4521337, "gauge": 463},
            "source": "board",
            "phases": None,
            "demand": shown["demand"],
        }
        gas = await fluksod.sensor(GAS)
        assert (gas["class"], gas["counter_unit"], gas["gauge_unit"]) == ("pulse", "L", "L/min")
        assert (gas["reading"]["counter"], gas["reading"]["gauge"]) == (7, None)
        after = (await fluksod.get("/api/v2/device"))["board"]
        assert after == {"connected": True, "last_line": shown["reading"]["time"], "rejected_lines": 1, "error": None}
