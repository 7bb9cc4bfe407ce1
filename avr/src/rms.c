#include "rms.h"

#include "isqrt.h"

#define SLOWNESS 6U // a block weighs 1 / 2^6

void offset_track(struct offset *offset, int32_t sum, uint16_t samples)
{
    const int32_t block = sum * 256 / (int32_t)samples * 64;
    if (offset->known) {
        offset->mean += (block - offset->mean) >> SLOWNESS;
    } else {
        offset->mean = block;
        offset->known = true;
    }
}

int32_t offset_steps256(const struct offset *offset)
{
    return offset->mean >> 6;
}

uint32_t rms_sum256(uint32_t squares, int32_t sum, uint16_t samples, int32_t offset256, uint16_t floor256)
{
    // First about the offset's whole steps. Products may wrap in between: the results fit 32 bits.
    const int16_t whole = (int16_t)(offset256 >> 8);
    const uint8_t fraction = (uint8_t)offset256;
    squares -= (uint32_t)(2 * whole) * (uint32_t)sum;
    const int32_t whole_sum = (int32_t)whole * samples;
    squares += (uint32_t)whole * (uint32_t)whole_sum;
    sum -= whole_sum;
    // Then about its fraction, in quarters of a squared step.
    uint32_t plus = squares * 4U + ((uint32_t)samples * ((uint16_t)((uint16_t)fraction * fraction) >> 2) >> 12);
    uint32_t minus = (uint32_t)samples * floor256 >> 6;
    if (sum < 0) {
        plus += (uint32_t)-sum * fraction >> 5;
    } else {
        minus += (uint32_t)sum * fraction >> 5;
    }
    if (plus <= minus) {
        return 0;
    }
    // The root of the mean, times the samples, in 256ths: the quarter and the 256ths squared make 2^14.
    return isqrt((uint64_t)(plus - minus) * ((uint32_t)samples << 14));
}
