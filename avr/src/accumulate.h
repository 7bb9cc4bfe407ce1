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

// What one second of one clamp came to.
struct clamp_second {
    uint64_t nano;    // billionths of a Wh
    uint16_t samples; // ADC samples behind them
};

// Adds `nano` billionths of a unit; the number of whole units the counter went up by.
uint32_t counter_add_nano(struct counter *counter, uint64_t nano);

// Adds `pulses` pulses of `units` + `milli`/1000 units each (milli below 1000); whole units gained.
uint32_t counter_add_pulses(struct counter *counter, uint8_t pulses, uint16_t units, uint16_t milli);

// Energy of a block of samples in billionths of a Wh: `sum` is the sum of `samples` ADC readings.
// `meterconst` is in the original's unit, billionths of a Wh for one ADC step at METERCONST_HZ samples a second.
// A block whose mean is below CREEP_SIXTEENTHS is an open or idle clamp and comes to nothing.
uint64_t clamp_energy(uint32_t sum, uint16_t samples, uint16_t meterconst);

// Mean power of the second in W, rounded; 0 without samples.
uint32_t clamp_watts(const struct clamp_second *second);

#endif
