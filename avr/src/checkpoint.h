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

#include "accumulate.h"
#include "counter_log.h"

#ifndef CHECKPOINT_S
#define CHECKPOINT_S 900U
#endif
#define RESERVE_SMALLEST 6U // 2^6: 64 Wh or L, so that small loads cause no extra records

struct checkpoint {
    uint32_t floor[SENSOR_COUNT];   // nothing below is sent
    uint32_t ceiling[SENSOR_COUNT]; // nothing above is sent
    uint32_t saved[SENSOR_COUNT];   // counter in the newest record, written or on its way
    uint8_t reserve[SENSOR_COUNT];  // its reserve exponent
    uint16_t age_s;                 // seconds since that record was begun
};

// Takes over what the log had (`record` all zero without one). The floor is the highest counter that may have been sent.
void checkpoint_restore(struct checkpoint *checkpoint, const struct counter_record *record);

// Counts the seconds; to be called once a second.
void checkpoint_second(struct checkpoint *checkpoint);

// True when counter `units` of sensor `sensor` may be sent.
bool checkpoint_may_send(const struct checkpoint *checkpoint, uint8_t sensor, uint32_t units);

// The counter that may be sent and is nearest to `units`: the floor below it, the ceiling above it.
uint32_t checkpoint_nearest(const struct checkpoint *checkpoint, uint8_t sensor, uint32_t units);

// The counter was set to `units`, up or down, by order: what was sent before does not bind any more. Nothing above it is sent
// until the next record is durable.
void checkpoint_order(struct checkpoint *checkpoint, uint8_t sensor, uint32_t units);

// True when the newest record leaves some sensor no reserve.
bool checkpoint_exact(const struct checkpoint *checkpoint);

// True when a new record should be begun: the interval is over and something was counted, or a ceiling comes near.
bool checkpoint_due(const struct checkpoint *checkpoint, const struct counter *counters);

// The record to write now. `exact` for the save at power loss: nothing will be sent after it.
void checkpoint_record(struct checkpoint *checkpoint, const struct counter *counters, bool exact, struct counter_record *record);

// The record made last is durable: its ceilings hold from now on.
void checkpoint_durable(struct checkpoint *checkpoint);

#endif
