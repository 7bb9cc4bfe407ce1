// When to save the counters, and which counters may be sent.
//
// A counter that was sent must never be followed by a smaller one, even when the power is cut without any warning. So each
// record in the EEPROM carries a reserve beside the counter: until the next record is durable, nothing above counter + reserve
// (the ceiling) is sent. After a cut without warning counting goes on from the record's counter, which loses one checkpoint
// interval at most and invents nothing, and the sensor's `pls` lines are held back until the counter has passed what may have
// been sent (the floor). A record saved at a warned power loss is exact: floor, counter and ceiling are one.
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "counter_log.h"
#include "survivor.h"

#ifndef CHECKPOINT_S
#define CHECKPOINT_S 900U
#endif
#define RESERVE_SMALLEST 6U // 2^6: 64 Wh or L, so that small loads cause no extra records

struct checkpoint {
    uint32_t ceiling[SENSOR_COUNT]; // nothing above is sent; the floor, below which nothing is, survives a reset (survivor.h)
    uint16_t age_s;                 // seconds since the newest record was begun
    uint8_t ordered;                // bit per sensor: its counter was set by order since then
};

// Takes over what the log had (`record` all zero without one).
void checkpoint_restore(struct checkpoint *checkpoint, const struct counter_record *record);

// Begins a life with the record's counters, after a power-up. Its floor is the highest counter that may have been sent; true when
// that is above some counter, whose lines are then held back.
bool checkpoint_begin_life(const struct checkpoint *checkpoint, const struct counter_record *record, struct survivor *life);

// Counts the seconds; to be called once a second.
void checkpoint_second(struct checkpoint *checkpoint);

// True when the sensor's counter may be sent.
bool checkpoint_may_send(const struct checkpoint *checkpoint, const struct survivor *life, uint8_t sensor);

// The counter that may be sent and is nearest to the sensor's: the floor below it, the ceiling above it.
uint32_t checkpoint_nearest(const struct checkpoint *checkpoint, const struct survivor *life, uint8_t sensor);

// The sensor's counter was set, up or down, by order: what was sent before does not bind any more. Nothing above it is sent until
// the next record is durable.
void checkpoint_order(struct checkpoint *checkpoint, struct survivor *life, uint8_t sensor);

// True when a new record should be begun: the interval is over and something was counted, a ceiling comes near or a counter was set.
// `record` is the newest one, written or on its way.
bool checkpoint_due(const struct checkpoint *checkpoint, const struct survivor *life, const struct counter_record *record);

// Makes `record`, the newest one, the record to write now. `exact` for the save at power loss: nothing will be sent after it.
void checkpoint_record(struct checkpoint *checkpoint, const struct survivor *life, bool exact, struct counter_record *record);

// `record`, the newest one, is durable: its ceilings hold from now on.
void checkpoint_durable(struct checkpoint *checkpoint, const struct counter_record *record);

#endif
