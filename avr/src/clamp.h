// From one clamp's ADC readings to energy and power, in integers, for the board's kind of front end.
//
// The unit is the original's for both kinds: the meter constant is billionths of a Wh for one step and sample at the rate of the
// original board, so that P [W] = step x meter constant x 9 / METERCONST_DIVISOR. "Step" is the mean of the ADC's steps for the
// rectifying front end and their RMS for the biased one. docs/board.md tells how to compute it for a clamp.
#ifndef CLAMP_H
#define CLAMP_H

#include <stdint.h>

#include "calibration.h"
#include "front_end.h"
#include "rms.h"

// What the interrupt gathers of one clamp, a tenth of a second at a time.
struct readings {
#if FRONT_END == FRONT_END_RMS
    int32_t sum; // of the samples from RMS_CENTRE
    uint32_t squares;
#else
    uint32_t sum;
#endif
    uint16_t samples;
};

struct clamp {
#if FRONT_END == FRONT_END_RMS
    struct offset offset;
#endif
    uint32_t second_sum256; // of the running second, without what creeps: steps x samples, in 256ths
    uint16_t second_samples;
};

// Takes one block: its energy in billionths of a Wh. A block whose mean or RMS is below CREEP_SIXTEENTHS belongs to an open or
// idle clamp and counts nothing.
uint64_t clamp_block(struct clamp *clamp, const struct readings *readings, uint16_t meterconst,
                     const struct calibration *calibration);

// Ends the second: its mean power in W, rounded; 0 without any samples.
uint32_t clamp_second(struct clamp *clamp, uint16_t meterconst, const struct calibration *calibration);

#endif
