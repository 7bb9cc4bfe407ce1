// The integer square root.
#ifndef ISQRT_H
#define ISQRT_H

#include <stdint.h>

// The largest whole number whose square is at most `value`, which is below 2^58.
uint32_t isqrt(uint64_t value);

#endif
