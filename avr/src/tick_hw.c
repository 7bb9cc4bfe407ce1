#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "events.h"
#include "hardware.h"
#include "pulse.h"

#if F_CPU / TICK_PRESCALER % TICK_HZ != 0
#error "the tick does not divide the clock"
#endif
#if TICK_PRESCALER != 32
#error "set the clock select bits below for this prescaler"
#endif
#if ADC_PRESCALER == 64
#define ADC_PRESCALER_BITS (_BV(ADPS2) | _BV(ADPS1))
#elif ADC_PRESCALER == 128
#define ADC_PRESCALER_BITS (_BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0))
#else
#error "set the prescaler bits for this board"
#endif

#define ADMUX_REFERENCE (_BV(REFS1) | _BV(REFS0)) // internal 1.1 V

static const uint8_t adc_channels[CLAMP_COUNT] = CLAMP_ADC_CHANNELS;
static const uint8_t pulse_bits[PULSE_COUNT] = PULSE_BITS;

static struct {
    uint32_t sum;
    uint16_t samples;
} clamps[CLAMP_COUNT];

static struct {
    struct pulse_input input;
    uint8_t waiting;
    uint32_t ms;
} pulses[PULSE_COUNT];

static uint8_t clamp;
static uint32_t clock_ms;
static uint16_t clock_rest;
static uint16_t block_ticks;

static void count_ms(void)
{
    clock_rest += 1000U;
    while (clock_rest >= TICK_HZ) {
        clock_rest -= TICK_HZ;
        clock_ms++;
    }
}

ISR(TIMER2_COMPA_vect)
{
    // The conversion begun at the last tick is long complete (104 us). Read it before the multiplexer moves on.
    const uint16_t code = ADC;
    const uint8_t sampled = clamp;
    clamp = (uint8_t)(clamp + 1U < CLAMP_COUNT ? clamp + 1U : 0U);
    ADMUX = ADMUX_REFERENCE | adc_channels[clamp];
    if (ADCSRA & _BV(ADEN)) {
        ADCSRA |= _BV(ADSC);
        clamps[sampled].sum += code;
        clamps[sampled].samples++;
    }

    const uint8_t pins = PULSE_PIN;
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        if (pulse_sample(&pulses[i].input, pins & _BV(pulse_bits[i]))) {
            pulses[i].waiting++;
            pulses[i].ms = clock_ms;
            events |= EVENT_PULSE;
        }
    }

    count_ms();
    if (++block_ticks >= BLOCK_TICKS) {
        block_ticks = 0;
        events |= EVENT_BLOCK;
    }
}

void tick_start(uint8_t debounce_ms)
{
    const uint8_t samples = pulse_samples(debounce_ms, TICK_HZ);
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        PULSE_DDR &= (uint8_t)~_BV(pulse_bits[i]);
        PULSE_PORT |= _BV(pulse_bits[i]);
    }
    for (uint8_t i = 0; i < PULSE_COUNT; i++) {
        pulse_start(&pulses[i].input, PULSE_PIN & _BV(pulse_bits[i]), samples);
    }
    adc_on();
    TCCR2A = _BV(WGM21); // clear on compare match
    TCCR2B = _BV(CS21) | _BV(CS20);
    OCR2A = (uint8_t)(F_CPU / TICK_PRESCALER / TICK_HZ - 1U);
    TIMSK2 = _BV(OCIE2A);
}

void adc_on(void)
{
    ADMUX = ADMUX_REFERENCE | adc_channels[clamp];
    ADCSRA = _BV(ADEN) | _BV(ADSC) | ADC_PRESCALER_BITS;
}

void adc_off(void)
{
    ADCSRA = 0;
}

void tick_take_clamp(uint8_t index, uint32_t *sum, uint16_t *samples)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        *sum = clamps[index].sum;
        *samples = clamps[index].samples;
        clamps[index].sum = 0;
        clamps[index].samples = 0;
    }
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
