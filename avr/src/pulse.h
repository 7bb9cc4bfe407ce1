// Debouncing of one pulse input, sampled at a fixed rate.
// A level counts only after it was seen unbroken for the whole debounce time, at both levels, so that bounce at either edge
// and spikes in between count nothing. A pulse is the stable falling edge.
#ifndef PULSE_H
#define PULSE_H

#include <stdbool.h>
#include <stdint.h>

struct pulse_input {
    bool level;       // the last stable level; true is open (pulled up)
    uint8_t samples;  // samples a new level must be seen in a row before it is believed
    uint8_t agreeing; // how many it has been seen so far
};

// Samples needed for `debounce_ms` at `sample_hz`, at least 1 and at most 255.
uint8_t pulse_samples(uint16_t debounce_ms, uint16_t sample_hz);

// Starts at `level` without counting it as an edge; `samples` is set apart, and may change at any time.
void pulse_start(struct pulse_input *input, bool level);

// Feeds one sample; true when a pulse (a stable falling edge) is complete. Inline: it runs in the tick interrupt.
static inline bool pulse_sample(struct pulse_input *input, bool level)
{
    if (level == input->level) {
        input->agreeing = 0;
        return false;
    }
    input->agreeing = (uint8_t)(input->agreeing + 1);
    if (input->agreeing < input->samples) {
        return false;
    }
    input->level = level;
    input->agreeing = 0;
    return !level;
}

#endif
