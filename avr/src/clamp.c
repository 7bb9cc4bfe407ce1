#include "clamp.h"

#include <stdbool.h>

// A block is CLAMP_COUNT x samples / TICK_HZ seconds long, so a step and sample is worth meter constant x WORTH / 2^WORTH_BITS
// billionths of a Wh; see clamp.h: 9 / METERCONST_DIVISOR W x CLAMP_COUNT / TICK_HZ s x 10^9 / 3600 s.
#define WORTH_BITS 8U
#define WORTH ((uint32_t)((CLAMP_COUNT * 2500000ULL << WORTH_BITS) / ((uint64_t)METERCONST_DIVISOR * TICK_HZ)))
_Static_assert((CLAMP_COUNT * 2500000ULL << WORTH_BITS) % ((uint64_t)METERCONST_DIVISOR * TICK_HZ) == 0,
               "the worth of a sample is no whole number of 256ths: choose another tick");
_Static_assert(65535ULL * 3U / 2U * 256U * WORTH <= UINT32_MAX, "the worth of a sample with the largest meter constant is too much");
_Static_assert(CLAMP_COUNT * 1024ULL * 256U * (TICK_HZ / CLAMP_COUNT + 1U) <= UINT32_MAX,
               "the steps of a second do not fit 32 bits");

// The calibrated meter constant in 256ths. The largest weight and trim come to 65535 x 1.5 x 256: 25 bits.
static uint32_t gain256(uint16_t meterconst, const struct calibration *calibration)
{
    return ((uint32_t)meterconst << 8) + (uint32_t)((int32_t)meterconst * calibration->trim / 256);
}

static uint32_t block_sum256(struct clamp *clamp, const struct readings *readings, const struct calibration *calibration)
{
#if FRONT_END == FRONT_END_RMS
    offset_track(&clamp->offset, readings->sum, readings->samples);
    return rms_sum256(readings->squares, readings->sum, readings->samples, offset_steps256(&clamp->offset), calibration->floor256);
#else
    (void)clamp;
    const uint32_t sum256 = readings->sum << 8, floor = (uint32_t)readings->samples * calibration->floor256;
    return sum256 > floor ? sum256 - floor : 0U;
#endif
}

uint64_t clamp_block(struct clamp *clamp, const struct readings *readings, uint16_t meterconst,
                     const struct calibration *calibration)
{
    if (readings->samples == 0) {
        return 0;
    }
    clamp->second_samples = (uint16_t)(clamp->second_samples + readings->samples);
    const uint32_t sum256 = block_sum256(clamp, readings, calibration);
    if (sum256 < (uint32_t)readings->samples * (CREEP_SIXTEENTHS * 16U)) {
        return 0;
    }
    clamp->second_sum256 += sum256;
    return (uint64_t)sum256 * (gain256(meterconst, calibration) * WORTH) >> (WORTH_BITS + 16U);
}

uint32_t clamp_second(struct clamp *clamp, uint16_t meterconst, const struct calibration *calibration)
{
    if (clamp->second_samples == 0) {
        return 0;
    }
    const uint32_t mean256 = (clamp->second_sum256 + clamp->second_samples / 2U) / clamp->second_samples;
    clamp->second_sum256 = 0;
    clamp->second_samples = 0;
    const uint32_t product = (uint32_t)((uint64_t)mean256 * gain256(meterconst, calibration) >> 16); // below 2^27
    return (product * 9U + METERCONST_DIVISOR / 2U) / METERCONST_DIVISOR;
}
