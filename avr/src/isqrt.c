#include "isqrt.h"

// Two binary digits of the value bring one of the root, as when done by hand.
uint32_t isqrt(uint64_t value)
{
    uint64_t rest = 0;
    uint32_t root = 0;
    for (uint8_t i = 0; i < 32; i++) {
        rest = rest << 2 | (uint8_t)(value >> 62);
        value <<= 2;
        root <<= 1;
        const uint64_t trial = ((uint64_t)root << 1) | 1U;
        if (rest >= trial) {
            rest -= trial;
            root |= 1U;
        }
    }
    return root;
}
