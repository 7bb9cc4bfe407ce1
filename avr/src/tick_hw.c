#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "events.h"
#include "hardware.h"
#include "pulse.h"

#if F_CPU / TICK_PRESCALER % TICK_HZ != 0
#error "the tick does not divide the clock"
#endif
#if TICK_PRESCALER == 32
#define TICK_PRESCALER_BITS (_BV(CS21) | _BV(CS20))
#elif TICK_PRESCALER == 8
#define TICK_PRESCALER_BITS _BV(CS21)
#else
#error "set the clock select bits for this prescaler"
#endif
#if F_CPU / TICK_PRESCALER / TICK_HZ > 256
#error "the tick's timer has eight bits: choose a larger prescaler"
#endif
#if ADC_PRESCALER == 64
#define ADC_PRESCALER_BITS (_BV(ADPS2) | _BV(ADPS1))
#elif ADC_PRESCALER == 128
#define ADC_PRESCALER_BITS (_BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0))
#else
#error "set the prescaler bits for this board"
#endif

// A conversion takes 13 cycles of the ADC's clock and up to one more until it starts; ten bits are exact up to 200 kHz.
#if F_CPU / ADC_PRESCALER > 200000UL
#error "the ADC is too fast for ten bits: choose a larger prescaler"
#endif
#if 14UL * ADC_PRESCALER * TICK_HZ > F_CPU
#error "a conversion takes longer than a tick"
#endif

#if FRONT_END == FRONT_END_RMS
#define ADMUX_REFERENCE _BV(REFS0) // the supply
#else
#define ADMUX_REFERENCE (_BV(REFS1) | _BV(REFS0)) // internal 1.1 V
#endif

#if TICK_HZ < 1000
#error "the millisecond clock counts at most one ms a tick"
#endif
// The clock in the smallest whole steps: TICK_HZ ticks are 1000 ms.
#define CLOCK_STEP (1000U / CLOCK_DIVISOR)
#define CLOCK_WRAP (TICK_HZ / CLOCK_DIVISOR)
#define CLOCK_DIVISOR (TICK_HZ % 1000U == 0 ? 1000U : 500U)
_Static_assert(TICK_HZ % 500U == 0 && CLOCK_STEP + CLOCK_WRAP < 256, "the clock's fraction is kept in eight bits");

// Pulse inputs need no closer look than this, however fast the clamps are sampled.
#define PULSE_EVERY (TICK_HZ / 2000U)
#if PULSE_EVERY < 1
#error "the tick is too slow for pulse inputs"
#endif

static struct clamp_input {
    struct readings readings;
    uint8_t admux;
} clamps[CLAMP_COUNT];
static struct clamp_input *sampled = clamps; // whose conversion is running

static struct {
    struct pulse_input input;
    uint8_t bit;
    uint8_t waiting;
    uint32_t ms;
} pulses[PULSE_COUNT];
static uint8_t pulse_mask;
static uint8_t believed; // the stable levels, as bits of the port

static uint32_t clock_ms;
static uint8_t clock_rest;
static uint16_t block_ticks;
#if PULSE_EVERY > 1
static uint8_t pulse_ticks;
#endif

// Every tick; kept short, since it is most of what the CPU does.
ISR(TIMER2_COMPA_vect)
{
    // The conversion begun at the last tick is complete. Read it before the multiplexer moves on.
    const uint8_t state = ADCSRA;
    if ((state & (_BV(ADEN) | _BV(ADSC))) == _BV(ADEN)) {
        struct clamp_input *clamp = sampled;
#if FRONT_END == FRONT_END_RMS
        const int16_t sample = (int16_t)(ADC - RMS_CENTRE);
        clamp->readings.sum += sample;
        clamp->readings.squares += rms_square(sample);
#else
        clamp->readings.sum += ADC;
#endif
        clamp->readings.samples++;
        if (++clamp == clamps + CLAMP_COUNT) {
            clamp = clamps;
        }
        sampled = clamp;
        ADMUX = clamp->admux;
        ADCSRA = state | _BV(ADSC);
    }
    if ((PULSE_PIN ^ believed) & pulse_mask) {
        TIMSK2 = _BV(OCIE2A) | _BV(OCIE2B); // an input moves: look closer until it has settled
    }
    clock_rest = (uint8_t)(clock_rest + CLOCK_STEP);
    if (clock_rest >= CLOCK_WRAP) {
        clock_rest = (uint8_t)(clock_rest - CLOCK_WRAP);
        clock_ms++;
    }
    if (++block_ticks >= BLOCK_TICKS) {
        block_ticks = 0;
        events |= EVENT_BLOCK;
    }
}

// While an input differs from its stable level.
ISR(TIMER2_COMPB_vect)
{
#if PULSE_EVERY > 1
    if (++pulse_ticks < PULSE_EVERY) {
        return;
    }
    pulse_ticks = 0;
#endif
    const uint8_t pins = PULSE_PIN;
    bool settled = true;
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        const bool level = pins & pulses[i].bit;
        if (pulse_sample(&pulses[i].input, level)) {
            pulses[i].waiting++;
            pulses[i].ms = clock_ms;
            events |= EVENT_PULSE;
        }
        if (pulses[i].input.level) {
            believed |= pulses[i].bit;
        } else {
            believed &= (uint8_t)~pulses[i].bit;
        }
        settled = settled && level == pulses[i].input.level;
    }
    if (settled) {
        TIMSK2 = _BV(OCIE2A);
    }
}

void tick_debounce(uint8_t debounce_ms)
{
    const uint8_t samples = pulse_samples(debounce_ms, TICK_HZ / PULSE_EVERY);
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        pulses[i].input.samples = samples; // one byte: the interrupt sees the old or the new one
    }
}

void tick_start(uint8_t debounce_ms)
{
    static const uint8_t adc_channels[CLAMP_COUNT] = CLAMP_ADC_CHANNELS;
    static const uint8_t pulse_bits[PULSE_COUNT] = PULSE_BITS;
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        clamps[i].admux = ADMUX_REFERENCE | adc_channels[i];
    }
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        pulses[i].bit = (uint8_t)_BV(pulse_bits[i]);
        pulse_mask |= pulses[i].bit;
        // A contact that is closed at power-up counts nothing until it has opened: it may have been counted before.
        pulse_start(&pulses[i].input, false);
    }
    tick_debounce(debounce_ms);
    PULSE_DDR &= (uint8_t)~pulse_mask;
    PULSE_PORT |= pulse_mask;
    adc_on();
    TCCR2A = _BV(WGM21); // clear on compare match
    TCCR2B = TICK_PRESCALER_BITS;
    OCR2A = (uint8_t)(F_CPU / TICK_PRESCALER / TICK_HZ - 1U);
    OCR2B = OCR2A / 2U;
    TIMSK2 = _BV(OCIE2A);
}

void adc_on(void)
{
    ADMUX = sampled->admux;
    ADCSRA = _BV(ADEN) | _BV(ADSC) | ADC_PRESCALER_BITS;
}

void adc_off(void)
{
    ADCSRA = 0;
}

struct readings tick_take_clamp(uint8_t clamp)
{
    struct readings taken;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        taken = clamps[clamp].readings;
        clamps[clamp].readings = (struct readings){0};
    }
    return taken;
}

uint8_t tick_take_pulses(uint8_t input, uint32_t *ms)
{
    uint8_t taken;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        taken = pulses[input].waiting;
        pulses[input].waiting = 0;
        *ms = pulses[input].ms;
    }
    if (*ms == 0) {
        *ms = 1; // the wire has no pulse at 0 ms: the original leaves the field out then
    }
    return taken;
}
