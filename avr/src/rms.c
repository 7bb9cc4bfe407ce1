#include "rms.h"

#include "isqrt.h"

#define SHIFT_MOST 6U
#define MEAN_BITS 14U

void offset_track(struct offset *offset, int32_t sum, uint16_t samples)
{
    const int32_t block = sum * 256 / (int32_t)samples * (1 << (MEAN_BITS - 8U));
    offset->mean += (block - offset->mean) / (1 << offset->shift);
    if (offset->shift < SHIFT_MOST) {
        offset->shift++;
    }
}

int32_t offset_steps256(const struct offset *offset)
{
    return offset->mean / (1 << (MEAN_BITS - 8U));
}

uint32_t rms_sum256(uint32_t squares, int32_t sum, uint16_t samples, int32_t offset256, uint16_t floor256)
{
    // In 65536ths of a squared step.
    int64_t deviation = (int64_t)((uint64_t)squares << 16);
    deviation -= (int64_t)offset256 * sum * 512;
    deviation += (int64_t)offset256 * offset256 * samples;
    deviation -= (int64_t)((uint32_t)floor256 * samples) * 256;
    if (deviation <= 0) {
        return 0;
    }
    return isqrt((uint64_t)deviation * samples); // the root of the mean, times the samples
}
