// The counters, which survive a reset in SRAM: a watchdog reset, a press on reset or a short dip loses nothing.
// They are kept twice, each with a CRC. A reset while they change leaves the spare copy, a reset while that is written leaves the
// counters themselves.
#ifndef SURVIVOR_H
#define SURVIVOR_H

#include <stdbool.h>
#include <stdint.h>

#include "accumulate.h"
#include "counter_log.h"

struct survivor {
    struct counter counter[SENSOR_COUNT];
    uint32_t floor[SENSOR_COUNT]; // nothing below is sent, see checkpoint.h
    uint16_t watchdogs;
    uint16_t brown_outs;
    uint8_t sequence; // of the newest durable record in the log when this was kept
    uint16_t crc;     // of everything before, as it was kept last
};

// Keeps `life` as it is now.
void survivor_keep(struct survivor *life, struct survivor *spare);

// Makes `life` what was kept last, if it belongs to the newest record of the log: written by the same life, not below it and not far
// above it. False after a power-up (SRAM is random) and after the EEPROM was rewritten from outside.
bool survivor_recover(struct survivor *life, const struct survivor *spare, const struct counter_record *record,
                      uint8_t sequence);

#endif
