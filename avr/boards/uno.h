// Arduino Uno, the sensor board of the first prototype: ATmega328P at 16 MHz (crystal), lines over its USB serial port.
// No AVR header is needed to read this file: register and pin names stay macros until a *_hw.c file uses them.
#ifndef BOARD_UNO_H
#define BOARD_UNO_H

#define BOARD_NAME "uno"
#define BOARD_MCU atmega328p
#define BOARD_FLASH_LIMIT 10240
#define BOARD_RAM_LIMIT 640
#ifndef F_CPU
#define F_CPU 16000000UL
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
#define FRONT_END FRONT_END_RMS
#endif
#include "../src/front_end.h"
#define CLAMP_ADC_CHANNELS {0, 1} // A0 and A1
#define PULSE_PORT PORTD
#define PULSE_DDR DDRD
#define PULSE_PIN PIND
#define PULSE_BITS {2, 3} // D2 and D3, internal pull-ups, a contact closes to ground
#define LED_PORT PORTB
#define LED_DDR DDRB
#define LED_BIT 5 // D13, the LED on the Uno
#define LED_ACTIVE_LOW 0

// One tick samples one clamp (in turn). 8000 Hz gives 4000 samples a second for each clamp: as fast as the ADC is exact to ten
// bits (104 us for a conversion, and up to 8 us until it begins).
#define TICK_HZ 8000U
#define TICK_PRESCALER 8U
#define CLAMP_HZ (TICK_HZ / CLAMP_COUNT)
#define ADC_PRESCALER 128U // 125 kHz, as on the original boards: 104 us for one conversion

// Energy is booked ten times a second, so that creep is judged over whole cycles of 50 and of 60 Hz.
#define BLOCK_TICKS (TICK_HZ / 10U)

// P [W] = RMS of the ADC steps (or their mean) x meter constant x 9 / METERCONST_DIVISOR. The default for RMS: 230 V, a clamp of
// 2000 turns, 47 ohm, 5 V over 1024 steps; 50 A are then 241 steps. A sine peaks at 340 of 512, which leaves room for harmonics.
#define METERCONST_DIVISOR 4000U
#if FRONT_END == FRONT_END_RMS
#define METERCONST_DEFAULT 21239U
#else
#define METERCONST_DEFAULT 5508U // the original's, 50 A at 230 V
#endif
#define PULSE_WEIGHT_DEFAULT 1U
// Below this reading (sixteenths of an ADC step; for a 50 A clamp 16 is 12.4 W of mean, 48 W of RMS) a clamp is open or idle and
// counts nothing.
#define CREEP_SIXTEENTHS 16U

#define DEBOUNCE_MS 3U

// EEPROM map: factory block (86 bytes) and calibration (10), then the counter log to the end.
#define EEPROM_BYTES 1024U
#define FACTORY_START 0U
#define FACTORY_BYTES 96U
#define CALIBRATION_START 86U
#define LOG_START FACTORY_BYTES
#define LOG_BYTES (EEPROM_BYTES - FACTORY_BYTES)

#define WATCHDOG_S 2

#endif
