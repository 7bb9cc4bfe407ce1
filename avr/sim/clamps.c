// The clamps' analogue front end.
#include <math.h>

#include <avr_adc.h>
#include <sim_irq.h>

#include "chip.h"

#define BANDGAP_MV 1100.0
#define ADC_STEPS 1023.0

static double front_end(struct fluksosim *sim, struct clamp *clamp)
{
    const uint64_t now = sim->avr->cycle;
    const double elapsed = (double)(now - clamp->cycle) / sim->avr->frequency;
    clamp->cycle = now;
    clamp->level += (clamp->target - clamp->level) * (1.0 - exp(-elapsed / sim->smoothing_s));
    // |sin| is (2/pi)(1 - 2/3 cos 2wt - 2/15 cos 4wt ...); the RC filter weakens and delays each of these.
    const double omega = 2.0 * M_PI * sim->mains_hz;
    const double seconds = fmod((double)now / sim->avr->frequency, 1.0 / sim->mains_hz);
    const double lag2 = 2.0 * omega * sim->smoothing_s, lag4 = 4.0 * omega * sim->smoothing_s;
    const double ripple = 2.0 / 3.0 / sqrt(1.0 + lag2 * lag2) * cos(2.0 * omega * seconds - atan(lag2)) +
                          2.0 / 15.0 / sqrt(1.0 + lag4 * lag4) * cos(4.0 * omega * seconds - atan(lag4));
    double steps = clamp->level * (1.0 - ripple) + clamp->offset;
    if (clamp->noise > 0) {
        steps += clamp->noise * gaussian(sim);
    }
    return steps;
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
    const double code = floor(front_end(sim, clamp) + 0.5); // the first transition is at half a step (data sheet)
    clamp->code = code < 0 ? 0 : code > ADC_STEPS ? (uint16_t)ADC_STEPS : (uint16_t)code;
    // simavr takes whole millivolts and rounds down: this many give exactly that code with the 1.1 V reference.
    const uint32_t mv = (uint32_t)ceil(clamp->code * BANDGAP_MV / ADC_STEPS);
    avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_ADC_GETIRQ, (int)e.mux.src), mv);
}

void connect_clamps(struct fluksosim *sim)
{
    avr_irq_register_notify(avr_io_getirq(sim->avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER), on_conversion, sim);
}

// Sets a clamp's front end: the mean it settles at, noise (rms) and offset, all in ADC steps.
API int fluksosim_clamp(struct fluksosim *sim, int channel, double mean, double noise, double offset)
{
    if (channel < 0 || channel >= CLAMPS) {
        return -1;
    }
    struct clamp *clamp = &sim->clamp[channel];
    (void)front_end(sim, clamp); // up to now with the old mean
    clamp->target = mean;
    clamp->noise = noise;
    clamp->offset = offset;
    return 0;
}

API void fluksosim_mains(struct fluksosim *sim, double hz)
{
    sim->mains_hz = hz;
}
