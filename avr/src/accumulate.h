// From ADC steps and pulses to counters, in integers.
// The original's idea is kept: each sample adds meterconst x ADC billionths of a Wh, a billion of them is one Wh.
#ifndef ACCUMULATE_H
#define ACCUMULATE_H

#include <stdbool.h>
#include <stdint.h>

#define NANO_PER_UNIT 1000000000UL
#define NANO_PER_MILLI 1000000UL

// An absolute counter: whole Wh or L, wrapping at 2^32, and the billionths on the way to the next one (below NANO_PER_UNIT).
struct counter {
    uint32_t units;
    uint32_t nano;
};

// The ADC readings of one clamp: their sum and how many they are. Up to 65535 readings fit.
struct readings {
    uint32_t sum;
    uint16_t samples;
};

// Adds `nano` billionths of a unit; the number of whole units the counter went up by.
uint32_t counter_add_nano(struct counter *counter, uint64_t nano);

// Adds `pulses` pulses of `units` + `milli`/1000 units each (milli below 1000); whole units gained.
uint32_t counter_add_pulses(struct counter *counter, uint8_t pulses, uint16_t units, uint16_t milli);

// True when the readings' mean is below CREEP_SIXTEENTHS: an open or idle clamp, which counts nothing.
bool clamp_creeps(const struct readings *readings);

// Energy of the readings in billionths of a Wh. `meterconst` is in the original's unit, billionths of a Wh for one ADC step at
// METERCONST_HZ samples a second.
uint64_t clamp_energy(const struct readings *readings, uint16_t meterconst);

// Their mean power in W, rounded; 0 without any.
uint32_t clamp_watts(const struct readings *readings, uint16_t meterconst);

#endif
