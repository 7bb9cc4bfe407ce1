// Sensor board v1.1: ATmega168 at 8 MHz (internal RC oscillator), UART to the main board, two clamps, two pulse inputs.
// No AVR header is needed to read this file: register and pin names stay macros until a *_hw.c file uses them.
#ifndef BOARD_V1_1_H
#define BOARD_V1_1_H

#define BOARD_NAME "v1_1"
#define BOARD_MCU atmega168
#define BOARD_FLASH_LIMIT 10240
#define BOARD_RAM_LIMIT 640
#ifndef F_CPU
#define F_CPU 8000000UL
#endif

// The link to the main board: lines over a UART (src/uart_link.c).
#define LINK_UART 1
#define LINK_SPI 0
#define BAUD 4800UL

// Inputs, in the order of the sensors in the factory block: first the clamps, then the pulse inputs.
#define CLAMP_COUNT 2
#define PULSE_COUNT 2
#define SENSOR_COUNT (CLAMP_COUNT + PULSE_COUNT)
#ifndef FRONT_END
#define FRONT_END FRONT_END_MEAN
#endif
#include "../src/front_end.h"
#define CLAMP_ADC_CHANNELS {0, 1} // ADC0 = PC0, ADC1 = PC1
#define PULSE_PORT PORTD
#define PULSE_DDR DDRD
#define PULSE_PIN PIND
#define PULSE_BITS {2, 3} // PD2 (INT0) and PD3 (INT1), internal pull-ups, a contact closes to ground
#define LED_PORT PORTB
#define LED_DDR DDRB
#define LED_BIT 5
#define LED_ACTIVE_LOW 0

// One tick samples one clamp (in turn) and every pulse input. 2500 Hz gives 1250 samples a second for each clamp, which is no
// multiple of 100 or 120 Hz ripple: a rate that divides evenly would see the same few phases of the ripple for ever.
#define TICK_HZ 2500U
#define TICK_PRESCALER 32U
#define CLAMP_HZ (TICK_HZ / CLAMP_COUNT)
#define ADC_PRESCALER 64U // 125 kHz, as on the original boards: 104 us for one conversion

// Energy is booked ten times a second, so that creep is judged over whole cycles of 50 and of 60 Hz.
#define BLOCK_TICKS (TICK_HZ / 10U)

// P [W] = mean ADC step x meter constant x 9 / METERCONST_DIVISOR: the original's unit, billionths of a Wh for one step and sample
// at its 625 samples a second. The default is its constant for a 50 A clamp at 230 V.
#define METERCONST_DIVISOR 4000U
#if FRONT_END == FRONT_END_RMS
#define METERCONST_DEFAULT 21239U // 230 V, a clamp of 2000 turns, 47 ohm, 5 V over 1024 steps: 50 A are 241 steps
#else
#define METERCONST_DEFAULT 5508U
#endif
#define PULSE_WEIGHT_DEFAULT 1U
// Below this reading (sixteenths of an ADC step; for a 50 A clamp 16 is 12.4 W of mean, 48 W of RMS) a clamp is open or idle and
// counts nothing.
#define CREEP_SIXTEENTHS 16U

#define DEBOUNCE_MS 3U

// EEPROM map: factory block (86 bytes) and calibration (10), then the counter log to the end.
#define EEPROM_BYTES 512U
#define FACTORY_START 0U
#define FACTORY_BYTES 96U
#define CALIBRATION_START 86U
#define LOG_START FACTORY_BYTES
#define LOG_BYTES (EEPROM_BYTES - FACTORY_BYTES)

#define WATCHDOG_S 2

#endif
