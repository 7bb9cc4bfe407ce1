"""The simulated board in real time: house, firmware, serial port, state file and control socket in one loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .board import Board
from .board_header import BoardHeader
from .bridge import BridgeError, PtyBridge
from .control import ControlSocket
from .house import HOUSE
from .household import Household
from .live_house import LiveHouse
from .state_file import StateFile, describe
from .wire import Wire

SLICE_S = 0.02  # how often the board runs: about ten characters at 4800 Bd
HOUSE_STEP_S = 1.0
LONGEST_LAG_S = 1.0  # a host that sleeps longer than this: the lost time is skipped, not caught up
TRACE_S = 10.0
HOLD_UP_S = 0.2  # supply ramp at the end, as the board's capacitor gives

_LOG = logging.getLogger(__name__)


class RealtimeBoard:
    """Runs until stop() or the command `quit`.

    `trace` gets what the board does in its first `trace_s` seconds (fluksosim.trace).
    """

    def __init__(
        self,
        board: str,
        state: Path,
        link: Path | None,
        control: Path | None,
        seed: int,
        epoch_counters: Mapping[str, int] | None = None,
        trace: Path | None = None,
        trace_s: float = TRACE_S,
    ) -> None:
        header = BoardHeader(board)
        with ExitStack() as undo:  # what was opened is closed again if a later part cannot be
            self.state = StateFile(state, header, epoch_counters)
            undo.callback(self.state.close)
            self.board = Board(board, eeprom=self.state.image, seed=seed)
            undo.callback(self.board.close)
            self.bridge = PtyBridge(link) if link else None
            if self.bridge:
                undo.callback(self.bridge.close)
            self.control = ControlSocket(control, self.command) if control else None
            if self.control:
                undo.callback(self.control.close)
            self._trace = self.board.trace(trace) if trace else None
            undo.pop_all()
        self.sensors = describe(self.state.image, header)
        self.house = LiveHouse(Household(seed), self.board)
        self.wire = Wire([sensor["id"] for sensor in self.sensors])
        self._stopping = False
        self._plug_in_at: float | None = None
        self._house_due = 0.0
        self._trace_until_s = trace_s

    def stop(self) -> None:
        """End run() soon; safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Run in real time until stopped; then play a supply ramp, so that the firmware saves its counters itself."""
        origin = time.monotonic() - self.board.time_s
        try:
            while not self._stopping:
                now = time.monotonic()
                if now - origin - self.board.time_s > LONGEST_LAG_S:
                    lag_s = now - origin - self.board.time_s
                    _LOG.warning("the host was away for %.1f s; the board did not run", lag_s)
                    origin = now - self.board.time_s
                self._slice(now - origin)
                pause = max(0.0, origin + self.board.time_s + SLICE_S - time.monotonic())
                if self.control:
                    self.control.serve(pause)
                else:
                    time.sleep(pause)
        finally:
            self._end()

    def _slice(self, until_s: float) -> None:
        now = time.time()
        if now >= self._house_due or self._house_due > now + 2 * HOUSE_STEP_S:
            self.house.step(now)
            self._house_due = now + HOUSE_STEP_S
        if self._plug_in_at is not None and now >= self._plug_in_at and self.bridge:
            self._plug_in_at = None
            try:
                self.bridge.plug_in()
            except BridgeError as error:
                _LOG.warning("%s; trying again", error)
                self._plug_in_at = now + 1.0
        lines = self.board.run_until(until_s)
        self._deliver([line.text for line in lines])
        if self.board.time_s >= self._trace_until_s:
            self._end_trace()

    def _deliver(self, lines: list[str]) -> None:
        # The file first: what has been sent must never be ahead of what a restart finds.
        self.state.save(self.board.eeprom)
        data = self.board.take_bytes()
        if self.bridge and data:
            self.bridge.send(data)
        now = time.time()
        for text in lines:
            self.wire.hear(text, now)

    def _end(self) -> None:
        lines = self.board.power_cut(HOLD_UP_S)
        self._deliver([line.text for line in lines])
        for part in (self.bridge, self.control):
            if part:
                part.close()
        self._end_trace()
        self.board.close()
        self.state.close()

    def _end_trace(self) -> None:
        if self._trace:
            try:
                self._trace.close()
            except OSError as error:
                _LOG.warning("the trace is not complete: %s", error)

    # -- control --

    def command(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one command of the control socket; ValueError with the reason when it cannot be done."""
        do = request.get("do")
        if do == "state":
            return self._state()
        if do == "set":
            return self._set(request)
        if do == "restart":
            self.board.restart()
        elif do == "unplug":
            self._unplug(request)
        elif do == "quit":
            self.stop()
        else:
            raise ValueError(f"unknown command {do!r}; there are: state, set, restart, unplug, quit")
        return {"at": time.time()}

    def _state(self) -> dict[str, Any]:
        now = time.time()
        sensors = []
        for sensor, house in zip(self.sensors, HOUSE, strict=True):
            facts = {key: sensor[key] for key in ("id", "name", "type", "class")}
            sensors.append(facts | {"input": house.input} | self.wire.said[sensor["id"]].as_json())
        return {"time": now, "sensors": sensors, "loads": self.house.loads(now)}

    def _set(self, request: Mapping[str, Any]) -> dict[str, Any]:
        load, on = request.get("load"), request.get("on")
        if not isinstance(load, str) or not (on is None or isinstance(on, bool)) or "on" not in request:
            raise ValueError('set needs "load" (a name) and "on" (true, false, or null: back to its habits)')
        self.house.switch(load, on)
        now = time.time()
        self.house.step(now)
        return {"at": now}

    def _unplug(self, request: Mapping[str, Any]) -> None:
        seconds = request.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
            raise ValueError('unplug needs "seconds", from 0 to 3600')
        if self.bridge is None:
            raise ValueError("there is no serial port to unplug: the simulator was started without --pty")
        self.bridge.unplug()
        self._plug_in_at = time.time() + seconds
