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
