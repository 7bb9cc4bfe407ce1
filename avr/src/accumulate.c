#include "accumulate.h"

uint32_t counter_add_nano(struct counter *counter, uint64_t nano)
{
    uint32_t gained = 0;
    nano += counter->nano;
    while (nano >= NANO_PER_UNIT) { // a tenth of a second of one clamp is a few units at most
        nano -= NANO_PER_UNIT;
        gained++;
    }
    counter->nano = (uint32_t)nano;
    counter->units += gained;
    return gained;
}

uint32_t counter_add_pulses(struct counter *counter, uint8_t pulses, uint16_t units, uint16_t milli)
{
    const uint32_t whole = (uint32_t)pulses * units;
    counter->units += whole;
    return whole + counter_add_nano(counter, (uint64_t)((uint32_t)pulses * milli) * NANO_PER_MILLI);
}

bool clamp_creeps(const struct readings *readings)
{
    return readings->sum * 16U < (uint32_t)readings->samples * CREEP_SIXTEENTHS;
}

#if CLAMP_HZ % METERCONST_HZ != 0
#error "the sampling rate has to be a multiple of the rate that the meter constant is defined for"
#endif

uint64_t clamp_energy(const struct readings *readings, uint16_t meterconst)
{
    return (uint64_t)readings->sum * meterconst / (CLAMP_HZ / METERCONST_HZ);
}

uint32_t clamp_watts(const struct readings *readings, uint16_t meterconst)
{
    if (readings->samples == 0) {
        return 0;
    }
    // Billionths of a Wh per second at the constant's own rate x 3600 s/h: W = mean x meterconst x 625 x 3600 / 10^9,
    // which is mean x meterconst x 9 / 4000.
    const uint32_t divisor = (uint32_t)readings->samples * (uint32_t)(NANO_PER_UNIT / (METERCONST_HZ * 400UL));
    const uint64_t product = (uint64_t)readings->sum * meterconst * 9U;
    return (uint32_t)((product + divisor / 2U) / divisor);
}
