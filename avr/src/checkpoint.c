#include "checkpoint.h"

#define LARGEST_GAIN (UINT32_MAX / CHECKPOINT_S) // beyond it the estimate would overflow

static uint32_t reserve_units(const struct counter_record *record, uint8_t sensor)
{
    const uint8_t exponent = record_reserve(record, sensor);
    return exponent ? (uint32_t)1 << exponent : 0U;
}

// Counters wrap at 2^32, so "at least" is a matter of the signed difference.
static bool at_least(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

static bool ordered(const struct checkpoint *checkpoint, uint8_t sensor)
{
    return checkpoint->ordered & (1U << sensor);
}

void checkpoint_restore(struct checkpoint *checkpoint, const struct counter_record *record)
{
    checkpoint->ordered = 0;
    checkpoint->age_s = 0;
    checkpoint_durable(checkpoint, record);
}

bool checkpoint_begin_life(const struct checkpoint *checkpoint, const struct counter_record *record, struct survivor *life)
{
    bool held_back = false;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        life->counter[i].units = record->units[i];
        life->counter[i].nano = record_milli(record, i) * NANO_PER_MILLI;
        life->floor[i] = checkpoint->ceiling[i];
        held_back = held_back || life->floor[i] != record->units[i];
    }
    life->watchdogs = record->watchdogs;
    life->brown_outs = record->brown_outs;
    return held_back;
}

void checkpoint_second(struct checkpoint *checkpoint)
{
    if (checkpoint->age_s < UINT16_MAX) {
        checkpoint->age_s++;
    }
}

bool checkpoint_may_send(const struct checkpoint *checkpoint, const struct survivor *life, uint8_t sensor)
{
    const uint32_t units = life->counter[sensor].units;
    return at_least(units, life->floor[sensor]) && at_least(checkpoint->ceiling[sensor], units);
}

#if LINK_SPI // the main board asks for counters, and sets them
uint32_t checkpoint_nearest(const struct checkpoint *checkpoint, const struct survivor *life, uint8_t sensor)
{
    const uint32_t units = life->counter[sensor].units;
    if (!at_least(units, life->floor[sensor])) {
        return life->floor[sensor];
    }
    return at_least(checkpoint->ceiling[sensor], units) ? units : checkpoint->ceiling[sensor];
}

void checkpoint_order(struct checkpoint *checkpoint, struct survivor *life, uint8_t sensor)
{
    life->floor[sensor] = life->counter[sensor].units;
    checkpoint->ceiling[sensor] = life->counter[sensor].units;
    checkpoint->ordered |= (uint8_t)(1U << sensor);
}
#endif

bool checkpoint_due(const struct checkpoint *checkpoint, const struct survivor *life, const struct counter_record *record)
{
    bool counted = false;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        const uint32_t units = life->counter[i].units;
#if LINK_SPI
        // A counter is told with its thousandths, which an exact record does not vouch for: give each a reserve at once.
        if (ordered(checkpoint, i) || record_reserve(record, i) == 0U) {
            return true;
        }
#endif
        if (units == record->units[i]) {
            continue;
        }
        counted = true;
        const uint32_t reserve = reserve_units(record, i);
        const uint32_t margin = reserve / 4U;
        if (at_least(units + margin, record->units[i] + reserve + (margin ? 0U : 1U))) {
            return true;
        }
    }
    return counted && checkpoint->age_s >= CHECKPOINT_S;
}

// Smallest exponent from `smallest` on whose power of two reaches `units`.
static uint8_t exponent_for(uint32_t units, uint8_t smallest)
{
    uint8_t exponent = smallest;
    while (exponent < RECORD_RESERVE_LARGEST && (uint32_t)1 << exponent < units) {
        exponent++;
    }
    return exponent;
}

void checkpoint_record(struct checkpoint *checkpoint, const struct survivor *life, bool exact, struct counter_record *record)
{
    const uint16_t age = checkpoint->age_s ? checkpoint->age_s : 1U;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        const uint32_t units = life->counter[i].units;
        // What the coming interval will bring at the rate since the last record.
        uint32_t wanted = 0;
        if (!exact && !ordered(checkpoint, i)) {
            const uint32_t gained = units - record->units[i];
            wanted = (gained < LARGEST_GAIN ? gained : LARGEST_GAIN) * CHECKPOINT_S / age;
        }
        if (!at_least(units, life->floor[i])) { // still held back: the next life must hold back as far as this one
            const uint32_t held = life->floor[i] - units;
            wanted = held > wanted ? held : wanted;
        }
        const uint8_t reserve = exact && wanted == 0 ? 0U : exponent_for(wanted, exact ? 1U : RESERVE_SMALLEST);
        record->units[i] = units;
        record_set_milli_reserve(record, i, (uint16_t)(life->counter[i].nano / NANO_PER_MILLI), reserve);
    }
    record->watchdogs = life->watchdogs;
    record->brown_outs = life->brown_outs;
    checkpoint->age_s = 0;
    checkpoint->ordered = 0;
}

void checkpoint_durable(struct checkpoint *checkpoint, const struct counter_record *record)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (!ordered(checkpoint, i)) {
            checkpoint->ceiling[i] = record->units[i] + reserve_units(record, i);
        }
    }
}
