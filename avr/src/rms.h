// True RMS in integers: what the samples of one clamp with a biased front end come to.
//
// A sample is the ADC step less RMS_CENTRE. The interrupt only adds up the samples and their squares; the bias that is really
// there (half the supply through two resistors, hence a few steps beside the centre) is taken out once a block:
//   sum of (sample - offset)^2 = squares - 2 x offset x sum + samples x offset^2, exactly.
#ifndef RMS_H
#define RMS_H

#include <stdbool.h>
#include <stdint.h>

#define RMS_CENTRE 512
#define RMS_SAMPLES_MOST 1000U // in a block; a quarter of their largest sum of squares (1023^2 each) fits 30 bits

// The slow mean of a clamp's samples: the bias. It follows with a time constant of 64 blocks (6.4 s); the first block sets it.
struct offset {
    int32_t mean; // steps x 2^14, from RMS_CENTRE
    bool known;
};

// The square of a sample (-512 to 511). Inline, and only 8-bit products: it runs in the tick interrupt.
static inline uint32_t rms_square(int16_t sample)
{
    const uint16_t size = (uint16_t)(sample < 0 ? -sample : sample);
    const uint8_t high = (uint8_t)(size >> 8), low = (uint8_t)size;
    // Unsigned: on the chip an int is too small for the square of a byte.
    const uint16_t highs = (uint16_t)((uint16_t)high * high), both = (uint16_t)((uint16_t)high * low);
    return ((uint32_t)highs << 16) + ((uint32_t)both << 9) + (uint16_t)((uint16_t)low * low);
}

// Takes one block into the slow mean: `sum` of `samples` samples (1 to RMS_SAMPLES_MOST).
void offset_track(struct offset *offset, int32_t sum, uint16_t samples);

// The bias in 256ths of a step, from RMS_CENTRE.
int32_t offset_steps256(const struct offset *offset);

// RMS of a block about `offset256` times its number of samples, in 256ths of a step. `floor256` (256ths of a squared step) is
// taken off the mean square: the noise that is there without any current. 0 when no more than that is left.
uint32_t rms_sum256(uint32_t squares, int32_t sum, uint16_t samples, int32_t offset256, uint16_t floor256);

#endif
