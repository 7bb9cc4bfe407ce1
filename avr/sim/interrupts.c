// How long interrupts run and how long they wait.
#include <sim_irq.h>

#include "chip.h"

static void on_pending(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    struct interrupt_times *times = param;
    // simavr tells of interrupts that are switched off, too.
    if (value && avr_regbit_get(times->sim->avr, times->vector->enable)) {
        times->pending_cycle = times->sim->avr->cycle;
        times->pending = 1;
    }
}

static void on_running(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    struct interrupt_times *times = param;
    const uint64_t now = times->sim->avr->cycle;
    trace_value(times->sim, TRACE_INTERRUPT + times->vector->vector, value != 0);
    if (value) {
        trace_value(times->sim, TRACE_AWAKE, 1); // nothing else wakes it
        if (times->pending && now - times->pending_cycle > times->longest_wait) {
            times->longest_wait = now - times->pending_cycle;
        }
        times->pending = 0;
        times->running = 1;
        times->running_cycle = now;
    } else if (times->running) {
        times->running = 0;
        if (now - times->running_cycle > times->longest_run) {
            times->longest_run = now - times->running_cycle;
        }
    }
}

void connect_interrupts(struct fluksosim *sim)
{
    for (int i = 0; i < sim->avr->interrupts.vector_count; i++) {
        avr_int_vector_t *vector = sim->avr->interrupts.vector[i];
        if (vector->vector < INTERRUPTS) {
            struct interrupt_times *times = &sim->interrupt[vector->vector];
            times->sim = sim;
            times->vector = vector;
            avr_irq_register_notify(vector->irq + AVR_INT_IRQ_PENDING, on_pending, times);
            avr_irq_register_notify(vector->irq + AVR_INT_IRQ_RUNNING, on_running, times);
        }
    }
}

// Longest run (from the vector to the end of its return) of interrupt `vector` so far, in cycles.
API uint64_t fluksosim_interrupt_run(const struct fluksosim *sim, int vector)
{
    return vector >= 0 && vector < INTERRUPTS ? sim->interrupt[vector].longest_run : 0;
}

// Longest time from its request, while enabled, to its vector.
API uint64_t fluksosim_interrupt_wait(const struct fluksosim *sim, int vector)
{
    return vector >= 0 && vector < INTERRUPTS ? sim->interrupt[vector].longest_wait : 0;
}

void forget_interrupts(struct fluksosim *sim)
{
    for (int i = 0; i < INTERRUPTS; i++) {
        sim->interrupt[i].longest_run = sim->interrupt[i].longest_wait = 0;
    }
}
