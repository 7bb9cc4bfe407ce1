// Sensor board v2.0: ATmega168 at 16 MHz (crystal), SPI slave to the main board, three clamps, two pulse inputs, RS-485.
// No AVR header is needed to read this file: register and pin names stay macros until a *_hw.c file uses them.
#ifndef BOARD_V2_0_H
#define BOARD_V2_0_H

#define BOARD_NAME "v2_0"
#define BOARD_MCU atmega168
#ifndef FRONT_END
#define FRONT_END FRONT_END_MEAN
#endif
#include "../src/front_end.h"
#if FRONT_END == FRONT_END_RMS
#define BOARD_FLASH_LIMIT 11264 // of 16384; squares and root take 1 KB
#else
#define BOARD_FLASH_LIMIT 10240 // of 16384
#endif
#define BOARD_RAM_LIMIT 640 // of 1024, with the stack
#ifndef F_CPU
#define F_CPU 16000000UL
#endif

// The link to the main board: frames over SPI, mode 0 (src/spi_link.c). PB2 SS, PB3 MOSI, PB4 MISO, PB5 SCK.
#define LINK_UART 0
#define LINK_SPI 1

#define BOARD_HW_MAJOR 2
#define BOARD_HW_MINOR 0

// RS-485, half-duplex, on the UART: PD0 RXD, PD1 TXD, PD4 driver enable (high: the board drives the bus).
#define BAUD 115200UL
#define RS485_PORT PORTD
#define RS485_DDR DDRD
#define RS485_DRIVE_BIT 4
#define BUS_RECEIVED_BYTES 64U // the host takes them every 50 ms
#define BUS_TO_SEND_BYTES 16U // goes out when it is full, or when the message is over

// Ports as they are numbered on the terminals: 1 to 3 clamps, 4 and 5 pulse inputs, 6 RS-485. The port map says which of the
// SENSOR_COUNT sensors each belongs to.
#define CLAMP_COUNT 3
#define PULSE_COUNT 2
#define PORT_COUNT 6
#define SENSOR_COUNT 6
#define CLAMP_ADC_CHANNELS {0, 1, 2} // ADC0 = PC0, ADC1 = PC1, ADC2 = PC2
#define PULSE_PORT PORTD
#define PULSE_DDR DDRD
#define PULSE_PIN PIND
#define PULSE_BITS {2, 3} // ports 4 and 5: PD2 and PD3, internal pull-ups, a contact closes to ground
#define LED_PORT PORTB
#define LED_DDR DDRB
#define LED_BIT 0
#define LED_ACTIVE_LOW 1

// One tick samples one clamp (in turn). 8000 Hz gives 2667 samples a second for each clamp: as fast as the ADC is exact to ten
// bits (104 us for a conversion, and up to 8 us until it begins).
#define TICK_HZ 8000U
#define TICK_PRESCALER 8U
#define CLAMP_HZ (TICK_HZ / CLAMP_COUNT)
#define ADC_PRESCALER 128U // 125 kHz, as on the original boards: 104 us for one conversion

// Energy is booked ten times a second, so that creep is judged over whole cycles of 50 and of 60 Hz.
#define BLOCK_TICKS (TICK_HZ / 10U)

// The original's meter constant: W = mean ADC step x meter constant x 9 / METERCONST_DIVISOR. The main board sets
// the constant (`sm`); 5163 is its own for 50 A at 230 V.
#define METERCONST_DIVISOR 3750U
#if FRONT_END == FRONT_END_RMS
#define METERCONST_DEFAULT 19912U // 230 V, a clamp of 2000 turns, 47 ohm, 5 V over 1024 steps: 50 A are 241 steps
#else
#define METERCONST_DEFAULT 5163U
#endif
// Below this reading (sixteenths of an ADC step; for a 50 A clamp 16 is 12.4 W of mean, 48 W of RMS) a clamp is open or idle and
// counts nothing.
#define CREEP_SIXTEENTHS 16U

#define DEBOUNCE_MS 3U // until the main board sets another (`st`)

// EEPROM map: two places for the settings, the counter log, the calibration (14 bytes).
#define EEPROM_BYTES 512U
#define SETTINGS_START 0U
#define LOG_START 98U
#define LOG_BYTES 387U // nine records
#define CALIBRATION_START 485U

// With nine records this interval makes the EEPROM last above twenty years.
#define CHECKPOINT_S 1080U

#define WATCHDOG_S 2

#endif
