// The contacts at the pulse inputs, level by level in time.
#include <stdlib.h>

#include <avr_extint.h>
#include <avr_ioport.h>
#include <sim_irq.h>

#include "chip.h"

static void set_contact(struct fluksosim *sim, uint8_t port, uint8_t bit, uint8_t level)
{
    for (uint8_t i = 0; i < EXTINT_COUNT; i++) {
        // Otherwise simavr looks at INT0 and INT1 in every cycle while a contact is closed, interrupt enabled or not. Its reset
        // puts this back.
        avr_extint_set_strict_lvl_trig(sim->avr, i, 0);
    }
    const uint8_t mask = (uint8_t)(1U << bit);
    sim->pulls[port][0] |= mask;
    sim->pulls[port][1] = (uint8_t)((sim->pulls[port][1] & ~mask) | (level ? mask : 0));
    avr_ioport_external_t external = {.name = port, .mask = sim->pulls[port][0], .value = sim->pulls[port][1]};
    avr_ioctl(sim->avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(port), &external);
    avr_raise_irq(avr_io_getirq(sim->avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit), level);
}

static struct contact_event *take_event(struct fluksosim *sim)
{
    struct contact_event *event = sim->events;
    sim->events = event->next;
    if (sim->events) {
        sim->events->previous = NULL;
    } else {
        sim->last_event = NULL;
    }
    return event;
}

static avr_cycle_count_t on_contact(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    struct fluksosim *sim = param;
    while (sim->events && sim->events->cycle <= avr->cycle) {
        struct contact_event *event = take_event(sim);
        set_contact(sim, event->port, event->bit, event->level);
        free(event);
    }
    return sim->events ? sim->events->cycle : 0;
}

static void arm_contacts(struct fluksosim *sim)
{
    avr_cycle_timer_cancel(sim->avr, on_contact, sim);
    if (sim->events) {
        const uint64_t now = sim->avr->cycle;
        avr_cycle_timer_register(sim->avr, sim->events->cycle > now ? sim->events->cycle - now : 1, on_contact, sim);
    }
}

void restore_contacts(struct fluksosim *sim)
{
    for (int port = 'A'; port <= 'H'; port++) {
        for (uint8_t bit = 0; bit < 8; bit++) {
            if (sim->pulls[port][0] & (1U << bit)) {
                const uint8_t level = (sim->pulls[port][1] >> bit) & 1U;
                avr_irq_t *irq = avr_io_getirq(sim->avr, AVR_IOCTL_IOPORT_GETIRQ(port), bit);
                irq->value = !level; // the registers were cleared: a filtered IRQ would not be raised again
                avr_raise_irq(irq, level);
            }
        }
    }
    arm_contacts(sim);
}

void forget_contacts(struct fluksosim *sim)
{
    while (sim->events) {
        free(take_event(sim));
    }
}

// Level of an input pin (port 'D', bit 2, ...) from `cycle` on.
API void fluksosim_contact(struct fluksosim *sim, uint64_t cycle, int port, int bit, int level)
{
    struct contact_event *event = malloc(sizeof *event);
    struct contact_event *before = sim->last_event; // most events are later than all others
    while (before && before->cycle > cycle) {
        before = before->previous;
    }
    struct contact_event *after = before ? before->next : sim->events;
    *event = (struct contact_event){.cycle = cycle,
                                    .port = (uint8_t)port,
                                    .bit = (uint8_t)(bit & 7),
                                    .level = level ? 1 : 0,
                                    .next = after,
                                    .previous = before};
    *(before ? &before->next : &sim->events) = event;
    *(after ? &after->previous : &sim->last_event) = event;
    if (!before) {
        arm_contacts(sim);
    }
}
