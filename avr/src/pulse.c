#include "pulse.h"

uint8_t pulse_samples(uint16_t debounce_ms, uint16_t sample_hz)
{
    const uint32_t samples = ((uint32_t)debounce_ms * sample_hz + 999U) / 1000U;
    if (samples < 1U) {
        return 1U;
    }
    return samples > 255U ? 255U : (uint8_t)samples;
}

void pulse_start(struct pulse_input *input, bool level)
{
    input->level = level;
    input->agreeing = 0;
}
