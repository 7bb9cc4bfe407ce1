// The clamps' analogue front end.
#include <math.h>

#include <avr_adc.h>
#include <sim_irq.h>

#include "chip.h"

#define BANDGAP_MV 1100.0
#define ADC_STEPS 1023.0
#define ADMUX_ADDRESS 0x7C
#define ADMUX_BANDGAP 3 // reference bits

static double mains_turns(const struct fluksosim *sim)
{
    return sim->mains_turns + (double)(sim->avr->cycle - sim->mains_cycle) / sim->avr->frequency * sim->mains_hz;
}

// Lets the level follow its target until now; the integral is that of the exponential, not of samples.
static void advance(struct fluksosim *sim, struct clamp *clamp)
{
    const double elapsed = (double)(sim->avr->cycle - clamp->cycle) / sim->avr->frequency;
    clamp->cycle = sim->avr->cycle;
    clamp->seen += clamp->target * elapsed;
    if (clamp->smoothing_s > 0) {
        const double gone = (clamp->target - clamp->level) * -expm1(-elapsed / clamp->smoothing_s);
        clamp->seen -= (clamp->target - clamp->level) * clamp->smoothing_s * -expm1(-elapsed / clamp->smoothing_s);
        clamp->level += gone;
    } else {
        clamp->level = clamp->target;
    }
}

static void filter_terms(const struct fluksosim *sim, struct clamp *clamp)
{
    for (int i = 0; i < clamp->terms; i++) {
        struct clamp_term *term = &clamp->term[i];
        const double turn = 2.0 * M_PI * sim->mains_hz * term->order * clamp->smoothing_s;
        term->filtered = term->amplitude / sqrt(1.0 + turn * turn);
        term->lag = term->angle - atan(turn);
    }
}

static double front_end(struct fluksosim *sim, struct clamp *clamp)
{
    advance(sim, clamp);
    const double phase = 2.0 * M_PI * fmod(mains_turns(sim), 1.0);
    double wave = clamp->direct;
    for (int i = 0; i < clamp->terms; i++) {
        wave += clamp->term[i].filtered * cos(clamp->term[i].order * phase + clamp->term[i].lag);
    }
    const double steps = clamp->bias + clamp->level * wave;
    return clamp->noise > 0 ? steps + clamp->noise * gaussian(sim) : steps;
}

static void on_conversion(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    struct fluksosim *sim = param;
    union {
        avr_adc_mux_t mux;
        uint32_t v;
    } e = {.v = value};
    if (e.mux.kind != ADC_MUX_SINGLE || e.mux.src >= CLAMPS) {
        return;
    }
    struct clamp *clamp = &sim->clamp[e.mux.src];
    clamp->conversions++;
    const double code = floor(front_end(sim, clamp) + 0.5); // the first transition is at half a step (data sheet)
    clamp->code = code < 0 ? 0 : code > ADC_STEPS ? (uint16_t)ADC_STEPS : (uint16_t)code;
    trace_value(sim, TRACE_ADC_CHANNEL, e.mux.src);
    trace_value(sim, TRACE_ADC_CODE, clamp->code);
    // simavr takes whole millivolts and rounds down: this many give exactly that code.
    const double reference = sim->avr->data[ADMUX_ADDRESS] >> 6 == ADMUX_BANDGAP ? BANDGAP_MV : sim->avr->avcc;
    const uint32_t mv = (uint32_t)ceil(clamp->code * reference / ADC_STEPS);
    avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_ADC_GETIRQ, (int)e.mux.src), mv);
}

void connect_clamps(struct fluksosim *sim)
{
    avr_irq_register_notify(avr_io_getirq(sim->avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER), on_conversion, sim);
}

// Sets what a clamp sees from now on (see struct clamp). `terms` are `count` times order, amplitude, angle (rad). -1 for a channel
// or count that is not there.
API int fluksosim_clamp(struct fluksosim *sim, int channel, double level, double direct, double bias, double noise,
                        double smoothing_s, int count, const double *terms)
{
    if (channel < 0 || channel >= CLAMPS || count < 0 || count > CLAMP_TERMS) {
        return -1;
    }
    struct clamp *clamp = &sim->clamp[channel];
    advance(sim, clamp); // up to now with what it saw before
    clamp->target = level;
    clamp->direct = direct;
    clamp->bias = bias;
    clamp->noise = noise;
    clamp->smoothing_s = smoothing_s;
    clamp->terms = count;
    for (int i = 0; i < count; i++) {
        clamp->term[i] = (struct clamp_term){.order = terms[3 * i], .amplitude = terms[3 * i + 1], .angle = terms[3 * i + 2]};
    }
    filter_terms(sim, clamp);
    return 0;
}

// The exact integral of what a clamp's front end has seen since it was opened, in steps x s, without noise and bias.
API double fluksosim_clamp_seen(struct fluksosim *sim, int channel)
{
    if (channel < 0 || channel >= CLAMPS) {
        return 0;
    }
    advance(sim, &sim->clamp[channel]);
    return sim->clamp[channel].seen;
}

// Conversions that the firmware has begun on this channel since the measurements began.
API uint64_t fluksosim_conversions(const struct fluksosim *sim, int channel)
{
    return channel >= 0 && channel < CLAMPS ? sim->clamp[channel].conversions : 0;
}

// Sets the mains frequency; the phase goes on without a step.
API void fluksosim_mains(struct fluksosim *sim, double hz)
{
    sim->mains_turns = fmod(mains_turns(sim), 1.0);
    sim->mains_cycle = sim->avr->cycle;
    sim->mains_hz = hz;
    for (int i = 0; i < CLAMPS; i++) {
        filter_terms(sim, &sim->clamp[i]);
    }
}
