// What the hardware files offer to main.c. Everything else in this folder is pure.
#ifndef HARDWARE_H
#define HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "clamp.h"
#include "counter_log.h"
#include "eeprom.h"
#include "frame.h"
#include "ring.h"

// tick_hw.c: the tick interrupt samples clamps and pulse inputs and counts milliseconds.
void tick_start(uint8_t debounce_ms);
void tick_debounce(uint8_t debounce_ms);
// The clamp's ADC readings since the last call.
struct readings tick_take_clamp(uint8_t clamp);
// Pulses since the last call, and the clock in ms at the newest of them (never 0).
uint8_t tick_take_pulses(uint8_t input, uint32_t *ms);
void adc_off(void);
void adc_on(void);

// uart_hw.c, boards with LINK_UART
void uart_start(void);
extern struct ring uart_ring;
// Starts transmission of what is in the ring.
void uart_send(void);

// spi_hw.c, boards with LINK_SPI
void spi_start(struct frame *frame);
// True when the main board has sent something since the last call.
bool spi_heard(void);

// rs485_hw.c, boards with LINK_SPI: half-duplex on the UART, from and to the queues in frame.h.
void rs485_start(void);
// Takes the bus and sends what is in the queue.
void rs485_send(void);

// eeprom_hw.c
bool eeprom_ready(void);
// Begins the action; EVENT_EEPROM follows when it is complete. The EEPROM must be ready.
void eeprom_begin(struct eeprom_step step);

// supply_hw.c: analogue comparator, AIN1 = supply / 4.4 against the 1.1 V bandgap (trips at about 4.84 V).
void supply_start(void);
bool supply_low(void);

// board_hw.c
void board_start(void);
void led(bool on);
void watchdog_start(void);
void watchdog_feed(void);
// Sleeps until an interrupt has set an event; takes and returns all events.
uint8_t wait_for_events(void);

#endif
