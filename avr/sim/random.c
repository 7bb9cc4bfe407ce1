#include "chip.h"

uint64_t next_random(struct fluksosim *sim)
{
    uint64_t x = sim->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    sim->random = x;
    return x * 0x2545F4914F6CDD1DULL;
}

static double uniform(struct fluksosim *sim)
{
    return (double)(next_random(sim) >> 11) / 9007199254740992.0;
}

double gaussian(struct fluksosim *sim)
{
    double sum = 0; // of twelve uniforms: close enough to normal within three sigma
    for (int i = 0; i < 12; i++) {
        sum += uniform(sim);
    }
    return sum - 6.0;
}
