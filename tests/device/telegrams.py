"""Telegrams of P1 meters as each country's send them, with registers that a test turns. The CRC is this file's own.

Layouts after the P1 companion standards, that of DSMR 2.2 after a recording of a real meter. Values are made up.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def crc16(data: bytes) -> int:
    """CRC-16/ARC: polynomial 0x8005 reflected, start 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def sealed(lines: str) -> bytes:
    """A telegram of these lines, with its CRC."""
    body = lines.strip().replace("\n", "\r\n").encode("latin-1") + b"\r\n!"
    return body + b"%04X\r\n" % crc16(body)


@dataclass
class Meter:
    """What the registers stand at: kWh of two tariffs in and out, kW in and out, m3 of gas and water."""

    in_1: float = 1581.123
    in_2: float = 1435.706
    out_1: float = 0.0
    out_2: float = 0.0
    power_in: float = 2.027
    power_out: float = 0.0
    gas: float = 981.443
    water: float = 872.234
    clock: str = "261125204500W"
    gas_clock: str = "261125204000W"

    @property
    def counter(self) -> int:
        """What was taken in, in Wh."""
        return round((self.in_1 + self.in_2) * 1000)

    def _tariffs(self, swapped: bool = False) -> str:
        one, two = ("2", "1") if swapped else ("1", "2")
        return (
            f"1-0:1.8.{one}({self.in_1:010.3f}*kWh)\n1-0:1.8.{two}({self.in_2:010.3f}*kWh)\n"
            f"1-0:2.8.{one}({self.out_1:010.3f}*kWh)\n1-0:2.8.{two}({self.out_2:010.3f}*kWh)\n"
        )

    def _powers(self) -> str:
        return f"1-0:1.7.0({self.power_in:06.3f}*kW)\n1-0:2.7.0({self.power_out:06.3f}*kW)\n"

    def dsmr_2_2(self) -> bytes:
        """DSMR 2.2: no CRC, gas on two lines."""
        text = (
            "/ISk5\\2MT382-1003\n\n0-0:96.1.1(5A424556303035303735353430393131)\n"
            f"1-0:1.8.1({self.in_1:09.3f}*kWh)\n1-0:1.8.2({self.in_2:09.3f}*kWh)\n"
            f"1-0:2.8.1({self.out_1:09.3f}*kWh)\n1-0:2.8.2({self.out_2:09.3f}*kWh)\n0-0:96.14.0(0002)\n"
            f"1-0:1.7.0({self.power_in:07.2f}*kW)\n1-0:2.7.0({self.power_out:07.2f}*kW)\n0-0:17.0.0(0999.00*kW)\n"
            "0-0:96.3.10(1)\n0-0:96.13.1()\n0-0:96.13.0()\n0-1:24.1.0(3)\n0-1:96.1.0(3338303034303031313338323831383131)\n"
            f"0-1:24.3.0({self.gas_clock[:12]})(00)(60)(1)(0-1:24.2.1)(m3)\n({self.gas:09.3f})\n0-1:24.4.0(1)\n!\n"
        )
        return text.replace("\n", "\r\n").encode()

    def dsmr_4(self) -> bytes:
        """DSMR 4.2, three phases without voltage."""
        return sealed(
            f"/KFM5KAIFA-METER\n\n1-3:0.2.8(42)\n0-0:1.0.0({self.clock})\n0-0:96.1.1(3960221976967177082151037881335713)\n"
            f"{self._tariffs()}0-0:96.14.0(0002)\n{self._powers()}0-0:96.7.21(00015)\n"
            "1-0:99.97.0(3)(0-0:96.7.19)(000104180320W)(0000237126*s)(000101000001W)(2147583646*s)"
            "(000102000003W)(2317482647*s)\n0-0:96.13.1()\n0-0:96.13.0()\n"
            "1-0:31.7.0(000*A)\n1-0:51.7.0(006*A)\n1-0:71.7.0(002*A)\n1-0:21.7.0(00.170*kW)\n1-0:22.7.0(00.000*kW)\n"
            "1-0:41.7.0(00.000*kW)\n1-0:42.7.0(01.247*kW)\n1-0:61.7.0(00.209*kW)\n1-0:62.7.0(00.000*kW)\n"
            f"0-1:24.1.0(003)\n0-1:96.1.0(4819243993373755377509728609491464)\n0-1:24.2.1({self.gas_clock})({self.gas:09.3f}*m3)"
        )

    def dsmr_5(self) -> bytes:
        """DSMR 5.0, one phase, a text with any characters, and an M-Bus channel that is empty."""
        return sealed(
            f"/ISk5\\2MT382-1000\n\n1-3:0.2.8(50)\n0-0:1.0.0({self.clock})\n0-0:96.1.1(4B384547303034303436333935353037)\n"
            f"{self._tariffs()}0-0:96.14.0(0002)\n{self._powers()}0-0:96.7.21(00013)\n1-0:99.97.0(0)(0-0:96.7.19)\n"
            "1-0:32.32.0(00000)\n0-0:96.13.0(303132333435363738393A3B3C3D3E3F)\n"
            "1-0:32.7.0(230.1*V)\n1-0:31.7.0(009*A)\n1-0:21.7.0(02.027*kW)\n1-0:22.7.0(00.000*kW)\n"
            f"0-1:24.1.0(003)\n0-1:96.1.0(3232323241424344313233343536373839)\n0-1:24.2.1({self.gas_clock})({self.gas:09.3f}*m3)\n"
            "0-2:24.1.0(003)\n0-2:96.1.0()"
        )

    def belgium(self) -> bytes:
        """Fluvius e-MUCS: swapped tariffs, quarter-hour powers, uncorrected gas, water."""
        return sealed(
            f"/FLU5\\253769484_A\n\n0-0:96.1.4(50217)\n0-0:96.1.1(3153414733313031303231363035)\n0-0:96.1.2()\n"
            f"0-0:1.0.0({self.clock})\n{self._tariffs(swapped=True)}0-0:96.14.0(0001)\n1-0:1.4.0(02.351*kW)\n"
            "1-0:1.6.0(261102061500W)(05.122*kW)\n"
            "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(261101000000W)(261015181500S)(06.000*kW)(261001000000S)(260910181500S)(05.500*kW)\n"
            f"{self._powers()}1-0:21.7.0({self.power_in:06.3f}*kW)\n1-0:22.7.0({self.power_out:06.3f}*kW)\n1-0:32.7.0(234.7*V)\n"
            "1-0:31.7.0(003.26*A)\n0-0:96.3.10(1)\n0-0:17.0.0(999.9*kW)\n1-0:31.4.0(999*A)\n0-0:96.13.0()\n"
            "0-1:24.1.0(003)\n0-1:96.1.1(37464C4F32313139303333373333)\n0-1:24.4.0(1)\n"
            f"0-1:24.2.3({self.gas_clock})({self.gas:09.3f}*m3)\n"
            "0-2:24.1.0(007)\n0-2:96.1.1(3853414731323334353637383930)\n"
            f"0-2:24.2.1({self.gas_clock})({self.water:09.3f}*m3)"
        )

    def luxembourg(self) -> bytes:
        """Smarty, decrypted: totals besides nothing, a device name."""
        total_in, total_out = self.in_1 + self.in_2, self.out_1 + self.out_2
        return sealed(
            f"/Lux5\\253663629_D\n\n1-3:0.2.8(42)\n0-0:1.0.0({self.clock})\n0-0:42.0.0(53414731303331303030303030303030)\n"
            f"1-0:1.8.0({total_in:010.3f}*kWh)\n1-0:2.8.0({total_out:010.3f}*kWh)\n1-0:3.8.0(000005.693*kvarh)\n"
            f"{self._powers()}1-0:32.7.0(236*V)\n1-0:31.7.0(001*A)\n"
            f"0-1:24.1.0(003)\n0-1:96.1.0(3232323241424344313233343536373839)\n0-1:24.2.1({self.gas_clock})({self.gas:09.3f}*m3)"
        )

    def sweden(self) -> bytes:
        """No version, no serial: what Swedish grids agreed on."""
        total_in, total_out = self.in_1 + self.in_2, self.out_1 + self.out_2
        return sealed(
            f"/ELL5\\253833635_A\n\n0-0:1.0.0({self.clock})\n1-0:1.8.0({total_in:012.3f}*kWh)\n1-0:2.8.0({total_out:012.3f}*kWh)\n"
            f"1-0:3.8.0(00000021.988*kvarh)\n1-0:4.8.0(00001020.971*kvarh)\n1-0:1.7.0({self.power_in:08.3f}*kW)\n"
            f"1-0:2.7.0({self.power_out:08.3f}*kW)\n1-0:21.7.0(0001.023*kW)\n1-0:41.7.0(0000.350*kW)\n1-0:61.7.0(0000.353*kW)\n"
            "1-0:22.7.0(0000.000*kW)\n1-0:42.7.0(0000.000*kW)\n1-0:62.7.0(0000.000*kW)\n"
            "1-0:32.7.0(240.3*V)\n1-0:52.7.0(240.1*V)\n1-0:72.7.0(241.3*V)\n1-0:31.7.0(004.2*A)\n1-0:51.7.0(001.6*A)\n"
            "1-0:71.7.0(001.7*A)"
        )

    def austria(self) -> bytes:
        """Sagemcom T210-D-r, decrypted: Wh and W as whole numbers."""
        one, two = round(self.in_1 * 1000), round(self.in_2 * 1000)
        out = round((self.out_1 + self.out_2) * 1000)
        return sealed(
            f"/EST5\\253710000_A\n\n1-3:0.2.8(50)\n0-0:1.0.0({self.clock})\n1-0:1.8.0({one + two:09d}*Wh)\n"
            f"1-0:1.8.1({one:09d}*Wh)\n"
            f"1-0:1.8.2({two:09d}*Wh)\n1-0:1.7.0({round(self.power_in * 1000):09d}*W)\n1-0:2.8.0({out:09d}*Wh)\n"
            f"1-0:2.8.1({out:09d}*Wh)\n1-0:2.8.2(000000000*Wh)\n1-0:2.7.0({round(self.power_out * 1000):09d}*W)\n"
            "1-0:3.8.0(000000747*varh)"
        )


KEY = bytes(range(16))
AUTHENTICATION = bytes.fromhex("00112233445566778899AABBCCDDEEFF")


def encrypted(telegram: bytes, counter: int = 1, *, key: bytes = KEY, authentication: bytes = AUTHENTICATION) -> bytes:
    """A telegram in a general-global-cipher frame (AES-128-GCM, tag of 12 bytes), as Luxembourg's meters send it."""
    title, count = b"SAGgp\x00\x01\x02", counter.to_bytes(4, "big")
    sealed_text = AESGCM(key).encrypt(title + count, telegram, b"\x30" + authentication)
    ciphertext, tag = sealed_text[:-16], sealed_text[-16:][:12]
    payload = b"\x30" + count + ciphertext + tag
    return b"\xdb\x08" + title + b"\x82" + len(payload).to_bytes(2, "big") + payload
