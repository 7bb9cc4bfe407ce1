// The counters in SRAM that survive a reset: a watchdog reset, a press on reset or a short dip loses nothing.
// Two copies are kept in turn, each with a CRC, so that a reset in the middle of an update leaves the other one.
#ifndef SURVIVOR_H
#define SURVIVOR_H

#include <stdbool.h>
#include <stdint.h>

#include "accumulate.h"
#include "counter_log.h"

struct survivor {
    struct counter counter[SENSOR_COUNT];
    uint32_t floor[SENSOR_COUNT]; // see checkpoint.h
    uint16_t watchdogs;
    uint16_t brown_outs;
    uint8_t sequence; // of the newest durable record in the log when this was kept
};

struct survivor_copy {
    struct survivor survivor;
    uint8_t turn; // one more than the other copy's: the newer one
    uint16_t crc;
};

struct survivor_store {
    struct survivor_copy copy[2];
    uint8_t next; // which copy is written next
};

// Keeps `survivor` in the older of the two copies.
void survivor_keep(struct survivor_store *store, const struct survivor *survivor);

// The newer intact copy, if it belongs to the newest record of the log: written by the same life, not below it and not far
// above it. False after a power-up (SRAM is random) and after the EEPROM was rewritten from outside; the store is then made
// ready for use.
bool survivor_recover(struct survivor_store *store, const struct counter_record *record, uint8_t sequence,
                      struct survivor *survivor);

#endif
