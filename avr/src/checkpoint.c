#include "checkpoint.h"

#define RESERVE_LARGEST 31U
#define LARGEST_GAIN (UINT32_MAX / CHECKPOINT_S) // beyond it the estimate would overflow

static uint32_t reserve_units(uint8_t exponent)
{
    return exponent ? (uint32_t)1 << exponent : 0U;
}

// Counters wrap at 2^32, so "at least" is a matter of the signed difference.
static bool at_least(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) >= 0;
}

void checkpoint_restore(struct checkpoint *checkpoint, const struct counter_record *record)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        checkpoint->saved[i] = record->units[i];
        checkpoint->reserve[i] = record->reserve[i];
        checkpoint->ceiling[i] = record->units[i] + reserve_units(record->reserve[i]);
        checkpoint->floor[i] = checkpoint->ceiling[i];
    }
    checkpoint->age_s = 0;
}

void checkpoint_second(struct checkpoint *checkpoint)
{
    if (checkpoint->age_s < UINT16_MAX) {
        checkpoint->age_s++;
    }
}

bool checkpoint_may_send(const struct checkpoint *checkpoint, uint8_t sensor, uint32_t units)
{
    return at_least(units, checkpoint->floor[sensor]) && at_least(checkpoint->ceiling[sensor], units);
}

#if LINK_SPI // the main board asks for counters, and sets them
uint32_t checkpoint_nearest(const struct checkpoint *checkpoint, uint8_t sensor, uint32_t units)
{
    if (!at_least(units, checkpoint->floor[sensor])) {
        return checkpoint->floor[sensor];
    }
    return at_least(checkpoint->ceiling[sensor], units) ? units : checkpoint->ceiling[sensor];
}

void checkpoint_order(struct checkpoint *checkpoint, uint8_t sensor, uint32_t units)
{
    checkpoint->floor[sensor] = units;
    checkpoint->ceiling[sensor] = units;
    checkpoint->saved[sensor] = units;
    checkpoint->reserve[sensor] = 0;
}

bool checkpoint_exact(const struct checkpoint *checkpoint)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        if (checkpoint->reserve[i] == 0U) {
            return true;
        }
    }
    return false;
}
#endif

bool checkpoint_due(const struct checkpoint *checkpoint, const struct counter *counters)
{
    bool counted = false;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        const uint32_t units = counters[i].units;
        if (units == checkpoint->saved[i]) {
            continue;
        }
        counted = true;
        const uint32_t margin = reserve_units(checkpoint->reserve[i]) / 4U;
        if (at_least(units + margin, checkpoint->saved[i] + reserve_units(checkpoint->reserve[i]) + (margin ? 0U : 1U))) {
            return true;
        }
    }
    return counted && checkpoint->age_s >= CHECKPOINT_S;
}

// Smallest exponent from `smallest` on whose power of two reaches `units`.
static uint8_t exponent_for(uint32_t units, uint8_t smallest)
{
    uint8_t exponent = smallest;
    while (exponent < RESERVE_LARGEST && reserve_units(exponent) < units) {
        exponent++;
    }
    return exponent;
}

void checkpoint_record(struct checkpoint *checkpoint, const struct counter *counters, bool exact, struct counter_record *record)
{
    const uint16_t age = checkpoint->age_s ? checkpoint->age_s : 1U;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        const uint32_t units = counters[i].units;
        record->units[i] = units;
        record->milli[i] = (uint16_t)(counters[i].nano / NANO_PER_MILLI);
        // What the coming interval will bring at the rate since the last record.
        uint32_t wanted = 0;
        if (!exact) {
            const uint32_t gained = units - checkpoint->saved[i];
            wanted = (gained < LARGEST_GAIN ? gained : LARGEST_GAIN) * CHECKPOINT_S / age;
        }
        if (!at_least(units, checkpoint->floor[i])) { // still held back: the next life must hold back as far as this one
            const uint32_t held = checkpoint->floor[i] - units;
            wanted = held > wanted ? held : wanted;
        }
        record->reserve[i] = exact && wanted == 0 ? 0U : exponent_for(wanted, exact ? 1U : RESERVE_SMALLEST);
        checkpoint->saved[i] = units;
        checkpoint->reserve[i] = record->reserve[i];
    }
    checkpoint->age_s = 0;
}

void checkpoint_durable(struct checkpoint *checkpoint)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        checkpoint->ceiling[i] = checkpoint->saved[i] + reserve_units(checkpoint->reserve[i]);
    }
}
