// Counters: what billionths and pulses add up to, in integers.
#ifndef ACCUMULATE_H
#define ACCUMULATE_H

#include <stdint.h>

#define NANO_PER_UNIT 1000000000UL
#define NANO_PER_MILLI 1000000UL

// An absolute counter: whole Wh or L, wrapping at 2^32, and the billionths on the way to the next one (below NANO_PER_UNIT).
struct counter {
    uint32_t units;
    uint32_t nano;
};

// Adds `nano` billionths of a unit; the number of whole units the counter went up by.
uint32_t counter_add_nano(struct counter *counter, uint64_t nano);

// Adds `pulses` pulses of `units` + `milli`/1000 units each (milli below 1000); whole units gained.
uint32_t counter_add_pulses(struct counter *counter, uint8_t pulses, uint16_t units, uint16_t milli);

#endif
