#include "accumulate.h"

uint32_t counter_add_nano(struct counter *counter, uint64_t nano)
{
    uint32_t gained = 0;
    nano += counter->nano;
    while (nano >= NANO_PER_UNIT) { // a tenth of a second at full scale is below one unit, so this runs once at most
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

uint64_t clamp_energy(uint32_t sum, uint16_t samples, uint16_t meterconst)
{
    if (sum * 16U < (uint32_t)samples * CREEP_SIXTEENTHS) {
        return 0;
    }
    return (uint64_t)sum * meterconst * METERCONST_HZ / CLAMP_HZ;
}

uint32_t clamp_watts(const struct clamp_second *second)
{
    if (second->samples == 0) {
        return 0;
    }
    // W = Wh per sample x samples per second x 3600 s/h. At most 2^28 x 2^21 x 2^13: within 64 bits.
    const uint64_t per_hour = second->nano * 3600U * CLAMP_HZ / second->samples;
    return (uint32_t)((per_hour + NANO_PER_UNIT / 2U) / NANO_PER_UNIT);
}
