"""What all links over a serial port of their own have in common: whether they are heard, and their port's life."""

from __future__ import annotations

from fluksod.link.link_state import LinkReport, LinkState
from fluksod.link.serial_port import SerialPort


class SerialLink:
    """A link over `port`, of which `report` knows how it stands."""

    def __init__(self, report: LinkReport, port: SerialPort) -> None:
        self._report = report
        self._port = port

    @property
    def state(self) -> LinkState:
        """Whether the other end is heard."""
        return self._report.state

    @property
    def is_open(self) -> bool:
        """Whether the port is open; the other end may be silent on an open port."""
        return self._port.is_open

    def open(self) -> None:
        """Open the port now. Raises `PortInUseError` when another program holds it; a missing port is waited for."""
        self._port.open()

    async def run(self) -> None:
        """Keep the port open and read it until cancelled."""
        await self._port.run()

    def close(self) -> None:
        """Close the port and release its lock."""
        self._port.close()
