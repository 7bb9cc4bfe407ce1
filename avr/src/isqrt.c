#include "isqrt.h"

// Two binary digits of the value bring one of the root, as when done by hand. The rest is at most twice the root.
uint32_t isqrt(uint64_t value)
{
    uint32_t rest = 0, root = 0;
    for (uint8_t i = 0; i < 32; i++) {
        rest = rest << 2 | (uint8_t)((uint8_t)(value >> 56) >> 6);
        value <<= 2;
        root <<= 1;
        const uint32_t trial = root << 1 | 1U;
        if (rest >= trial) {
            rest -= trial;
            root |= 1U;
        }
    }
    return root;
}
