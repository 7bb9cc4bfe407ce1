"""The interrupt vectors of the ATmega168 and the ATmega328P, by their names in avr-libc."""

from __future__ import annotations

from collections.abc import Mapping

VECTORS: Mapping[int, str] = dict(
    enumerate(
        (
            *("INT0", "INT1", "PCINT0", "PCINT1", "PCINT2", "WDT", "TIMER2_COMPA", "TIMER2_COMPB", "TIMER2_OVF"),
            *("TIMER1_CAPT", "TIMER1_COMPA", "TIMER1_COMPB", "TIMER1_OVF", "TIMER0_COMPA", "TIMER0_COMPB"),
            *("TIMER0_OVF", "SPI_STC", "USART_RX", "USART_UDRE", "USART_TX", "ADC", "EE_READY", "ANALOG_COMP"),
            *("TWI", "SPM_READY"),
        ),
        start=1,
    )
)
"""Data sheets, table of reset and interrupt vectors (without the reset, which is 0)."""
