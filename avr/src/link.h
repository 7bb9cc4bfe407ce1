// The link to the main board, as main.c sees it: uart_link.c (lines) or spi_link.c (frames), by the board's header.
// A port is an input (clamps first, then pulse inputs, from 0); a sensor is what its readings are counted for.
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "counter_log.h"

#define LINK_NO_SENSOR 0xFFU

enum link_message { MESSAGE_NO_IDS, MESSAGE_WATCHDOG, MESSAGE_BROWN_OUT, MESSAGE_HELD_BACK, MESSAGE_COUNT };

// What one ADC step (the meter constant) or one pulse (Wh or L, and thousandths) of a sensor is worth.
struct weight {
    uint16_t units;
    uint16_t milli;
};

// Reads what the board has to know about its sensors from the EEPROM.
void link_read_settings(void);
// Starts the hardware, once all settings and counters are there.
void link_start(void);
uint8_t link_debounce_ms(void);

// The sensor a port counts for, LINK_NO_SENSOR for none.
uint8_t link_sensor(uint8_t port);
struct weight link_weight(uint8_t sensor);

// News to tell: the sensor's counter went up; a pulse at `ms` was counted for it; a second is over, and the mean power of each
// clamp's sensor in it; something for the log.
void link_counted(uint8_t sensor);
void link_pulse(uint8_t sensor, uint32_t ms);
void link_second(void);
void link_power(uint8_t sensor, uint32_t watts);
void link_say(enum link_message message);

// A tenth of a second is over: the time step of the LED.
void link_block(void);
// Sends what there is to send and answers what was asked. Not called while the board is silent after a save at power loss.
void link_work(void);
// True when the link wants the counters saved by a record that is begun now; the wish is then fulfilled.
bool link_take_wish(void);
// The record begun last is durable.
void link_durable(void);
// The next thing to write to the EEPROM for the link; EEPROM_NOTHING when there is none. No record is being written.
struct eeprom_step link_eeprom_step(void);

#endif
